//! From an authenticated user to the answer: run the actions, fold their Decision, store everything in one transaction, and
//! only then hand out a code or tokens. Used by single sign-on, login and sign-up alike.

use crate::app::App;
use crate::domain::JsonMap;
use crate::domain::decision::Decision;
use crate::domain::grant::{AuthorizationCode, Grant};
use crate::domain::hash;
use crate::domain::scope::Scopes;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::flow::Event;
use crate::flow::event::Transaction;

use super::RequestContext;
use super::authorization_request::AuthorizationRequest;
use super::authorize::Answer;
use super::error::{Error, Result};
use super::event;
use super::fold::Party;
use super::mint::{self, Minted, Order};
use super::respond::{MAX_LOCATION, Response};
use super::session::{self, SessionChange};
use super::verdict::{self, Question, Subject, Verdict};

/// The language of the hosted pages.
const LOCALE: &str = "en";

/// Answers the request for the session's user. Every failure becomes an error answer to the client.
pub async fn issue(
    app: &App,
    request: &AuthorizationRequest,
    session: Session,
    context: &RequestContext,
    transaction_id: String,
) -> Answer {
    let answer = match decide_and_answer(app, request, session, context, transaction_id).await {
        Ok(answer) => answer,
        Err(error) => failure(request, &error).into(),
    };
    app.metrics.login_tried(answer.response.error().unwrap_or("ok"));
    answer
}

async fn decide_and_answer(
    app: &App,
    request: &AuthorizationRequest,
    session: Session,
    context: &RequestContext,
    transaction_id: String,
) -> Result<Answer> {
    let user = match app.store.user(&session.user_id).await? {
        None => return end_session_of_missing_user(app, request, &session).await,
        Some(user) if user.blocked => return Ok(request.destination.error("access_denied", "user is blocked").into()),
        Some(user) => user,
    };
    if request.expected_subject.as_ref().is_some_and(|expected| *expected != user.user_id) {
        let description = "another user logged in than `id_token_hint` names";
        return Ok(request.destination.error("login_required", description).into());
    }
    let event = login_event(app, request, &session, &user, context, transaction_id);
    let question = Question {
        event,
        granted: &request.scope,
        party: Party::Client {
            client: &request.client,
            api: request.api.as_deref(),
            may_refresh: request.response_type.code,
        },
        subject: Some(Subject { user_id: &user.user_id, session_id: Some(&session.id), grant: None }),
    };
    match verdict::reach(app, question).await? {
        Verdict::Allowed(decision, scope) => Ok(allow(app, request, session, &user, (*decision, scope)).await?.into()),
        Verdict::Refused { error, ends_session } => {
            let change = if ends_session { SessionChange::End } else { SessionChange::Keep };
            Ok(Answer { response: failure(request, &error), session: change })
        }
    }
}

/// `event` with everything that a browser login knows.
fn login_event(
    app: &App,
    request: &AuthorizationRequest,
    session: &Session,
    user: &User,
    context: &RequestContext,
    transaction_id: String,
) -> Event {
    let parameters = &request.parameters;
    let mut event = event::post_login(app, &request.client, user, context);
    event.request.query = parameters.to_json();
    if event.request.language.is_none() {
        event.request.language = parameters.words("ui_locales").into_iter().next();
    }
    event.authentication = Some(event::authentication(&session.methods));
    event.session = Some(event::session(session, context));
    event.resource_server = event::resource_server(request.api.as_deref().map(|api| api.identifier.as_str()));
    event.transaction = Some(Transaction {
        id: Some(transaction_id),
        protocol: Some(request.response_type.protocol().to_owned()),
        acr_values: parameters.words("acr_values"),
        ui_locales: parameters.words("ui_locales"),
        requested_scopes: request.requested_scope.to_vec(),
        prompt: request.prompt.iter().map(|prompt| prompt.as_str().to_owned()).collect(),
        response_type: request.response_type.words(),
        response_mode: Some(request.destination.mode.as_str().to_owned()),
        redirect_uri: Some(request.destination.redirect_uri.clone()),
        state: parameters.owned("state"),
        login_hint: parameters.owned("login_hint"),
        locale: Some(LOCALE.to_owned()),
        correlation_id: parameters.owned("correlation_id"),
        ..Transaction::default()
    });
    event
}

async fn allow(
    app: &App,
    request: &AuthorizationRequest,
    session: Session,
    user: &User,
    (decision, scope): (Decision, Scopes),
) -> Result<Response> {
    tracing::info!(client.id = request.client.client_id, set = %decision.trace.set, outcome = "allowed", "login");
    let now = app.clock.now_ms();
    let grant = Grant {
        id: app.random.id_at(now),
        client_id: request.client.client_id.clone(),
        user_id: user.user_id.clone(),
        session_id: Some(session.id.clone()),
        scope,
        requested_scope: request.requested_scope.clone(),
        audience: request.api.as_deref().map(|api| api.identifier.clone()),
        authenticated_at: session.authenticated_at,
        methods: session.methods.clone(),
        nonce: request.nonce.clone(),
        acr_values: request.parameters.words("acr_values"),
        protocol: request.response_type.protocol().to_owned(),
        decision,
        created_at: now,
    };
    let code = request.response_type.code.then(|| app.random.secret());
    let minted = front_channel_tokens(app, request, &grant, user, code.as_deref())?;
    if request.response_type.id_token && minted.as_ref().is_none_or(|minted| minted.id_token.is_none()) {
        return Ok(request.destination.error("access_denied", "an action removed the scope `openid`"));
    }
    let answer = request.destination.answer(members(request, &grant, code.as_deref(), minted.as_ref()));
    if !answer.fits() {
        return Ok(too_long(request));
    }
    store(app, request, session, &grant, code.as_deref(), minted.as_ref()).await?;
    Ok(answer)
}

/// The tokens of implicit and hybrid answers.
fn front_channel_tokens(
    app: &App,
    request: &AuthorizationRequest,
    grant: &Grant,
    user: &User,
    code: Option<&str>,
) -> Result<Option<Minted>> {
    if !request.response_type.has_tokens() {
        return Ok(None);
    }
    let order = Order {
        grant,
        client: &request.client,
        user,
        api: request.api.as_deref(),
        scope: &grant.scope,
        gty: None,
        front_channel: true,
        code,
        access_token: request.response_type.token,
        id_token: request.response_type.id_token,
        session_claims: true,
    };
    mint::mint(app, order).map(Some)
}

/// Everything that the answer promises, in one transaction.
async fn store(
    app: &App,
    request: &AuthorizationRequest,
    session: Session,
    grant: &Grant,
    code: Option<&str>,
    minted: Option<&Minted>,
) -> Result<()> {
    let now = grant.created_at;
    let mut tx = app.store.begin().await?;
    tx.insert_grant(grant).await?;
    if let Some(code) = code {
        let stored = AuthorizationCode {
            grant_id: grant.id.clone(),
            client_id: grant.client_id.clone(),
            redirect_uri: request.destination.redirect_uri.clone(),
            code_challenge: request.code_challenge.clone(),
            expires_at: now + app.lifetimes.code * 1000,
        };
        tx.insert_code(&hash::sha256(code), &stored).await?;
    }
    if let Some((hash, token)) = minted.and_then(|minted| minted.opaque.as_ref()) {
        tx.insert_access_token(hash, token).await?;
    }
    tx.update_session(&session::used(session, &grant.client_id, &app.lifetimes, now)).await?;
    let patch = verdict::metadata(&grant.decision);
    if !patch.is_empty() {
        tx.patch_metadata(&grant.user_id, &patch, now).await?;
    }
    Ok(tx.commit().await?)
}

/// The members of the answer: tokens with the Decision's parameters, then the code, which nothing can replace.
fn members(request: &AuthorizationRequest, grant: &Grant, code: Option<&str>, minted: Option<&Minted>) -> JsonMap {
    let mut members = minted.map(|minted| minted.response(&grant.scope, grant)).unwrap_or_default();
    if !request.response_type.token {
        for about_the_access_token in ["token_type", "expires_in", "scope"] {
            members.remove(about_the_access_token);
        }
    }
    if let Some(code) = code {
        members.insert("code".into(), code.into());
    }
    members
}

/// The tokens are larger than a redirect can be, most likely by the claims of the actions.
fn too_long(request: &AuthorizationRequest) -> Response {
    tracing::error!(client.id = request.client.client_id, most = MAX_LOCATION, "the tokens are too long for a redirect");
    let description = "the tokens are too long for a redirect: ask for response_mode=form_post, or for fewer claims";
    request.destination.error("server_error", description)
}

async fn end_session_of_missing_user(app: &App, request: &AuthorizationRequest, session: &Session) -> Result<Answer> {
    let mut tx = app.store.begin().await?;
    tx.revoke_session(&session.id, true, app.clock.now_ms()).await?;
    tx.commit().await?;
    let response = request.destination.error("login_required", "Login required");
    Ok(Answer { response, session: SessionChange::End })
}

/// The error answer of a failure that is not the actions' word. Internals stay in the log.
fn failure(request: &AuthorizationRequest, error: &Error) -> Response {
    let destination = &request.destination;
    match error {
        Error::Protocol { code, description } => destination.error(code, description),
        Error::InvalidClient { description, .. } => destination.error("unauthorized_client", description),
        Error::Denied { code, reason } => destination.error(code, reason),
        Error::ActionFailed { reference } => {
            let description = format!("the login could not be completed (reference {reference})");
            destination.error("server_error", &description)
        }
        Error::Busy | Error::TooManyAttempts { .. } => {
            destination.error("temporarily_unavailable", "the server is busy, please try again")
        }
        Error::Store(error) => {
            tracing::error!(%error, client.id = request.client.client_id, "authorization failed in the database");
            destination.error("server_error", "the login could not be completed")
        }
        Error::Keys(error) => {
            tracing::error!(%error, client.id = request.client.client_id, "authorization failed at signing");
            destination.error("server_error", "the login could not be completed")
        }
    }
}
