//! The members of `event` as authors see them: one table, from which come the names that are known and suggested, the
//! analysis of `check`, the definitions for editors and the documentation. Tests hold it against the data and the getters.

use crate::flow::Trigger;

/// An object of `event`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// How scripts reach it; `[]` is any element of a list.
    pub path: &'static str,
    /// When it is there.
    pub presence: Presence,
    /// What it is.
    pub text: &'static str,
    /// In alphabetical order.
    pub members: &'static [Member],
}

/// When a part is there; otherwise it is `()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// Always.
    Always,
    /// In every post-login.
    Login,
    /// In some post-logins.
    SomeLogins,
    /// In every credentials-exchange.
    Machine,
    /// In credentials-exchange, and in a post-login that is for an API.
    WithApi,
}

/// A member of a part.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: Holds,
    /// What it means.
    pub text: &'static str,
}

/// What a member holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holds {
    /// A text.
    Text,
    /// A text or `()`.
    MaybeText,
    /// `true` or `false`.
    Flag,
    /// `true`, `false` or `()`.
    MaybeFlag,
    /// A whole number.
    Integer,
    /// A list of texts.
    Texts,
    /// Free-form members; one that is absent is `()`.
    Map,
    /// The action's secrets.
    Secrets,
    /// Another part, by its path.
    Part(&'static str),
    /// A list of parts, by the path of an element.
    Parts(&'static str),
    /// Auth0 documents it, and here it is always `()`.
    Nothing,
}

impl Presence {
    /// Whether the part may be there in the trigger.
    #[must_use]
    pub fn is_possible(self, trigger: Trigger) -> bool {
        match self {
            Self::Always | Self::WithApi => true,
            Self::Login | Self::SomeLogins => trigger == Trigger::PostLogin,
            Self::Machine => trigger == Trigger::CredentialsExchange,
        }
    }
}

impl Part {
    /// The part of the path.
    #[must_use]
    pub fn of(path: &str) -> Option<&'static Self> {
        PARTS.iter().find(|part| part.path == path)
    }

    /// The member of the name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&'static Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The names of members that may hold something: what is suggested.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.members.iter().filter(|member| member.holds != Holds::Nothing).map(|member| member.name)
    }
}

/// The part of a path that is known to be there when the program is compiled.
pub(super) const fn part(path: &str) -> &'static Part {
    let mut index = 0;
    while index < PARTS.len() {
        if same(PARTS[index].path.as_bytes(), path.as_bytes()) {
            return &PARTS[index];
        }
        index += 1;
    }
    panic!("there is no such part")
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}

const fn member(name: &'static str, holds: Holds, text: &'static str) -> Member {
    Member { name, holds, text }
}

/// Documented by Auth0, never filled here.
const fn nothing(name: &'static str) -> Member {
    member(name, Holds::Nothing, "Auth0 documents it; always `()` here.")
}

/// Every part; the first is `event` itself.
pub static PARTS: &[Part] = &[
    Part {
        path: "event",
        presence: Presence::Always,
        text: "What is happening. Read-only; misspelt members are errors.",
        members: &[
            member("accessToken", Holds::Part("event.accessToken"), "The machine's token as it is so far."),
            nothing("agent"),
            nothing("anonymous_session"),
            member("authentication", Holds::Part("event.authentication"), "How the user authenticated."),
            member("authorization", Holds::Part("event.authorization"), "The user's roles."),
            member("client", Holds::Part("event.client"), "The application that asks."),
            nothing("configuration"),
            member("connection", Holds::Part("event.connection"), "Where the user comes from."),
            nothing("custom_domain"),
            nothing("experiment"),
            nothing("organization"),
            nothing("prompt"),
            member("refresh_token", Holds::Part("event.refresh_token"), "The refresh token that is being exchanged."),
            member("request", Holds::Part("event.request"), "The HTTP request."),
            member("resource_server", Holds::Part("event.resource_server"), "The API that was asked for."),
            member(
                "secrets",
                Holds::Secrets,
                "The secrets of this action, from its settings; one that is missing is `()`. Where an action prints, throws or gives one as a reason, people read `[redacted]`.",
            ),
            nothing("security_context"),
            member("session", Holds::Part("event.session"), "The browser session."),
            nothing("session_transfer_token"),
            member("stats", Holds::Part("event.stats"), "Counters of the user."),
            member("tenant", Holds::Part("event.tenant"), "The tenant."),
            member("transaction", Holds::Part("event.transaction"), "The protocol transaction."),
            member("user", Holds::Part("event.user"), "Who logs in."),
        ],
    },
    Part {
        path: "event.accessToken",
        presence: Presence::Machine,
        text: "The access token that a machine is about to get.",
        members: &[
            member("customClaims", Holds::Map, "Claims that earlier actions have set."),
            member("scope", Holds::Texts, "Scopes about to be granted."),
        ],
    },
    Part {
        path: "event.authentication",
        presence: Presence::SomeLogins,
        text: "How the user authenticated in this session.",
        members: &[
            member("methods", Holds::Parts("event.authentication.methods[]"), "Completed methods, in order of time."),
            nothing("riskAssessment"),
        ],
    },
    Part {
        path: "event.authentication.methods[]",
        presence: Presence::SomeLogins,
        text: "A completed method of authentication.",
        members: &[
            member("name", Holds::Text, "`pwd` for a password."),
            member("timestamp", Holds::Text, "When it was completed, ISO 8601."),
            nothing("type"),
        ],
    },
    Part {
        path: "event.authorization",
        presence: Presence::Login,
        text: "What the user may do.",
        members: &[member("roles", Holds::Texts, "Names of the assigned roles.")],
    },
    Part {
        path: "event.client",
        presence: Presence::Always,
        text: "The application that asks.",
        members: &[
            nothing("authentication"),
            member("client_id", Holds::Text, "Its id."),
            nothing("external_client_id"),
            nothing("external_metadata_type"),
            member("metadata", Holds::Map, "Its `client_metadata`: texts."),
            member("name", Holds::Text, "Its name."),
            nothing("refresh_token"),
        ],
    },
    Part {
        path: "event.connection",
        presence: Presence::Login,
        text: "Where the user comes from.",
        members: &[
            member("id", Holds::Text, "`con_…`."),
            member("metadata", Holds::Map, "Free-form texts."),
            member("name", Holds::Text, "`Username-Password-Authentication`."),
            member("strategy", Holds::Text, "`auth0` for the user database."),
        ],
    },
    Part {
        path: "event.refresh_token",
        presence: Presence::SomeLogins,
        text: "The refresh token that is being exchanged; `()` in every other login. Not the token itself.",
        members: &[
            nothing("access"),
            member("client_id", Holds::MaybeText, "Its client."),
            member("created_at", Holds::Text, "ISO 8601."),
            member("device", Holds::Part("event.refresh_token.device"), "Where it was issued and last used."),
            member("expires_at", Holds::MaybeText, "When it ends at the latest, ISO 8601."),
            member("id", Holds::Text, "Its id."),
            member("idle_expires_at", Holds::MaybeText, "When it ends unless it is used, ISO 8601."),
            member("last_exchanged_at", Holds::MaybeText, "ISO 8601."),
            member("metadata", Holds::Map, "Free-form texts."),
            member("resource_servers", Holds::Parts("event.refresh_token.resource_servers[]"), "The APIs it is good for."),
            member("rotating", Holds::Flag, "Whether this use replaces it."),
            member("session_id", Holds::MaybeText, "The session it was issued in."),
            nothing("session_transfer"),
            member("user_id", Holds::MaybeText, "Its user."),
        ],
    },
    Part {
        path: "event.refresh_token.device",
        presence: Presence::SomeLogins,
        text: "Where it was issued and last used.",
        members: DEVICE,
    },
    Part {
        path: "event.refresh_token.resource_servers[]",
        presence: Presence::SomeLogins,
        text: "An API that the refresh token is good for.",
        members: &[
            member("audience", Holds::Text, "The API's identifier."),
            member("scopes", Holds::Text, "Scopes, separated by spaces."),
        ],
    },
    Part {
        path: "event.request",
        presence: Presence::Always,
        text: "The HTTP request. What comes from a client is in here: do not derive rights from it.",
        members: &[
            nothing("asn"),
            member("body", Holds::Map, "The body of the token request, without credentials and tokens; `{}` at /authorize."),
            member("geoip", Holds::Map, "Always empty: there is no location database."),
            member("hostname", Holds::MaybeText, "The host of the issuer."),
            member("ip", Holds::Text, "The address of the peer."),
            member("language", Holds::MaybeText, "The first language of `ui_locales` or `Accept-Language`."),
            member("method", Holds::Text, "`GET` or `POST`."),
            member("query", Holds::Map, "Every parameter of the authorization request, unknown ones too."),
            member("user_agent", Holds::MaybeText, "`User-Agent`."),
        ],
    },
    Part {
        path: "event.resource_server",
        presence: Presence::WithApi,
        text: "The API that was asked for; `()` in a login without one.",
        members: &[member("identifier", Holds::Text, "Its identifier, the `audience`.")],
    },
    Part {
        path: "event.session",
        presence: Presence::SomeLogins,
        text: "The browser session; `()` in the password grant.",
        members: &[
            nothing("actor"),
            member("authenticated_at", Holds::MaybeText, "ISO 8601."),
            member("clients", Holds::Parts("event.session.clients[]"), "Applications that took part."),
            nothing("cookie"),
            member("created_at", Holds::MaybeText, "ISO 8601."),
            member("device", Holds::Part("event.session.device"), "Where it was begun and last used."),
            member("expires_at", Holds::MaybeText, "When it ends at the latest, ISO 8601."),
            member("id", Holds::Text, "The `sid`."),
            member("idle_expires_at", Holds::MaybeText, "When it ends unless it is used, ISO 8601."),
            member("last_interacted_at", Holds::MaybeText, "ISO 8601."),
            nothing("metadata"),
            nothing("session_transfer"),
            member("updated_at", Holds::MaybeText, "ISO 8601."),
            member("user_id", Holds::MaybeText, "Its user."),
        ],
    },
    Part {
        path: "event.session.clients[]",
        presence: Presence::SomeLogins,
        text: "An application that took part in the session.",
        members: &[member("client_id", Holds::Text, "Its id.")],
    },
    Part {
        path: "event.session.device",
        presence: Presence::SomeLogins,
        text: "Where it was begun and last used.",
        members: DEVICE,
    },
    Part {
        path: "event.stats",
        presence: Presence::Login,
        text: "Counters of the user.",
        members: &[member(
            "logins_count",
            Holds::Integer,
            "Logins, this one included; single sign-on and refreshes do not count.",
        )],
    },
    Part {
        path: "event.tenant",
        presence: Presence::Always,
        text: "The tenant.",
        members: &[member("id", Holds::Text, "Its name.")],
    },
    Part {
        path: "event.transaction",
        presence: Presence::Always,
        text: "The protocol transaction. In credentials-exchange it holds `requested_scopes` and nothing else.",
        members: &[
            member("acr_values", Holds::Texts, "Of the request."),
            nothing("actor"),
            nothing("actor_token_type"),
            member("correlation_id", Holds::MaybeText, "Of the request."),
            member("id", Holds::MaybeText, "In browser flows."),
            nothing("linking_id"),
            member("locale", Holds::MaybeText, "The language of the login page."),
            member("login_hint", Holds::MaybeText, "Of the request."),
            member("metadata", Holds::Map, "What earlier actions left with `api.transaction.setMetadata`."),
            member("prompt", Holds::Texts, "Of the request."),
            member(
                "protocol",
                Holds::MaybeText,
                "`oidc-basic-profile`, `oidc-implicit-profile`, `oidc-hybrid-profile`, `oauth2-refresh-token` or `oauth2-password`.",
            ),
            member("redirect_uri", Holds::MaybeText, "Of the request."),
            nothing("requested_authorization_details"),
            member("requested_scopes", Holds::Texts, "Of the request, before anything was dropped."),
            member("response_mode", Holds::MaybeText, "`query`, `fragment`, `form_post` or `web_message`."),
            member("response_type", Holds::Texts, "`code`, `token`, `id_token`."),
            member("state", Holds::MaybeText, "Of the request."),
            nothing("subject_token_type"),
            nothing("target_scopes"),
            member("ui_locales", Holds::Texts, "Of the request."),
        ],
    },
    Part {
        path: "event.user",
        presence: Presence::Login,
        text: "Who logs in.",
        members: &[
            member("app_metadata", Holds::Map, "The operator's facts about the user. Rights may be derived from them."),
            member("created_at", Holds::Text, "ISO 8601."),
            member("email", Holds::MaybeText, "E-mail address."),
            member("email_verified", Holds::Flag, "Whether the address is proven to be the user's."),
            nothing("enrolledFactors"),
            member("family_name", Holds::MaybeText, "Last name."),
            member("given_name", Holds::MaybeText, "First name."),
            member("identities", Holds::Parts("event.user.identities[]"), "The accounts behind the user."),
            member("last_password_reset", Holds::MaybeText, "ISO 8601."),
            member("multifactor", Holds::Texts, "Providers of second factors: none in this version."),
            member("name", Holds::MaybeText, "Full name."),
            member("nickname", Holds::MaybeText, "Casual name."),
            member("phone_number", Holds::MaybeText, "Phone number."),
            member("phone_verified", Holds::MaybeFlag, "Whether the number is proven; `()` without a number."),
            member("picture", Holds::MaybeText, "URL."),
            member("updated_at", Holds::Text, "ISO 8601."),
            member("user_id", Holds::Text, "The subject, such as `auth0|ada`."),
            member("user_metadata", Holds::Map, "The user's own settings. Never derive rights from them."),
            member("username", Holds::MaybeText, "Login name."),
        ],
    },
    Part {
        path: "event.user.identities[]",
        presence: Presence::Login,
        text: "An account behind the user.",
        members: &[
            member("connection", Holds::Text, "`Username-Password-Authentication`."),
            member("isSocial", Holds::Flag, "`false` for the user database."),
            nothing("profileData"),
            member("provider", Holds::Text, "`auth0`."),
            member("user_id", Holds::Text, "The id without the provider's prefix."),
        ],
    },
];

static DEVICE: &[Member] = &[
    nothing("initial_asn"),
    member("initial_ip", Holds::MaybeText, "Address at the beginning."),
    member("initial_user_agent", Holds::MaybeText, "User agent at the beginning."),
    nothing("last_asn"),
    member("last_ip", Holds::MaybeText, "Address now."),
    member("last_user_agent", Holds::MaybeText, "User agent now."),
];
