//! An authorization request, validated in the order that decides how errors travel: first client and redirect URI (an error is
//! a page, nothing is sent anywhere), then everything else (an error goes to the client with `state` and `iss`).

use std::sync::Arc;

use crate::app::App;
use crate::domain::client::Client;
use crate::domain::resource_server::ResourceServer;
use crate::domain::scope::Scopes;

use super::authorization_rules::{self as rules, Wrong, invalid};
pub use super::authorization_rules::{Prompt, ResponseType, origin};
use super::error::Error;
use super::id_token_hint;
use super::parameters::Parameters;
use super::redirect_uri;
use super::respond::{Destination, Response, ResponseMode};
use super::scopes;

/// A request that may be answered.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: Arc<Client>,
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
    pub api: Option<Arc<ResourceServer>>,
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
        if !destination.has_room() {
            return Err(Rejection::Page(Error::protocol("invalid_request", "parameter `state` is too long for a redirect")));
        }
        let refuse = |wrong: Wrong| Rejection::Answer(Box::new(destination.error(wrong.0, &wrong.1)));
        let mut request = parse(client, destination.clone(), parameters).map_err(refuse)?;
        request.api = api(app, &request.parameters).await?.map_err(refuse)?;
        request.expected_subject = expected_subject(app, &request.parameters).map_err(refuse)?;
        request.scope = scopes::grantable(&request.requested_scope, &request.client, request.api.as_deref());
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

/// The client and its redirect URI. The page is the same for an unknown client and a foreign URI; the log tells them apart.
async fn trusted_redirect(app: &App, parameters: &Parameters) -> Result<(Arc<Client>, String), Rejection> {
    let page = |description: &str| Rejection::Page(Error::protocol("invalid_request", description));
    for name in ["client_id", "redirect_uri"] {
        if parameters.is_unusable(name) {
            return Err(page(&format!("parameter `{name}` must be sent once and be UTF-8 text")));
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
    let mode = asked.filter(|mode| rules::is_usable(*mode, tokens, client, &redirect_uri)).unwrap_or(default);
    Destination { redirect_uri, mode, state: parameters.owned("state"), issuer: issuer.to_owned() }
}

/// Everything that needs no database.
fn parse(client: Arc<Client>, destination: Destination, parameters: Parameters) -> Result<AuthorizationRequest, Wrong> {
    if let Some(name) = parameters.first_unusable() {
        return Err(invalid(format!("parameter `{name}` must be sent once and be UTF-8 text")));
    }
    if let Some(wrong) = parameters.too_many_words() {
        return Err(invalid(wrong));
    }
    rules::not_supported(&parameters)?;
    let response_type = rules::response_type(&client, &parameters)?;
    rules::response_mode(&destination, response_type, &parameters)?;
    let requested_scope = parameters.scope().unwrap_or_default();
    let nonce = parameters.owned("nonce");
    if response_type.id_token && nonce.is_none() {
        return Err(invalid("missing required parameter: `nonce`"));
    }
    if response_type.id_token && !requested_scope.contains("openid") {
        return Err(invalid("`response_type` with `id_token` needs the scope `openid`"));
    }
    let code_challenge = if response_type.code { rules::code_challenge(&client, &parameters)? } else { None };
    Ok(AuthorizationRequest {
        prompt: rules::prompt(&parameters)?,
        max_age: rules::max_age(&parameters)?,
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

/// The API that `audience` names. Our own `/userinfo` is no API: its tokens are opaque.
async fn api(app: &App, parameters: &Parameters) -> Result<Result<Option<Arc<ResourceServer>>, Wrong>, Rejection> {
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
    let claims = id_token_hint::verify(app, hint).ok_or_else(refused)?;
    let subject = claims.get("sub").and_then(serde_json::Value::as_str).ok_or_else(refused)?;
    Ok(Some(subject.to_owned()))
}

#[cfg(test)]
#[path = "authorization_request_tests.rs"]
mod tests;
