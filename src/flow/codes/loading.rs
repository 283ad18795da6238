//! Codes of problems that are found when a file is loaded: the set is refused.

use super::{Code, Explanation, Sample, Severity};

pub(super) const CODES: &[Explanation] = &[
    Explanation {
        code: Code::Syntax,
        severity: Severity::Error,
        title: "the file is not valid Rhai",
        text: "The parser could not go on at this place. Often the mistake is just before it: a missing `;`, a brace that is not \
               closed, or a construct of JavaScript, for which the hint says how it is written here.",
        wrong: Sample::files(&[(
            "10-mail.rhai",
            "fn onExecutePostLogin(event, api) {\n    const { email } = event.user;\n    print(email);\n}\n",
        )]),
        right: Sample::files(&[(
            "10-mail.rhai",
            "fn onExecutePostLogin(event, api) {\n    let email = event.user.email;\n    print(email);\n}\n",
        )]),
    },
    Explanation {
        code: Code::UnknownVariable,
        severity: Severity::Error,
        title: "unknown variable",
        text: "The name is neither declared with `let` before this place, nor a parameter of the function, nor a `const` of the file. A \
               function sees nothing of the function that calls it: what it needs is passed as an argument.",
        wrong: Sample::files(&[(
            "10-roles.rhai",
            "fn onExecutePostLogin(event, api) {\n    let roles = event.authorization.roles;\n    api.idToken.setCustomClaim(\"roles\", role);\n}\n",
        )]),
        right: Sample::files(&[(
            "10-roles.rhai",
            "fn onExecutePostLogin(event, api) {\n    let roles = event.authorization.roles;\n    api.idToken.setCustomClaim(\"roles\", roles);\n}\n",
        )]),
    },
    Explanation {
        code: Code::UnknownNamespace,
        severity: Severity::Error,
        title: "unknown namespace",
        text: "`name::` is either one of the script library (`json::`, `time::`, `crypto::`, `base64::`, `url::`, `http::`) or a file \
               `lib/name.rhai` beside the actions.",
        wrong: Sample::files(&[
            ("lib/claims.rhai", "fn named(name) {\n    \"https://demo.example.com/\" + name\n}\n"),
            (
                "10-plan.rhai",
                "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(claim::named(\"plan\"), \"pro\");\n}\n",
            ),
        ]),
        right: Sample::files(&[
            ("lib/claims.rhai", "fn named(name) {\n    \"https://demo.example.com/\" + name\n}\n"),
            (
                "10-plan.rhai",
                "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(claims::named(\"plan\"), \"pro\");\n}\n",
            ),
        ]),
    },
    Explanation {
        code: Code::UnknownFunction,
        severity: Severity::Error,
        title: "unknown function",
        text: "No function or method of this name exists, whatever its arguments: neither in the file nor in the language nor in the \
               script library. Functions of other files are called through their namespace, `name::function()`.",
        wrong: Sample::files(&[(
            "10-mail.rhai",
            "fn onExecutePostLogin(event, api) {\n    let domain = event.user.email.splitt(\"@\")[1];\n    api.idToken.setCustomClaim(\"domain\", domain);\n}\n",
        )]),
        right: Sample::files(&[(
            "10-mail.rhai",
            "fn onExecutePostLogin(event, api) {\n    let domain = event.user.email.split(\"@\")[1];\n    api.idToken.setCustomClaim(\"domain\", domain);\n}\n",
        )]),
    },
    Explanation {
        code: Code::UnknownLibraryFunction,
        severity: Severity::Error,
        title: "unknown function of a namespace",
        text: "The namespace exists, and has no function of this name with this number of arguments.",
        wrong: Sample::files(&[(
            "10-hash.rhai",
            "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"pseudonym\", crypto::sha265(event.user.user_id));\n}\n",
        )]),
        right: Sample::files(&[(
            "10-hash.rhai",
            "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"pseudonym\", crypto::sha256(event.user.user_id));\n}\n",
        )]),
    },
    Explanation {
        code: Code::TopLevelStatement,
        severity: Severity::Error,
        title: "a statement outside of functions",
        text: "A file holds functions and constants. Nothing runs when it is loaded, so a statement at the top would never have an \
               effect, and a variable there would not be seen by the functions.",
        wrong: Sample::files(&[(
            "10-region.rhai",
            "let region = \"eu\";\n\nfn onExecutePostLogin(event, api) {\n    api.tokenResponse.setCustomParameter(\"region\", \"eu\");\n}\n",
        )]),
        right: Sample::files(&[(
            "10-region.rhai",
            "const REGION = \"eu\";\n\nfn onExecutePostLogin(event, api) {\n    api.tokenResponse.setCustomParameter(\"region\", REGION);\n}\n",
        )]),
    },
    Explanation {
        code: Code::ReservedName,
        severity: Severity::Error,
        title: "a name of ours is taken",
        text: "Rhai prefers functions of the script to native ones, even to methods of `api`: with a function `deny` in the file, \
               `api.access.deny(…)` would call that one and nobody would be denied. So such a file is refused.",
        wrong: Sample::files(&[(
            "10-block.rhai",
            "fn onExecutePostLogin(event, api) {\n    deny(api);\n}\n\nfn deny(api) {\n    api.access.deny(\"blocked\");\n}\n",
        )]),
        right: Sample::files(&[(
            "10-block.rhai",
            "fn onExecutePostLogin(event, api) {\n    refuse_login(api);\n}\n\nfn refuse_login(api) {\n    api.access.deny(\"blocked\");\n}\n",
        )]),
    },
    Explanation {
        code: Code::StoredFunction,
        severity: Severity::Error,
        title: "a function value is stored",
        text: "A function value `|x| …` may only be an argument of a method that calls it at once, such as `filter` or `map`. Stored in \
               a variable, it could be put into what it has captured, and that memory would never be freed.",
        wrong: Sample::files(&[(
            "10-roles.rhai",
            "fn onExecutePostLogin(event, api) {\n    let is_public = |role| !role.starts_with(\"internal\");\n    api.idToken.setCustomClaim(\"roles\", event.authorization.roles.filter(is_public));\n}\n",
        )]),
        right: Sample::files(&[(
            "10-roles.rhai",
            "fn onExecutePostLogin(event, api) {\n    let roles = event.authorization.roles.filter(|role| !role.starts_with(\"internal\"));\n    api.idToken.setCustomClaim(\"roles\", roles);\n}\n",
        )]),
    },
    Explanation {
        code: Code::ConstantAssigned,
        severity: Severity::Error,
        title: "a constant is assigned to",
        text: "Constants keep their value. Work on a copy: `let copy = NAME;`.",
        wrong: Sample::files(&[(
            "10-count.rhai",
            "const LIMITS = #{ free: 10 };\n\nfn onExecutePostLogin(event, api) {\n    LIMITS.pro = 100;\n    api.accessToken.setCustomClaim(\"limits\", LIMITS);\n}\n",
        )]),
        right: Sample::files(&[(
            "10-count.rhai",
            "const LIMITS = #{ free: 10 };\n\nfn onExecutePostLogin(event, api) {\n    let limits = LIMITS;\n    limits.pro = 100;\n    api.accessToken.setCustomClaim(\"limits\", limits);\n}\n",
        )]),
    },
    Explanation {
        code: Code::TooManyArguments,
        severity: Severity::Error,
        title: "too many arguments",
        text: "A call has at most 12 arguments and a function at most 12 parameters: where no function fits, the engine tries \
               combinations of arguments in one step that no deadline can interrupt. Pass a map.",
        wrong: Sample::files(&[(
            "10-sum.rhai",
            "fn onExecutePostLogin(event, api) {\n    print(sum(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13));\n}\n\nfn sum(list) {\n    list.reduce(|total, x| total + x, 0)\n}\n",
        )]),
        right: Sample::files(&[(
            "10-sum.rhai",
            "fn onExecutePostLogin(event, api) {\n    print(sum([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]));\n}\n\nfn sum(list) {\n    list.reduce(|total, x| total + x, 0)\n}\n",
        )]),
    },
    Explanation {
        code: Code::ConstantNotComputed,
        severity: Severity::Error,
        title: "a constant cannot be computed",
        text: "Constants are computed once, when the file is loaded, without anything from outside: no `::` functions, no event, and \
               within the limits of a run.",
        wrong: Sample::files(&[(
            "10-since.rhai",
            "const SINCE = time::parse(\"2026-01-01T00:00:00Z\");\n\nfn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"old\", time::parse(event.user.created_at) < SINCE);\n}\n",
        )]),
        right: Sample::files(&[(
            "10-since.rhai",
            "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"old\", time::parse(event.user.created_at) < since());\n}\n\nfn since() {\n    time::parse(\"2026-01-01T00:00:00Z\")\n}\n",
        )]),
    },
    Explanation {
        code: Code::NoHandler,
        severity: Severity::Error,
        title: "the file has no handler",
        text: "A file takes part in logins by defining `onExecutePostLogin(event, api)`, in machine tokens by \
               `onExecuteCredentialsExchange(event, api)`. Functions that several actions share belong into `lib/`; a file that rests \
               begins with `_`.",
        wrong: Sample::files(&[(
            "10-names.rhai",
            "fn full_name(user) {\n    user.given_name + \" \" + user.family_name\n}\n",
        )]),
        right: Sample::files(&[(
            "lib/names.rhai",
            "fn full_name(user) {\n    user.given_name + \" \" + user.family_name\n}\n",
        )]),
    },
    Explanation {
        code: Code::MisspeltHandler,
        severity: Severity::Error,
        title: "a misspelt handler",
        text: "The name of the function is nearly that of a handler, and nobody calls it: a handler is found by its exact name.",
        wrong: Sample::files(&[(
            "10-plan.rhai",
            "fn onExecutePostlogin(event, api) {\n    api.idToken.setCustomClaim(\"plan\", \"pro\");\n}\n",
        )]),
        right: Sample::files(&[(
            "10-plan.rhai",
            "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"plan\", \"pro\");\n}\n",
        )]),
    },
    Explanation {
        code: Code::HandlerParameters,
        severity: Severity::Error,
        title: "a handler with other parameters",
        text: "A handler is called with two arguments, `event` and `api`; it takes both, even if it uses only one.",
        wrong: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event) {\n    print(event.user.user_id);\n}\n")]),
        right: Sample::files(&[(
            "10-plan.rhai",
            "fn onExecutePostLogin(event, api) {\n    print(event.user.user_id);\n}\n",
        )]),
    },
    Explanation {
        code: Code::HandlerInLibrary,
        severity: Severity::Error,
        title: "a handler in `lib/`",
        text: "Files of `lib/` hold what actions share and are not actions: a handler there would never be called.",
        wrong: Sample::files(&[(
            "lib/plan.rhai",
            "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"plan\", \"pro\");\n}\n",
        )]),
        right: Sample::files(&[(
            "10-plan.rhai",
            "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"plan\", \"pro\");\n}\n",
        )]),
    },
    Explanation {
        code: Code::NamespaceName,
        severity: Severity::Error,
        title: "a file of `lib/` that cannot be a namespace",
        text: "The name of a file in `lib/` is its namespace: letters, digits and `_`, and not one that the script library has.",
        wrong: Sample::files(&[("lib/time.rhai", "fn tomorrow() {\n    time::now() + 86400000\n}\n")]),
        right: Sample::files(&[("lib/calendar.rhai", "fn tomorrow() {\n    time::now() + 86400000\n}\n")]),
    },
    Explanation {
        code: Code::Unreadable,
        severity: Severity::Error,
        title: "a file or directory cannot be read",
        text: "The directory of the actions, or a file in it, is missing or may not be read by this process. Where nothing can be \
               read nothing is decided: the server does not start, and a running one keeps the last good actions.",
        wrong: Sample::files(&[("10-a.rhai", "fn onExecutePostLogin(event, api) {}\n")])
            .with("[actions]\ndirectory = \"action\"\n"),
        right: Sample::files(&[("10-a.rhai", "fn onExecutePostLogin(event, api) {}\n")])
            .with("[actions]\ndirectory = \"actions\"\n"),
    },
    Explanation {
        code: Code::FileTooLarge,
        severity: Severity::Error,
        title: "the file is too large",
        text: "The time to parse a file grows faster than the file, so its size is limited by `max_file_size` (64 KiB at most). Large \
               tables belong into metadata, or behind `http::get` with `api.cache`.",
        wrong: Sample::files(&[(
            "10-a.rhai",
            "// A comment that is longer than the limit allows.\nfn onExecutePostLogin(event, api) {}\n",
        )])
        .with("[actions]\nmax_file_size = 40\n"),
        right: Sample::files(&[("10-a.rhai", "fn onExecutePostLogin(event, api) {}\n")])
            .with("[actions]\nmax_file_size = 40\n"),
    },
    Explanation {
        code: Code::NotText,
        severity: Severity::Error,
        title: "the file is not plain text",
        text: "The file is not UTF-8, begins with a byte order mark, or holds characters that are invisible and change what a \
               reader sees, such as a carriage return without a line feed: code must be what it looks like.",
        wrong: Sample::files(&[("10-a.rhai", "\u{feff}fn onExecutePostLogin(event, api) {}\n")]),
        right: Sample::files(&[("10-a.rhai", "fn onExecutePostLogin(event, api) {}\n")]),
    },
    Explanation {
        code: Code::SettingsWithoutFile,
        severity: Severity::Warning,
        title: "settings without a file",
        text: "A table `[actions.settings.\"name\"]` belongs to the file `name.rhai`, and there is none. Either the name is misspelt, \
               and the action runs without its settings, or the file was deleted and its settings were not.",
        wrong: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {}\n")])
            .with("[actions.settings.\"10-plam\"]\non_error = \"skip\"\n"),
        right: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {}\n")])
            .with("[actions.settings.\"10-plan\"]\non_error = \"skip\"\n"),
    },
    Explanation {
        code: Code::TooComplex,
        severity: Severity::Error,
        title: "too complex to be compiled",
        text: "Nested expressions need stack at each level, and a file may have `max_functions` functions. Put parts of the expression \
               into variables, or functions into `lib/`.",
        wrong: Sample::files(&[(
            "10-deep.rhai",
            "fn onExecutePostLogin(event, api) {\n    let deep = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]];\n    print(deep);\n}\n",
        )]),
        right: Sample::files(&[(
            "10-deep.rhai",
            "fn onExecutePostLogin(event, api) {\n    let deep = [[[[[[[[0]]]]]]]];\n    deep = [[[[[[[[deep]]]]]]]];\n    print(deep);\n}\n",
        )]),
    },
];
