//! The rules for single parameters of an authorization request: response types and modes, PKCE, `prompt`, `max_age`. What is
//! not supported is refused, never ignored.

use crate::domain::client::{Client, GrantType};
use crate::domain::hash;

use super::parameters::Parameters;
use super::respond::{Destination, ResponseMode};

/// `response_type` as the set of its words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseType {
    /// `code`.
    pub code: bool,
    /// `token`.
    pub token: bool,
    /// `id_token`.
    pub id_token: bool,
}

impl ResponseType {
    /// The words, in any order.
    fn parse(words: &[String]) -> Option<Self> {
        let has = |word: &str| words.iter().any(|have| have == word);
        let known = Self { code: has("code"), token: has("token"), id_token: has("id_token") };
        (!words.is_empty() && known.words().len() == words.len()).then_some(known)
    }

    /// The words in the order of the registry.
    #[must_use]
    pub fn words(self) -> Vec<String> {
        let words = [(self.code, "code"), (self.id_token, "id_token"), (self.token, "token")];
        words.into_iter().filter(|(asked, _)| *asked).map(|(_, word)| word.to_owned()).collect()
    }

    /// Whether the browser will carry tokens.
    #[must_use]
    pub fn has_tokens(self) -> bool {
        self.token || self.id_token
    }

    /// `event.transaction.protocol`.
    #[must_use]
    pub fn protocol(self) -> &'static str {
        match (self.code, self.has_tokens()) {
            (true, false) => "oidc-basic-profile",
            (true, true) => "oidc-hybrid-profile",
            (false, _) => "oidc-implicit-profile",
        }
    }
}

/// A word of `prompt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// No page may be shown.
    None,
    /// Credentials are asked for again.
    Login,
    /// Nothing to ask: first-party clients need no consent.
    Consent,
    /// The user picks the account by logging in.
    SelectAccount,
    /// The sign-up page comes first.
    Create,
}

impl Prompt {
    /// Every value, in the order of discovery.
    pub const ALL: [Self; 5] = [Self::None, Self::Login, Self::Consent, Self::SelectAccount, Self::Create];

    /// The registered name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
            Self::Create => "create",
        }
    }
}

/// An OAuth error code and its description.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong(pub(super) &'static str, pub(super) String);

pub(super) fn invalid(description: impl Into<String>) -> Wrong {
    Wrong("invalid_request", description.into())
}

pub(super) fn is_usable(mode: ResponseMode, tokens: bool, client: &Client, redirect_uri: &str) -> bool {
    match mode {
        ResponseMode::Query => !tokens,
        ResponseMode::Fragment => true,
        ResponseMode::FormPost => redirect_uri.starts_with("https://") || redirect_uri.starts_with("http://"),
        ResponseMode::WebMessage => {
            let target = origin(redirect_uri);
            target.is_some() && client.web_origins.iter().any(|allowed| origin(allowed) == target)
        }
    }
}

/// The origin of an `http` or `https` URL as browsers write it.
#[must_use]
pub fn origin(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.origin().ascii_serialization())
}

/// OpenID Connect Core sections 6 and 7.2.1: what is not implemented must be refused, not ignored.
pub(super) fn not_supported(parameters: &Parameters) -> Result<(), Wrong> {
    let refused = [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ];
    match refused.into_iter().find(|(name, _)| parameters.get(name).is_some()) {
        Some((name, code)) => Err(Wrong(code, format!("parameter `{name}` is not supported"))),
        None => Ok(()),
    }
}

pub(super) fn response_type(client: &Client, parameters: &Parameters) -> Result<ResponseType, Wrong> {
    let words = parameters.words("response_type");
    if words.is_empty() {
        return Err(invalid("missing required parameter: `response_type`"));
    }
    let response_type = ResponseType::parse(&words)
        .ok_or_else(|| Wrong("unsupported_response_type", "this `response_type` is not supported".to_owned()))?;
    let needed = [(response_type.code, GrantType::AuthorizationCode), (response_type.has_tokens(), GrantType::Implicit)];
    match needed.into_iter().find(|(needed, grant)| *needed && !client.allows(*grant)) {
        Some((_, grant)) => {
            Err(Wrong("unauthorized_client", format!("grant type '{}' not allowed for the client", grant.as_str())))
        }
        None => Ok(response_type),
    }
}

pub(super) fn response_mode(
    destination: &Destination,
    response_type: ResponseType,
    parameters: &Parameters,
) -> Result<(), Wrong> {
    let Some(name) = parameters.get("response_mode") else { return Ok(()) };
    match ResponseMode::parse(name) {
        Some(mode) if mode == destination.mode => Ok(()),
        Some(ResponseMode::Query) if response_type.has_tokens() => {
            Err(invalid("`response_mode` `query` must not carry tokens"))
        }
        Some(ResponseMode::WebMessage) => {
            Err(invalid("the origin of `redirect_uri` is not among the client's `web_origins`"))
        }
        Some(_) => Err(invalid("this `response_mode` cannot be used with this `redirect_uri`")),
        None => Err(invalid("unknown `response_mode`")),
    }
}

/// RFC 7636 with S256 only: an omitted method would mean `plain`.
pub(super) fn code_challenge(client: &Client, parameters: &Parameters) -> Result<Option<String>, Wrong> {
    match (parameters.get("code_challenge"), parameters.get("code_challenge_method")) {
        (None, None) if client.must_use_pkce() => Err(invalid("missing required parameter: `code_challenge`")),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(invalid("`code_challenge_method` without `code_challenge`")),
        (Some(challenge), Some("S256")) if is_sha256(challenge) => Ok(Some(challenge.to_owned())),
        (Some(_), Some("S256")) => Err(invalid("`code_challenge` must be a base64url SHA-256 of 43 characters")),
        (Some(_), _) => Err(invalid("`code_challenge_method` must be `S256`")),
    }
}

/// Whether the text can be a SHA-256 in base64url, as [`hash::sha256`] writes it.
fn is_sha256(text: &str) -> bool {
    text.len() == hash::sha256("").len() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

pub(super) fn prompt(parameters: &Parameters) -> Result<Vec<Prompt>, Wrong> {
    let mut prompt = Vec::new();
    for word in parameters.words("prompt") {
        let known = Prompt::ALL.into_iter().find(|known| known.as_str() == word);
        prompt.push(known.ok_or_else(|| invalid("unknown value in `prompt`"))?);
    }
    if prompt.contains(&Prompt::None) && prompt.len() > 1 {
        return Err(invalid("`prompt` `none` must stand alone"));
    }
    Ok(prompt)
}

pub(super) fn max_age(parameters: &Parameters) -> Result<Option<i64>, Wrong> {
    let Some(text) = parameters.get("max_age") else { return Ok(None) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse::<i64>().ok().filter(|_| digits);
    seconds.map(Some).ok_or_else(|| invalid("`max_age` must be a number of seconds"))
}
