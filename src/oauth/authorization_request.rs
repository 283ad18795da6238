//! An authorization request, validated in the order that decides how errors travel: first client and redirect URI (an error is
//! a page, nothing is sent anywhere), then everything else (an error goes to the client with `state` and `iss`).

use crate::app::App;
use crate::domain::client::{Client, GrantType};
use crate::domain::hash;
use crate::domain::resource_server::ResourceServer;
use crate::domain::scope::Scopes;

use super::error::Error;
use super::parameters::Parameters;
use super::redirect_uri;
use super::respond::{Destination, Response, ResponseMode};
use super::scopes;

/// A request that may be answered.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: Client,
    /// Where the answer goes.
    pub destination: Destination,
    /// What is asked for.
    pub response_type: ResponseType,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `scope` as asked, before anything is dropped.
    pub requested_scope: Scopes,
    /// What of it may be granted.
    pub scope: Scopes,
    /// The API of `audience`.
    pub api: Option<ResourceServer>,
    /// PKCE challenge (S256).
    pub code_challenge: Option<String>,
    /// `prompt`.
    pub prompt: Vec<Prompt>,
    /// `max_age` in seconds.
    pub max_age: Option<i64>,
    /// `sub` of a valid `id_token_hint`: only this user may be answered for.
    pub expected_subject: Option<String>,
    /// Every parameter.
    pub parameters: Parameters,
}

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

/// Why a request goes no further.
#[derive(Debug)]
pub enum Rejection {
    /// Nothing may be sent to the redirect URI: a page for the user.
    Page(Error),
    /// The client is told.
    Answer(Box<Response>),
}

impl From<crate::store::Error> for Rejection {
    fn from(error: crate::store::Error) -> Self {
        Self::Page(Error::Store(error))
    }
}

impl AuthorizationRequest {
    /// Validates the parameters against the client as registered now.
    ///
    /// # Errors
    /// A page while the redirect URI is not trusted, an error answer afterwards.
    pub async fn validate(app: &App, parameters: Parameters) -> Result<Self, Rejection> {
        let (client, redirect_uri) = trusted_redirect(app, &parameters).await?;
        let destination = destination(&client, redirect_uri, &parameters, &app.issuer);
        let refuse = |wrong: Wrong| Rejection::Answer(Box::new(destination.error(wrong.0, &wrong.1)));
        let mut request = parse(client, destination.clone(), parameters).map_err(refuse)?;
        request.api = api(app, &request.parameters).await?.map_err(refuse)?;
        request.expected_subject = expected_subject(app, &request.parameters).map_err(refuse)?;
        request.scope = scopes::grantable(&request.requested_scope, &request.client, request.api.as_ref());
        if !request.response_type.code {
            request.scope.remove("offline_access");
        }
        Ok(request)
    }

    /// Whether `prompt` has the word.
    #[must_use]
    pub fn prompts(&self, word: Prompt) -> bool {
        self.prompt.contains(&word)
    }

    /// Whether the sign-up page is the first one.
    #[must_use]
    pub fn wants_sign_up(&self) -> bool {
        self.prompts(Prompt::Create) || self.parameters.get("screen_hint") == Some("signup")
    }
}

/// An OAuth error code and its description.
#[derive(Debug, PartialEq, Eq)]
struct Wrong(&'static str, String);

fn invalid(description: impl Into<String>) -> Wrong {
    Wrong("invalid_request", description.into())
}

/// The client and its redirect URI. The page is the same for an unknown client and a foreign URI; the log tells them apart.
async fn trusted_redirect(app: &App, parameters: &Parameters) -> Result<(Client, String), Rejection> {
    let page = |description: &str| Rejection::Page(Error::protocol("invalid_request", description));
    for name in ["client_id", "redirect_uri"] {
        if parameters.is_unusable(name) {
            return Err(page(&format!("parameter `{name}` must be sent once")));
        }
    }
    let client_id = parameters.get("client_id").ok_or_else(|| page("missing required parameter: `client_id`"))?;
    let redirect_uri = parameters.get("redirect_uri").ok_or_else(|| page("missing required parameter: `redirect_uri`"))?;
    let client = app.store.client(client_id).await?;
    let is_known = client.is_some();
    match client.filter(|client| redirect_uri::is_registered(client, redirect_uri)) {
        Some(client) => Ok((client, redirect_uri.to_owned())),
        None => {
            tracing::warn!(client.id = ?client_id, is_known, ?redirect_uri, "authorization request without a trusted redirect URI");
            Err(page("unknown `client_id`, or the `redirect_uri` is not registered for it"))
        }
    }
}

/// Where answers go, errors about the rest of the request included: the asked response mode if it may be used.
fn destination(client: &Client, redirect_uri: String, parameters: &Parameters, issuer: &str) -> Destination {
    let tokens = parameters.words("response_type").iter().any(|word| word == "token" || word == "id_token");
    let default = if tokens { ResponseMode::Fragment } else { ResponseMode::Query };
    let asked = parameters.get("response_mode").and_then(ResponseMode::parse);
    let mode = asked.filter(|mode| is_usable(*mode, tokens, client, &redirect_uri)).unwrap_or(default);
    Destination { redirect_uri, mode, state: parameters.owned("state"), issuer: issuer.to_owned() }
}

fn is_usable(mode: ResponseMode, tokens: bool, client: &Client, redirect_uri: &str) -> bool {
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

/// Everything that needs no database.
fn parse(client: Client, destination: Destination, parameters: Parameters) -> Result<AuthorizationRequest, Wrong> {
    if let Some(name) = parameters.first_unusable() {
        return Err(invalid(format!("parameter `{name}` must be sent once")));
    }
    not_supported(&parameters)?;
    let response_type = response_type(&client, &parameters)?;
    response_mode(&destination, response_type, &parameters)?;
    let requested_scope = Scopes::parse(parameters.get("scope").unwrap_or_default());
    let nonce = parameters.owned("nonce");
    if response_type.id_token && nonce.is_none() {
        return Err(invalid("missing required parameter: `nonce`"));
    }
    if response_type.id_token && !requested_scope.contains("openid") {
        return Err(invalid("`response_type` with `id_token` needs the scope `openid`"));
    }
    let code_challenge = if response_type.code { code_challenge(&client, &parameters)? } else { None };
    Ok(AuthorizationRequest {
        prompt: prompt(&parameters)?,
        max_age: max_age(&parameters)?,
        scope: Scopes::default(),
        api: None,
        expected_subject: None,
        client,
        destination,
        response_type,
        nonce,
        requested_scope,
        code_challenge,
        parameters,
    })
}

/// OpenID Connect Core sections 6 and 7.2.1: what is not implemented must be refused, not ignored.
fn not_supported(parameters: &Parameters) -> Result<(), Wrong> {
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

fn response_type(client: &Client, parameters: &Parameters) -> Result<ResponseType, Wrong> {
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

fn response_mode(destination: &Destination, response_type: ResponseType, parameters: &Parameters) -> Result<(), Wrong> {
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
fn code_challenge(client: &Client, parameters: &Parameters) -> Result<Option<String>, Wrong> {
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

fn prompt(parameters: &Parameters) -> Result<Vec<Prompt>, Wrong> {
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

fn max_age(parameters: &Parameters) -> Result<Option<i64>, Wrong> {
    let Some(text) = parameters.get("max_age") else { return Ok(None) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse::<i64>().ok().filter(|_| digits);
    seconds.map(Some).ok_or_else(|| invalid("`max_age` must be a number of seconds"))
}

/// The API that `audience` names. Our own `/userinfo` is no API: its tokens are opaque.
async fn api(app: &App, parameters: &Parameters) -> Result<Result<Option<ResourceServer>, Wrong>, Rejection> {
    let Some(audience) = parameters.get("audience") else { return Ok(Ok(None)) };
    if audience == format!("{}/userinfo", app.issuer.trim_end_matches('/')) {
        return Ok(Ok(None));
    }
    let api = app.store.resource_server(audience).await?;
    Ok(api.map(Some).ok_or_else(|| Wrong("access_denied", format!("Service not found: {audience}"))))
}

/// Whom an `id_token_hint` names. An expired one is still a hint (OpenID Connect Core section 3.1.2.1), a forged one is not.
fn expected_subject(app: &App, parameters: &Parameters) -> Result<Option<String>, Wrong> {
    let Some(hint) = parameters.get("id_token_hint") else { return Ok(None) };
    let refused = || invalid("`id_token_hint` is not an ID token of this issuer");
    let (_, claims) = app.keys.load().verify(hint, &app.issuer, app.clock.now(), true).map_err(|_| refused())?;
    let subject = claims.get("sub").and_then(serde_json::Value::as_str).ok_or_else(refused)?;
    Ok(Some(subject.to_owned()))
}

#[cfg(test)]
#[path = "authorization_request_tests.rs"]
mod tests;
