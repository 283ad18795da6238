//! The objects and methods of `api` as authors see them: one table, from which come the names that are known and suggested,
//! the analysis of `check`, the definitions for editors and the documentation. Tests hold it against the registrations, and
//! run the examples.

use crate::flow::Trigger;

/// An object of `api`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Object {
    /// The property of `api`: `idToken`.
    pub name: &'static str,
    /// How scripts reach it, and what error texts call its type: `api.idToken`.
    pub path: &'static str,
    /// In which triggers it exists.
    pub triggers: &'static [Trigger],
    /// What it is for.
    pub text: &'static str,
    /// In alphabetical order.
    pub methods: &'static [Method],
}

/// A method of an object.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Parameters as they are written in documentation, `value: any`; those with ` = ` may be left out.
    pub parameters: &'static [&'static str],
    /// What a call yields.
    pub yields: &'static str,
    /// The effect.
    pub text: &'static str,
    /// What is refused, or is an error; empty if there is nothing.
    pub refuses: &'static str,
    /// What a first argument names.
    pub writes: Writes,
    /// Run as tests.
    pub examples: &'static [Example],
}

/// What a method writes under the name that is its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writes {
    /// Nothing by a name.
    Nothing,
    /// A claim of the ID token.
    IdTokenClaim,
    /// A claim of the access token.
    AccessTokenClaim,
    /// A member of the token response.
    Parameter,
    /// A scope.
    Scope,
    /// A key of `app_metadata`.
    AppMetadata,
    /// A key of `user_metadata`.
    UserMetadata,
    /// The verdict.
    Denial,
}

/// A call and what the decision says then.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Example {
    /// The body of a handler.
    pub script: &'static str,
    /// What the decision holds, as JSON; `error: ` and a part of the message if the call fails.
    pub decides: &'static str,
    /// The trigger that it runs in.
    pub trigger: Trigger,
}

impl Object {
    /// The object of a property of `api`.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        OBJECTS.iter().find(|object| object.name == name)
    }

    /// Whether the object exists in the trigger.
    #[must_use]
    pub fn exists_in(&self, trigger: Trigger) -> bool {
        self.triggers.contains(&trigger)
    }

    /// The method of the name.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<&'static Method> {
        Self::of(self.name)?.methods.iter().find(|method| method.name == name)
    }
}

impl Method {
    /// How few and how many arguments a call has.
    #[must_use]
    pub fn arguments(&self) -> std::ops::RangeInclusive<usize> {
        let needed = self.parameters.iter().filter(|parameter| !parameter.contains(" = ")).count();
        needed..=self.parameters.len()
    }

    /// `setCustomClaim(name, value)`.
    #[must_use]
    pub fn call(&self) -> String {
        let names = self.parameters.iter().map(|parameter| match parameter.split_once(": ") {
            Some((name, rest)) => {
                rest.split_once(" = ").map_or(name.to_owned(), |(_, default)| format!("{name} = {default}"))
            }
            None => (*parameter).to_owned(),
        });
        format!("{}({})", self.name, names.collect::<Vec<_>>().join(", "))
    }
}

const LOGIN: &[Trigger] = &[Trigger::PostLogin];
const BOTH: &[Trigger] = &[Trigger::PostLogin, Trigger::CredentialsExchange];

const fn at_login(script: &'static str, decides: &'static str) -> Example {
    Example { script, decides, trigger: Trigger::PostLogin }
}

const fn for_machine(script: &'static str, decides: &'static str) -> Example {
    Example { script, decides, trigger: Trigger::CredentialsExchange }
}

const CLAIM_REFUSALS: &str = "Names of the protocol (`sub`, `aud`, `scope` …) and namespaces of Auth0 are refused and recorded; so is a value that is no \
                              JSON or too large. `()` takes away what an earlier action set.";

/// Every object.
pub const OBJECTS: &[Object] = &[
    Object {
        name: "access",
        path: "api.access",
        triggers: BOTH,
        text: "Refuses the login.",
        methods: &[Method {
            name: "deny",
            parameters: &["code: string = \"access_denied\"", "reason: string"],
            yields: "api",
            text: "Refuses the login. The client gets the code as `error` and the reason as `error_description`. The action runs on to its end, \
                   later actions do not run, and nothing that was set reaches a token. In credentials-exchange a single argument that is a code \
                   counts as the code.",
            refuses: "A code that the grant does not allow is an error.",
            writes: Writes::Denial,
            examples: &[
                at_login(
                    r#"api.access.deny("Please verify your e-mail address.");"#,
                    r#"{"denied":"access_denied: Please verify your e-mail address."}"#,
                ),
                at_login(
                    r#"api.access.deny("invalid_request", "Which tenant?");"#,
                    r#"{"denied":"invalid_request: Which tenant?"}"#,
                ),
                at_login(r#"api.access.deny("forbidden", "No.");"#, "error: unknown code `forbidden`"),
                for_machine(
                    r#"api.access.deny("unauthorized_client", "No tier yet.");"#,
                    r#"{"denied":"unauthorized_client: No tier yet."}"#,
                ),
            ],
        }],
    },
    Object {
        name: "accessToken",
        path: "api.accessToken",
        triggers: BOTH,
        text: "The access token, for the API.",
        methods: &[
            Method {
                name: "addScope",
                parameters: &["scope: string"],
                yields: "api",
                text: "Grants a scope. Where an API was asked for, only what it defines is granted.",
                refuses: "An empty scope, or one with white space, is an error.",
                writes: Writes::Scope,
                examples: &[
                    at_login(r#"api.accessToken.addScope("read:things");"#, r#"{"scopes":["+read:things"]}"#),
                    at_login(r#"api.accessToken.addScope("read write");"#, "error: a scope cannot contain white space"),
                ],
            },
            Method {
                name: "removeScope",
                parameters: &["scope: string"],
                yields: "api",
                text: "Takes a scope away. The last edit of a scope wins.",
                refuses: "An empty scope, or one with white space, is an error.",
                writes: Writes::Scope,
                examples: &[for_machine(
                    r#"api.accessToken.removeScope("write:things");"#,
                    r#"{"scopes":["-write:things"]}"#,
                )],
            },
            Method {
                name: "setCustomClaim",
                parameters: &["name: string", "value: any"],
                yields: "api",
                text: "Sets a claim of the access token.",
                refuses: CLAIM_REFUSALS,
                writes: Writes::AccessTokenClaim,
                examples: &[
                    at_login(
                        r#"api.accessToken.setCustomClaim("roles", ["editor"]);"#,
                        r#"{"accessToken":{"roles":["editor"]}}"#,
                    ),
                    for_machine(
                        r#"api.accessToken.setCustomClaim("scope", "all");"#,
                        r#"{"refused":["scope: `scope` belongs to the protocol"]}"#,
                    ),
                ],
            },
        ],
    },
    Object {
        name: "cache",
        path: "api.cache",
        triggers: BOTH,
        text: "Texts that outlive the run, per trigger. A mistake is answered with a code and never thrown.",
        methods: &[
            Method {
                name: "delete",
                parameters: &["key: string"],
                yields: "map",
                text: "Forgets an entry. The answer has `type`: `success` or `error`, and then a `code`.",
                refuses: "At most 20 writes and deletions in a run.",
                writes: Writes::Nothing,
                examples: &[at_login(
                    r#"api.idToken.setCustomClaim("answer", api.cache.delete("nothing").type);"#,
                    r#"{"idToken":{"answer":"error"}}"#,
                )],
            },
            Method {
                name: "get",
                parameters: &["key: string"],
                yields: "map | ()",
                text: "The entry, with `value` and `expires_at` (milliseconds), or `()`.",
                refuses: "",
                writes: Writes::Nothing,
                examples: &[at_login(
                    r#"api.cache.set("score", "7"); api.idToken.setCustomClaim("score", api.cache.get("score")?.value);"#,
                    r#"{"idToken":{"score":"7"}}"#,
                )],
            },
            Method {
                name: "set",
                parameters: &["key: string", "value: string", "options: map = #{}"],
                yields: "map",
                text: "Keeps a text. Options: `ttl` or `expires_at` in milliseconds. The answer has `type` and, on success, the `record`.",
                refuses: "At most 20 writes and deletions in a run.",
                writes: Writes::Nothing,
                examples: &[at_login(
                    r#"api.idToken.setCustomClaim("answer", api.cache.set("score", "7", #{ ttl: 60000 }).type);"#,
                    r#"{"idToken":{"answer":"success"}}"#,
                )],
            },
        ],
    },
    Object {
        name: "idToken",
        path: "api.idToken",
        triggers: LOGIN,
        text: "The ID token, for the application; `/userinfo` answers the same.",
        methods: &[Method {
            name: "setCustomClaim",
            parameters: &["name: string", "value: any"],
            yields: "api",
            text: "Sets a claim of the ID token and of `/userinfo`. A claim of the user's profile needs the scope that it belongs to.",
            refuses: CLAIM_REFUSALS,
            writes: Writes::IdTokenClaim,
            examples: &[
                at_login(
                    r#"api.idToken.setCustomClaim("https://demo.example.com/plan", "pro");"#,
                    r#"{"idToken":{"https://demo.example.com/plan":"pro"}}"#,
                ),
                at_login(
                    r#"api.idToken.setCustomClaim("sub", "ada");"#,
                    r#"{"refused":["sub: `sub` belongs to the protocol"]}"#,
                ),
            ],
        }],
    },
    Object {
        name: "refreshToken",
        path: "api.refreshToken",
        triggers: LOGIN,
        text: "The refresh token: the one that is being exchanged, and the one that is issued.",
        methods: &[
            Method {
                name: "revoke",
                parameters: &["reason: string"],
                yields: "()",
                text: "In an exchange, ends the refresh token with its family and denies with the reason.",
                refuses: "Refused and recorded where no refresh token is exchanged.",
                writes: Writes::Nothing,
                examples: &[at_login(
                    r#"api.refreshToken.revoke("Log in again.");"#,
                    r#"{"refused":[": there is no refresh token: this is no refresh-token exchange"]}"#,
                )],
            },
            Method {
                name: "setExpiresAt",
                parameters: &["milliseconds: integer"],
                yields: "()",
                text: "Ends the refresh token at that time at the latest (Unix milliseconds); can only shorten.",
                refuses: "Anything but a number is an error.",
                writes: Writes::Nothing,
                examples: &[at_login(
                    "api.refreshToken.setExpiresAt(2000000000000);",
                    r#"{"refreshToken":{"expires_at":2000000000000}}"#,
                )],
            },
            Method {
                name: "setIdleExpiresAt",
                parameters: &["milliseconds: integer"],
                yields: "()",
                text: "Ends the refresh token at that time unless it is used before (Unix milliseconds); can only shorten.",
                refuses: "Anything but a number is an error.",
                writes: Writes::Nothing,
                examples: &[at_login(
                    "api.refreshToken.setIdleExpiresAt(2000000000000);",
                    r#"{"refreshToken":{"idle_expires_at":2000000000000}}"#,
                )],
            },
        ],
    },
    Object {
        name: "session",
        path: "api.session",
        triggers: LOGIN,
        text: "The browser session.",
        methods: &[Method {
            name: "revoke",
            parameters: &["reason: string", "options: map = #{}"],
            yields: "()",
            text: "Ends the session and denies with the reason. Its refresh tokens end as well unless the option `preserveRefreshTokens` is `true`.",
            refuses: "An unknown option is an error.",
            writes: Writes::Denial,
            examples: &[
                at_login(
                    r#"api.session.revoke("Please log in again.");"#,
                    r#"{"denied":"access_denied: Please log in again.","sessionRevoked":"Please log in again."}"#,
                ),
                at_login(r#"api.session.revoke("No.", #{ keep: true });"#, "error: unknown option `keep`"),
            ],
        }],
    },
    Object {
        name: "tokenResponse",
        path: "api.tokenResponse",
        triggers: BOTH,
        text: "The answer of /oauth/token, on every grant.",
        methods: &[Method {
            name: "setCustomParameter",
            parameters: &["name: string", "value: any"],
            yields: "api",
            text: "Sets a member of the token response, beside `access_token` and the like.",
            refuses: "Members that OAuth and OpenID define, and names that begin with `error`, are refused and recorded; so is what is too large. `()` \
                      takes away what an earlier action set.",
            writes: Writes::Parameter,
            examples: &[
                at_login(
                    r#"api.tokenResponse.setCustomParameter("api_region", "eu");"#,
                    r#"{"tokenResponse":{"api_region":"eu"}}"#,
                ),
                for_machine(
                    r#"api.tokenResponse.setCustomParameter("expires_in", 1);"#,
                    r#"{"refused":["expires_in: `expires_in` belongs to the protocol"]}"#,
                ),
            ],
        }],
    },
    Object {
        name: "transaction",
        path: "api.transaction",
        triggers: LOGIN,
        text: "Notes for later actions of the same transaction.",
        methods: &[Method {
            name: "setMetadata",
            parameters: &["key: string", "value: string | number | boolean | ()"],
            yields: "api",
            text: "Leaves a note, visible at once in `event.transaction.metadata`; `()` deletes it.",
            refuses: "Lists and maps, long keys (64) and large values (8 KiB, all together 16 KiB) are refused and recorded.",
            writes: Writes::Nothing,
            examples: &[
                at_login(
                    r#"api.transaction.setMetadata("step", 2); api.idToken.setCustomClaim("step", event.transaction.metadata.step);"#,
                    r#"{"idToken":{"step":2}}"#,
                ),
                at_login(
                    r#"api.transaction.setMetadata("steps", [1]);"#,
                    r#"{"refused":["steps: a value is a string, a number or a boolean; `json::stringify` turns others into a string"]}"#,
                ),
            ],
        }],
    },
    Object {
        name: "user",
        path: "api.user",
        triggers: LOGIN,
        text: "Metadata of the user, written after the last action; later actions see it in `event.user`.",
        methods: &[
            Method {
                name: "setAppMetadata",
                parameters: &["key: string", "value: any"],
                yields: "api",
                text: "Sets a member of `app_metadata`; `()` deletes it. It is kept even if the login is denied.",
                refuses: "Keys of the server (`blocked` …), and keys with `.` or `$`, are refused and recorded.",
                writes: Writes::AppMetadata,
                examples: &[
                    at_login(r#"api.user.setAppMetadata("plan", "pro");"#, r#"{"appMetadata":{"plan":"pro"}}"#),
                    at_login(
                        r#"api.user.setAppMetadata("blocked", true);"#,
                        r#"{"refused":["blocked: `blocked` is reserved in app_metadata"]}"#,
                    ),
                ],
            },
            Method {
                name: "setUserMetadata",
                parameters: &["key: string", "value: any"],
                yields: "api",
                text: "Sets a member of `user_metadata`; `()` deletes it. It is kept even if the login is denied.",
                refuses: "Keys with `.` or `$` are refused and recorded.",
                writes: Writes::UserMetadata,
                examples: &[at_login(
                    r#"api.user.setUserMetadata("newsletter", false);"#,
                    r#"{"userMetadata":{"newsletter":false}}"#,
                )],
            },
        ],
    },
];
