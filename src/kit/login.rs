//! A login without a server: who asks for what, which scopes the protocol would grant, and what comes of the Decision.

use crate::domain::JsonMap;
use crate::domain::client::{Client, GrantType};
use crate::domain::decision::Decision;
use crate::domain::resource_server::ResourceServer;
use crate::domain::scope::Scopes;
use crate::domain::user::User;
use crate::flow::Trigger;
use crate::oauth::error::Error;
use crate::oauth::fold::{self, Custom, Party};
use crate::oauth::{RequestContext, scopes};

use super::project::Project;

/// What is asked for unless somebody says otherwise.
const DEFAULT_SCOPE: &str = "openid profile email";

/// A grant that runs actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Grant {
    /// A login in the browser
    AuthorizationCode,
    /// A refresh of tokens
    RefreshToken,
    /// The password grant
    Password,
    /// A machine in its own name
    ClientCredentials,
}

impl Grant {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::AuthorizationCode, Self::RefreshToken, Self::Password, Self::ClientCredentials];

    /// As registered for clients.
    #[must_use]
    pub fn grant_type(self) -> GrantType {
        match self {
            Self::AuthorizationCode => GrantType::AuthorizationCode,
            Self::RefreshToken => GrantType::RefreshToken,
            Self::Password => GrantType::Password,
            Self::ClientCredentials => GrantType::ClientCredentials,
        }
    }

    /// What it runs.
    #[must_use]
    pub fn trigger(self) -> Trigger {
        match self {
            Self::ClientCredentials => Trigger::CredentialsExchange,
            _ => Trigger::PostLogin,
        }
    }

    /// `event.transaction.protocol`.
    #[must_use]
    pub fn protocol(self) -> Option<&'static str> {
        match self {
            Self::AuthorizationCode => Some("oidc-basic-profile"),
            Self::RefreshToken => Some("oauth2-refresh-token"),
            Self::Password => Some("oauth2-password"),
            Self::ClientCredentials => None,
        }
    }

    /// The grant behind an `event.transaction.protocol`.
    #[must_use]
    pub fn of_protocol(protocol: &str) -> Self {
        match protocol {
            "oauth2-refresh-token" => Self::RefreshToken,
            "oauth2-password" => Self::Password,
            _ => Self::AuthorizationCode,
        }
    }
}

/// The login to be rehearsed, everything looked up.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// How the tokens are asked for.
    pub grant: Grant,
    /// Who asks.
    pub client: Client,
    /// Who logs in; `None` for a machine.
    pub user: Option<User>,
    /// The API that the access token is for.
    pub api: Option<ResourceServer>,
    /// As asked for; `None`: not said.
    pub asked: Option<Scopes>,
    /// The request.
    pub context: RequestContext,
}

/// What the protocol would refuse before any action runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}\nhint: {hint}")]
pub struct Impossible {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Attempt {
    /// The requested scopes: as asked, or what most applications ask for.
    #[must_use]
    pub fn requested(&self) -> Scopes {
        match (&self.asked, self.grant) {
            (Some(asked), _) => asked.clone(),
            (None, Grant::ClientCredentials) => Scopes::default(),
            (None, _) => {
                let api = self.api.iter().flat_map(|api| api.scopes.iter().map(String::as_str));
                DEFAULT_SCOPE.split(' ').chain(api).collect()
            }
        }
    }

    /// The scopes before the actions' edits.
    ///
    /// # Errors
    /// A machine that asks for what its client grant does not contain.
    pub fn granted(&self, project: &Project) -> Result<Scopes, Impossible> {
        let (api, requested) = (self.api.as_ref(), self.requested());
        Ok(match (self.grant, api) {
            (Grant::ClientCredentials, Some(api)) => return self.granted_to_machine(project, api),
            (Grant::Password, _) => scopes::grantable(&scopes::of_password_grant(&requested, api), &self.client, api),
            _ => scopes::grantable(&requested, &self.client, api),
        })
    }

    fn granted_to_machine(&self, project: &Project, api: &ResourceServer) -> Result<Scopes, Impossible> {
        let requested = self.requested();
        let Some(grant) = project.grant(&self.client.client_id, &api.identifier) else {
            return Err(Impossible {
                message: format!("client `{}` has no client grant for `{}`", self.client.client_id, api.identifier),
                hint: "add [[client_grants]] for this client and audience".to_owned(),
            });
        };
        let allowed = scopes::of_client_grant(grant, api);
        if let Some(missing) = requested.iter().find(|word| !allowed.contains(word)) {
            return Err(Impossible {
                message: format!("the client grant does not contain the scope `{missing}`"),
                hint: format!("it contains {allowed}"),
            });
        }
        Ok(if self.asked.is_some() { requested } else { allowed })
    }

    /// What the Decision means for the answer. A user who is blocked is refused whatever it says, and no action runs for one.
    #[must_use]
    pub fn conclude(&self, granted: &Scopes, mut decision: Decision) -> Outcome {
        let party = match (&self.user, &self.api) {
            (None, Some(api)) => Party::Machine { api },
            (_, api) => Party::Client { client: &self.client, api: api.as_ref(), may_refresh: true },
        };
        let settled = fold::settle(&mut decision, granted, party);
        let refused = if self.is_blocked() {
            Some(("access_denied".to_owned(), "user is blocked".to_owned()))
        } else if let Some(error) = fold::refusal(&decision, self.grant == Grant::RefreshToken) {
            Some(as_client_reads(&error))
        } else {
            settled.as_ref().err().map(|oversized| ("server_error".to_owned(), oversized.to_string()))
        };
        let scope = settled.unwrap_or_default();
        let custom = if refused.is_none() { fold::custom(&decision, &scope, party) } else { Custom::default() };
        Outcome { decision, refused, scope, custom, blocked: self.is_blocked() }
    }

    /// Whether the server would stop before any action.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.blocked)
    }
}

/// How a login ends.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the actions decided, refusals of the protocol included.
    pub decision: Decision,
    /// Error code and description, as the client would read them.
    pub refused: Option<(String, String)>,
    /// Granted, after the actions' edits; empty if a token is too big.
    pub scope: Scopes,
    /// What the actions put into the tokens and the response; nothing if the login is refused.
    pub custom: Custom,
    /// Whether the user is blocked, so that no action ran.
    pub blocked: bool,
}

fn as_client_reads(error: &Error) -> (String, String) {
    match error {
        Error::Denied { code, reason } => (code.clone(), reason.clone()),
        other => ("server_error".to_owned(), other.to_string()),
    }
}

/// The request that the grant would have come with; `extra` parameters replace its own.
#[must_use]
pub fn context(attempt: &Attempt, extra: JsonMap) -> RequestContext {
    let mut parameters = JsonMap::new();
    let mut set = |name: &str, value: &str| parameters.insert(name.to_owned(), value.into());
    set("client_id", &attempt.client.client_id);
    let requested = attempt.requested().to_string();
    if !requested.is_empty() {
        set("scope", &requested);
    }
    if let Some(api) = &attempt.api {
        set("audience", &api.identifier);
    }
    let browser = attempt.grant == Grant::AuthorizationCode;
    if browser {
        set("response_type", "code");
        attempt.client.callbacks.first().map(|uri| set("redirect_uri", uri));
    } else {
        set("grant_type", attempt.grant.grant_type().as_str());
    }
    parameters.extend(extra);
    let (query, body) = if browser { (parameters, JsonMap::new()) } else { (JsonMap::new(), parameters) };
    RequestContext {
        ip: "127.0.0.1".to_owned(),
        method: if browser { "GET" } else { "POST" }.to_owned(),
        user_agent: Some(concat!("vestibule-try/", env!("CARGO_PKG_VERSION")).to_owned()),
        language: Some("en".to_owned()),
        query,
        body,
    }
}
