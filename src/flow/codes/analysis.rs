//! Codes of problems that the analysis of `vestibule check` finds: the set works, but not where the problem is.

use super::{Code, Explanation, Sample, Severity};

pub(super) const CODES: &[Explanation] = &[
    Explanation {
        code: Code::UnknownApi,
        severity: Severity::Error,
        title: "unknown object or method of `api`",
        text: "The objects of `api` depend on the trigger: a machine has no ID token, no user and no session. Each object has its own \
               methods; docs/actions-api.md lists them.",
        wrong: Sample::files(&[("10-plan.rhai", "fn onExecuteCredentialsExchange(event, api) {\n    api.idToken.setCustomClaim(\"plan\", event.client.metadata.plan);\n}\n")]),
        right: Sample::files(&[("10-plan.rhai", "fn onExecuteCredentialsExchange(event, api) {\n    api.accessToken.setCustomClaim(\"plan\", event.client.metadata.plan);\n}\n")]),
    },
    Explanation {
        code: Code::ApiArguments,
        severity: Severity::Error,
        title: "a method of `api` with another number of arguments",
        text: "The method exists and takes another number of arguments; the hint shows how it is called.",
        wrong: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(#{ plan: \"pro\" });\n}\n")]),
        right: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"plan\", \"pro\");\n}\n")]),
    },
    Explanation {
        code: Code::AbsentInTrigger,
        severity: Severity::Error,
        title: "a part of `event` that this trigger never has",
        text: "A machine is nobody: `event.user`, `event.session` and the like are `()` in credentials-exchange, and `event.accessToken` \
               is `()` in post-login. Reading through `()` fails; `event.user?.email` is `()` then.",
        wrong: Sample::files(&[("10-region.rhai", "fn onExecuteCredentialsExchange(event, api) {\n    api.accessToken.setCustomClaim(\"region\", event.user.app_metadata.region);\n}\n")]),
        right: Sample::files(&[("10-region.rhai", "fn onExecuteCredentialsExchange(event, api) {\n    api.accessToken.setCustomClaim(\"region\", event.client.metadata.region);\n}\n")]),
    },
    Explanation {
        code: Code::ReservedClaim,
        severity: Severity::Error,
        title: "a reserved name",
        text: "The name belongs to the protocol or the server, so the call is refused and has no effect; the login goes on without it. \
               Claims of your own are safe from every standard under a URL that you own: `https://demo.example.com/plan`.",
        wrong: Sample::files(&[("10-aud.rhai", "fn onExecutePostLogin(event, api) {\n    api.accessToken.setCustomClaim(\"scope\", \"read write\");\n}\n")]),
        right: Sample::files(&[("10-aud.rhai", "fn onExecutePostLogin(event, api) {\n    api.accessToken.addScope(\"read\");\n    api.accessToken.addScope(\"write\");\n}\n")]),
    },
    Explanation {
        code: Code::MisspeltClaim,
        severity: Severity::Warning,
        title: "nearly the name of a standard claim",
        text: "The claim is set as asked, under a name that no application looks for: it differs in a letter from one that OpenID \
               Connect defines.",
        wrong: Sample::files(&[("10-mail.rhai", "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"prefered_username\", event.user.username);\n}\n")]),
        right: Sample::files(&[("10-mail.rhai", "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"preferred_username\", event.user.username);\n}\n")]),
    },
    Explanation {
        code: Code::WrittenTwice,
        severity: Severity::Warning,
        title: "two actions write the same name",
        text: "Both can take part in the same login; the later one wins, whatever the earlier one has set. If that is meant, say so on the \
               line: `// vestibule: allow V0065`.",
        wrong: Sample::files(&[
            ("10-free.rhai", "fn onExecutePostLogin(event, api) {\n    api.accessToken.setCustomClaim(\"plan\", \"free\");\n}\n"),
            ("20-pro.rhai", "fn onExecutePostLogin(event, api) {\n    if event.user.app_metadata.paid == true {\n        api.accessToken.setCustomClaim(\"plan\", \"pro\");\n    }\n}\n"),
        ]),
        right: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    let plan = if event.user.app_metadata.paid == true { \"pro\" } else { \"free\" };\n    api.accessToken.setCustomClaim(\"plan\", plan);\n}\n")]),
    },
    Explanation {
        code: Code::UnknownSecret,
        severity: Severity::Error,
        title: "a secret that is not configured",
        text: "An action has the secrets of its own settings and no others; one that is missing is `()`. Where a missing secret is \
               expected, say what happens then: `event.secrets.KEY ?? \"\"`, or compare it with `()`.",
        wrong: Sample::files(&[("10-sign.rhai", "fn onExecutePostLogin(event, api) {\n    let mark = crypto::hmac_sha256(event.secrets.SIGNING_KEY, event.user.user_id);\n    api.idToken.setCustomClaim(\"mark\", mark);\n}\n")])
            .with("[actions.settings.\"10-sign\"]\non_error = \"deny\"\n"),
        right: Sample::files(&[("10-sign.rhai", "fn onExecutePostLogin(event, api) {\n    let mark = crypto::hmac_sha256(event.secrets.SIGNING_KEY, event.user.user_id);\n    api.idToken.setCustomClaim(\"mark\", mark);\n}\n")])
            .with("[actions.settings.\"10-sign\"]\nsecrets = { SIGNING_KEY = \"for development only\" }\n"),
    },
    Explanation {
        code: Code::UnusedSecret,
        severity: Severity::Warning,
        title: "a secret that nobody reads",
        text: "The secret is configured for an action that never reads it: a misspelt name, or a secret that should not lie around \
               any more.",
        wrong: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"plan\", \"pro\");\n}\n")])
            .with("[actions.settings.\"10-plan\"]\nsecrets = { BILLING_KEY = \"for development only\" }\n"),
        right: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"plan\", \"pro\");\n}\n")])
            .with("[actions.settings.\"10-plan\"]\non_error = \"skip\"\n"),
    },
    Explanation {
        code: Code::AfterDeny,
        severity: Severity::Warning,
        title: "set after the login was denied",
        text: "`api.access.deny` does not end the action, and a denied login has no tokens: what is set after it in the same block has \
               no effect. Mostly a `return;` is missing, or the call stands in the wrong branch.",
        wrong: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    if event.user.app_metadata.plan == () {\n        api.access.deny(\"Choose a plan first.\");\n        api.idToken.setCustomClaim(\"plan\", \"none\");\n    }\n}\n")]),
        right: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    if event.user.app_metadata.plan == () {\n        api.access.deny(\"Choose a plan first.\");\n        return;\n    }\n    api.idToken.setCustomClaim(\"plan\", event.user.app_metadata.plan);\n}\n")]),
    },
    Explanation {
        code: Code::HostNotAllowed,
        severity: Severity::Error,
        title: "a host that is not allowed",
        text: "An action calls only the hosts in its `allow_hosts`; each call of another fails, and the action with it.",
        wrong: Sample::files(&[("10-risk.rhai", "fn onExecutePostLogin(event, api) {\n    let answer = http::get(\"https://risk.example.com/score/\" + event.user.user_id);\n    api.accessToken.setCustomClaim(\"risk\", answer.json?.score);\n}\n")])
            .with("[actions.settings.\"10-risk\"]\nallow_hosts = [\"api.example.com\"]\n"),
        right: Sample::files(&[("10-risk.rhai", "fn onExecutePostLogin(event, api) {\n    let answer = http::get(\"https://risk.example.com/score/\" + event.user.user_id);\n    api.accessToken.setCustomClaim(\"risk\", answer.json?.score);\n}\n")])
            .with("[actions.settings.\"10-risk\"]\nallow_hosts = [\"risk.example.com\"]\n"),
    },
    Explanation {
        code: Code::ReadOnlyEvent,
        severity: Severity::Warning,
        title: "`event` is assigned to",
        text: "`event` is read-only: assigning to it has no effect, and the attempt is recorded as refused. What may be changed is changed \
               by a call of `api`.",
        wrong: Sample::files(&[("10-meta.rhai", "fn onExecutePostLogin(event, api) {\n    event.user.app_metadata.plan = \"pro\";\n}\n")]),
        right: Sample::files(&[("10-meta.rhai", "fn onExecutePostLogin(event, api) {\n    api.user.setAppMetadata(\"plan\", \"pro\");\n}\n")]),
    },
];
