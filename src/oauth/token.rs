//! `POST /oauth/token`: authenticate the client, check that the grant is allowed, hand over to the grant's file.

use std::time::Instant;

use crate::app::App;
use crate::domain::JsonMap;
use crate::domain::client::{Client, GrantType};
use crate::domain::trace::Trace;

use super::client_authentication::{self, Presented};
use super::error::{Error, Result};
use super::parameters::Parameters;
use super::{RequestContext, client_credentials_grant, code_grant, password_grant, refresh_grant};

/// A request as the endpoint received it. Holds secrets: not for logs.
pub struct Request<'a> {
    /// `Authorization`, if present.
    pub authorization: Option<&'a str>,
    /// The body.
    pub parameters: &'a Parameters,
    /// For the actions.
    pub context: &'a RequestContext,
}

/// What a grant answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Members of the token response.
    pub members: JsonMap,
    /// Content hash of the set of actions whose Decision is in the tokens.
    pub set: String,
    /// The id of that Decision's trace.
    pub trace: String,
}

impl Answer {
    /// The answer with these members, that came of a Decision with this trace.
    pub(super) fn of(members: JsonMap, trace: Trace) -> Self {
        Self { members, set: trace.set, trace: trace.id }
    }
}

/// Exchanges a grant for tokens, and logs how it went.
///
/// # Errors
/// Every error of the protocol; see [`Error`].
pub async fn exchange(app: &App, request: Request<'_>) -> Result<Answer> {
    let started = Instant::now();
    let mut seen = Seen::default();
    let result = run(app, &request, &mut seen).await;
    count(app, &seen, &result);
    log(&seen, &result, started);
    result
}

/// What is known for the log line, however far the request got.
#[derive(Default)]
struct Seen {
    client_id: Option<String>,
    grant: Option<GrantType>,
}

async fn run(app: &App, request: &Request<'_>, seen: &mut Seen) -> Result<Answer> {
    let presented = Presented::read(request.authorization, request.parameters)?;
    seen.client_id = Some(presented.client_id().to_owned());
    let client = client_authentication::authenticate(app, &presented).await?;
    let grant = grant_type(request.parameters)?;
    seen.grant = Some(grant);
    if !client.allows(grant) {
        return Err(not_allowed(grant));
    }
    if let Some(wrong) = request.parameters.too_many_words() {
        return Err(Error::protocol("invalid_request", wrong));
    }
    dispatch(app, &client, grant, request).await
}

async fn dispatch(app: &App, client: &Client, grant: GrantType, request: &Request<'_>) -> Result<Answer> {
    let Request { parameters, context, .. } = request;
    match grant {
        GrantType::AuthorizationCode => code_grant::exchange(app, client, parameters, context).await,
        GrantType::RefreshToken => refresh_grant::exchange(app, client, parameters, context).await,
        GrantType::ClientCredentials => client_credentials_grant::exchange(app, client, parameters, context).await,
        GrantType::Password | GrantType::PasswordRealm => password_grant::exchange(app, client, parameters, context).await,
        // Lives at the authorization endpoint only; `grant_type` never yields it.
        GrantType::Implicit => Err(Error::protocol("unsupported_grant_type", "Unsupported grant type: implicit")),
    }
}

fn grant_type(parameters: &Parameters) -> Result<GrantType> {
    let name = parameters.required("grant_type")?;
    let known = GrantType::ALL.into_iter().filter(|grant| *grant != GrantType::Implicit);
    known.into_iter().find(|grant| grant.as_str() == name).ok_or_else(|| {
        let shown: String = name.chars().take(100).collect();
        Error::protocol("unsupported_grant_type", format!("Unsupported grant type: {shown}"))
    })
}

pub(super) fn not_allowed(grant: GrantType) -> Error {
    let description = format!("Grant type '{}' not allowed for the client.", grant.as_str());
    Error::protocol("unauthorized_client", description)
}

fn count(app: &App, seen: &Seen, result: &Result<Answer>) {
    let outcome = result.as_ref().map_or_else(Error::code, |_| "ok");
    app.metrics.token_requested(seen.grant.map_or("-", GrantType::as_str), outcome);
}

fn log(seen: &Seen, result: &Result<Answer>, started: Instant) {
    let client_id = seen.client_id.as_deref().unwrap_or("-");
    let grant = seen.grant.map_or("-", GrantType::as_str);
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match result {
        Ok(answer) => {
            let set = &answer.set;
            tracing::info!(client.id = client_id, grant, outcome = "ok", set, duration_ms, "token request");
        }
        Err(error) => {
            tracing::info!(client.id = client_id, grant, outcome = error.code(), duration_ms, "token request");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(name: &str) -> String {
        let parameters = Parameters::from_pairs([("grant_type".to_owned(), name.to_owned())]);
        match grant_type(&parameters) {
            Ok(grant) => grant.as_str().to_owned(),
            Err(error) => error.code().to_owned(),
        }
    }

    #[test]
    fn only_grants_of_this_endpoint_are_known() {
        assert_eq!(grant("refresh_token"), "refresh_token");
        assert_eq!(
            grant("http://auth0.com/oauth/grant-type/password-realm"),
            "http://auth0.com/oauth/grant-type/password-realm"
        );
        assert_eq!(grant("implicit"), "unsupported_grant_type");
        assert_eq!(grant("urn:x"), "unsupported_grant_type");
        assert_eq!(grant(""), "invalid_request");
    }
}
