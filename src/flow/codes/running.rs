//! Codes of problems of a run: the action fails, and its `on_error` decides what that means for the login.

use super::{Code, Explanation, Sample, Severity};

pub(super) const CODES: &[Explanation] = &[
    Explanation {
        code: Code::Thrown,
        severity: Severity::Error,
        title: "the action threw an error",
        text: "A `throw` that nothing caught ends the action as failed. The client sees `server_error` with a reference, never the \
               text. To refuse a login with a reason for the client, use `api.access.deny(reason)`.",
        wrong: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    if event.user.app_metadata.plan == () {\n        throw \"no plan\";\n    }\n}\n")]).at_login(),
        right: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    if event.user.app_metadata.plan == () {\n        api.access.deny(\"Choose a plan first.\");\n    }\n}\n")]).at_login(),
    },
    Explanation {
        code: Code::UnknownMember,
        severity: Severity::Error,
        title: "unknown property of `event`",
        text: "`event` has fixed members, and a name that is none of them is an error rather than nothing: a condition on a misspelt \
               member would otherwise silently always be false. Free-form parts (metadata, query, body) yield `()` for what is absent. \
               The members are listed in docs/actions-api.md.",
        wrong: Sample::files(&[("10-mail.rhai", "fn onExecutePostLogin(event, api) {\n    if event.user.emial_verified {\n        api.idToken.setCustomClaim(\"proven\", true);\n    }\n}\n")]),
        right: Sample::files(&[("10-mail.rhai", "fn onExecutePostLogin(event, api) {\n    if event.user.email_verified {\n        api.idToken.setCustomClaim(\"proven\", true);\n    }\n}\n")]),
    },
    Explanation {
        code: Code::NoProperties,
        severity: Severity::Error,
        title: "a property of something that has none",
        text: "What is absent is `()`, and `()` has no properties. `x?.y` is `()` if `x` is, and `x?.y ?? z` gives a default.",
        wrong: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"plan\", event.user.app_metadata.billing.plan);\n}\n")]).at_login(),
        right: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"plan\", event.user.app_metadata.billing?.plan ?? \"free\");\n}\n")]).at_login(),
    },
    Explanation {
        code: Code::WrongTypes,
        severity: Severity::Error,
        title: "a function or operator for other types",
        text: "The function or operator exists, but not for values of these types. The message lists the types that were given; often \
               one of them is `()`, the value of what is absent.",
        wrong: Sample::files(&[("10-count.rhai", "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"seats\", event.user.app_metadata.seats + 1);\n}\n")]).at_login(),
        right: Sample::files(&[("10-count.rhai", "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"seats\", (event.user.app_metadata.seats ?? 0) + 1);\n}\n")]).at_login(),
    },
    Explanation {
        code: Code::NoBoolean,
        severity: Severity::Error,
        title: "a condition that is neither true nor false",
        text: "Only `true` and `false` are conditions; a text, a number or `()` is none. Ask for what is meant: `x != ()` for presence, \
               `x != \"\"` for a text, `x ?? false` for a flag that may be absent.",
        wrong: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    if event.user.app_metadata.beta {\n        api.idToken.setCustomClaim(\"beta\", true);\n    }\n}\n")]).at_login(),
        right: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    if event.user.app_metadata.beta ?? false {\n        api.idToken.setCustomClaim(\"beta\", true);\n    }\n}\n")]).at_login(),
    },
    Explanation {
        code: Code::Arithmetic,
        severity: Severity::Error,
        title: "arithmetic without a result",
        text: "Division by zero, and integers beyond 64 bits, are errors: nothing is rounded or wrapped behind your back.",
        wrong: Sample::files(&[("10-share.rhai", "fn onExecutePostLogin(event, api) {\n    let members = event.user.app_metadata.members ?? 0;\n    api.idToken.setCustomClaim(\"share\", 100 / members);\n}\n")]).at_login(),
        right: Sample::files(&[("10-share.rhai", "fn onExecutePostLogin(event, api) {\n    let members = event.user.app_metadata.members ?? 1;\n    api.idToken.setCustomClaim(\"share\", 100 / members);\n}\n")]).at_login(),
    },
    Explanation {
        code: Code::OutOfBounds,
        severity: Severity::Error,
        title: "an index that does not exist",
        text: "Lists and texts begin at 0 and end at `len() - 1`; -1 is the last element. Look at the length first, or use `list.at(i)`, \
               which is `()` for what does not exist.",
        wrong: Sample::files(&[("10-role.rhai", "fn onExecutePostLogin(event, api) {\n    let groups = event.user.app_metadata.groups ?? [];\n    api.idToken.setCustomClaim(\"main_group\", groups[0]);\n}\n")]).at_login(),
        right: Sample::files(&[("10-role.rhai", "fn onExecutePostLogin(event, api) {\n    let groups = event.user.app_metadata.groups ?? [];\n    api.idToken.setCustomClaim(\"main_group\", groups.at(0));\n}\n")]).at_login(),
    },
    Explanation {
        code: Code::WrongArgument,
        severity: Severity::Error,
        title: "an argument that a built-in function refuses",
        text: "The function got a value that it cannot work with. The message names the function and what it expects; \
               docs/actions-api.md says what each function takes.",
        wrong: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    let settings = json::parse(event.user.app_metadata.settings ?? \"\");\n    api.idToken.setCustomClaim(\"theme\", settings.theme);\n}\n")]).at_login(),
        right: Sample::files(&[("10-plan.rhai", "fn onExecutePostLogin(event, api) {\n    let settings = json::parse(event.user.app_metadata.settings ?? \"{}\");\n    api.idToken.setCustomClaim(\"theme\", settings.theme);\n}\n")]).at_login(),
    },
    Explanation {
        code: Code::TooManyOperations,
        severity: Severity::Error,
        title: "too many operations",
        text: "A run has a budget of operations (`max_operations`), so that no script can hold up a login. Mostly a loop does not end.",
        wrong: Sample::files(&[("10-loop.rhai", "fn onExecutePostLogin(event, api) {\n    let n = 0;\n    while n < 10 {\n        print(n);\n    }\n}\n")]).with("[actions]\nmax_operations = 1000\n").at_login(),
        right: Sample::files(&[("10-loop.rhai", "fn onExecutePostLogin(event, api) {\n    let n = 0;\n    while n < 10 {\n        print(n);\n        n += 1;\n    }\n}\n")]).with("[actions]\nmax_operations = 1000\n").at_login(),
    },
    Explanation {
        code: Code::TooManyCalls,
        severity: Severity::Error,
        title: "too many nested calls",
        text: "Functions may call each other `max_call_levels` deep. Mostly a recursion does not end.",
        wrong: Sample::files(&[("10-deep.rhai", "fn onExecutePostLogin(event, api) {\n    print(factorial(5));\n}\n\nfn factorial(n) {\n    n * factorial(n - 1)\n}\n")]).at_login(),
        right: Sample::files(&[("10-deep.rhai", "fn onExecutePostLogin(event, api) {\n    print(factorial(5));\n}\n\nfn factorial(n) {\n    if n < 2 { 1 } else { n * factorial(n - 1) }\n}\n")]).at_login(),
    },
    Explanation {
        code: Code::Deadline,
        severity: Severity::Error,
        title: "the deadline has passed",
        text: "All actions of a login together have `deadline_ms` milliseconds, calls of `http::` included. The action that runs when \
               the time is over fails.",
        wrong: Sample::files(&[("10-slow.rhai", "fn onExecutePostLogin(event, api) {\n    for i in 0..100000000 {\n        let x = i * i;\n    }\n}\n")]).with("[actions]\ndeadline_ms = 5\nmax_operations = 100000000\n").at_login(),
        right: Sample::files(&[("10-slow.rhai", "fn onExecutePostLogin(event, api) {\n    for i in 0..10 {\n        let x = i * i;\n    }\n}\n")]).at_login(),
    },
    Explanation {
        code: Code::Memory,
        severity: Severity::Error,
        title: "too much memory",
        text: "A run may hold `max_memory` bytes at once. Mostly something grows in a loop.",
        wrong: Sample::files(&[("10-grow.rhai", "fn onExecutePostLogin(event, api) {\n    let all = #{};\n    for i in 0..100000 {\n        all[`key ${i}`] = \"value \" + i;\n    }\n}\n")]).with("[actions]\nmax_memory = 200000\n").at_login(),
        right: Sample::files(&[("10-grow.rhai", "fn onExecutePostLogin(event, api) {\n    let all = #{};\n    for i in 0..10 {\n        all[`key ${i}`] = \"value \" + i;\n    }\n}\n")]).at_login(),
    },
    Explanation {
        code: Code::DataTooLarge,
        severity: Severity::Error,
        title: "a value is too large",
        text: "Texts, lists and maps have limits (`max_string_size`, `max_array_size`, `max_map_size`), counted over everything that is \
               nested in them, and a run a number of variables (`max_variables`).",
        wrong: Sample::files(&[("10-text.rhai", "fn onExecutePostLogin(event, api) {\n    let text = \"0123456789\";\n    for i in 0..10 {\n        text += text;\n    }\n}\n")]).with("[actions]\nmax_string_size = 1000\n").at_login(),
        right: Sample::files(&[("10-text.rhai", "fn onExecutePostLogin(event, api) {\n    let text = \"0123456789\";\n    for i in 0..5 {\n        text += text;\n    }\n}\n")]).with("[actions]\nmax_string_size = 1000\n").at_login(),
    },
    Explanation {
        code: Code::ClosureOnItself,
        severity: Severity::Error,
        title: "a closure uses the value that is being worked on",
        text: "While `list.filter(…)` runs, `list` is in use; a closure that reads it as well would wait for itself. Copy it before.",
        wrong: Sample::files(&[("10-list.rhai", "fn onExecutePostLogin(event, api) {\n    let list = [3, 1, 2];\n    list.retain(|x| x < list.len());\n}\n")]).at_login(),
        right: Sample::files(&[("10-list.rhai", "fn onExecutePostLogin(event, api) {\n    let list = [3, 1, 2];\n    let length = list.len();\n    list.retain(|x| x < length);\n}\n")]).at_login(),
    },
    Explanation {
        code: Code::HttpCall,
        severity: Severity::Error,
        title: "a call of `http::` failed",
        text: "The URL or an option is wrong, the host is not in `allow_hosts`, the action made more than three calls, or no answer came \
               in time. An answer with an error status is no failure: look at `ok` and `status`. `try { … } catch { … }` goes on \
               without the answer.",
        wrong: Sample::files(&[("10-risk.rhai", "fn onExecutePostLogin(event, api) {\n    let host = event.user.app_metadata.risk_host ?? \"risk.example.com\";\n    let answer = http::get(`https://${host}/score`);\n    api.accessToken.setCustomClaim(\"risk\", answer.json?.score);\n}\n")]).at_login(),
        right: Sample::files(&[("10-risk.rhai", "fn onExecutePostLogin(event, api) {\n    let host = event.user.app_metadata.risk_host ?? \"risk.example.com\";\n    try {\n        let answer = http::get(`https://${host}/score`);\n        api.accessToken.setCustomClaim(\"risk\", answer.json?.score);\n    } catch {\n        print(\"no risk score\");\n    }\n}\n")]).at_login(),
    },
    Explanation {
        code: Code::Refused,
        severity: Severity::Error,
        title: "the language refuses it",
        text: "The engine cannot do this with these values: for instance, there is no `this` where a function is not called as a \
               method. The message is the engine's.",
        wrong: Sample::files(&[("10-name.rhai", "fn onExecutePostLogin(event, api) {\n    let user = event.user;\n    api.idToken.setCustomClaim(\"shown\", shown());\n}\n\nfn shown() {\n    this.name ?? this.email\n}\n")]).at_login(),
        right: Sample::files(&[("10-name.rhai", "fn onExecutePostLogin(event, api) {\n    let user = event.user;\n    api.idToken.setCustomClaim(\"shown\", user.shown());\n}\n\nfn shown() {\n    this.name ?? this.email\n}\n")]).at_login(),
    },
    Explanation {
        code: Code::Panicked,
        severity: Severity::Error,
        title: "a built-in function panicked",
        text: "This is a bug of Vestibule, not of the action. The action counts as failed and nothing else is harmed; please report \
               the message with the line of the action.",
        wrong: Sample::files(&[]),
        right: Sample::files(&[]),
    },
];
