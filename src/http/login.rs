//! The hosted pages `/u/login` and `/u/signup`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::answer::{deliver, error_page, local, retry_after, with_cookies};
use super::browser_form::Form;
use super::context::Context;
use super::cookies;
use super::cross_site::is_cross_site;
use super::pages::{login as page, notice};
use crate::app::App;
use crate::oauth::RequestContext;
use crate::oauth::login::{self, Problem, Submission, Submitted};
use crate::oauth::parameters::Parameters;
use crate::oauth::pending::{self, Pending, Refused};
use crate::oauth::session::{Browser, SessionChange};

const DEMO_USERS: i64 = 8;

/// Which of the two pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Screen {
    Login,
    SignUp,
}

/// The routes of this file.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/u/login", get(show_login).post(post_login))
        .route("/u/signup", get(show_sign_up).post(post_sign_up))
}

async fn show_login(State(app): State<Arc<App>>, headers: HeaderMap, Form(parameters): Form) -> Response {
    show(&app, &headers, &parameters, Screen::Login).await
}

async fn show_sign_up(State(app): State<Arc<App>>, headers: HeaderMap, Form(parameters): Form) -> Response {
    show(&app, &headers, &parameters, Screen::SignUp).await
}

async fn post_login(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Context(context): Context,
    Form(parameters): Form,
) -> Response {
    post(&app, &headers, &context, &parameters, Screen::Login).await
}

async fn post_sign_up(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Context(context): Context,
    Form(parameters): Form,
) -> Response {
    post(&app, &headers, &context, &parameters, Screen::SignUp).await
}

async fn show(app: &App, headers: &HeaderMap, parameters: &Parameters, screen: Screen) -> Response {
    let browser = cookies::read(app, headers);
    match open(app, parameters, &browser).await {
        Ok(pending) => {
            let hint = pending.request.parameters.owned("login_hint").unwrap_or_default();
            render(app, &pending, screen, hint, None).await
        }
        Err(refused) => refused_page(&refused),
    }
}

async fn post(app: &App, headers: &HeaderMap, context: &RequestContext, form: &Parameters, screen: Screen) -> Response {
    let browser = cookies::read(app, headers);
    match submit(app, headers, context, form, screen, &browser).await {
        Ok(Submitted::Answer(answer)) => {
            let began = matches!(answer.session, SessionChange::Start(_));
            let lasting = began.then(|| cookies::lasting_binding(app, &browser)).flatten();
            with_cookies(deliver(app, &Method::POST, &answer), lasting)
        }
        Ok(Submitted::Again(pending, problem)) => {
            let identifier = form.get(identifier_field(screen)).unwrap_or_default().to_owned();
            render(app, &pending, screen, identifier, Some(problem)).await
        }
        Err(refused) => refused_page(&refused),
    }
}

async fn submit(
    app: &App,
    headers: &HeaderMap,
    context: &RequestContext,
    form: &Parameters,
    screen: Screen,
    browser: &Browser,
) -> Result<Submitted, Refused> {
    if is_cross_site(app, headers) {
        return Err(Refused::Foreign);
    }
    let pending = open(app, form, browser).await?.check_token(form.get("csrf").unwrap_or_default())?;
    login::submit(app, pending, submission(form, screen), browser, context).await
}

async fn open(app: &App, parameters: &Parameters, browser: &Browser) -> Result<Pending, Refused> {
    pending::open(app, parameters.get("state").ok_or(Refused::Gone)?, browser).await
}

fn submission(form: &Parameters, screen: Screen) -> Submission {
    let text = |name: &str| form.owned(name).unwrap_or_default();
    if form.get("action") == Some("cancel") {
        return Submission::Cancel;
    }
    match (screen, form.owned("demo_user")) {
        (Screen::Login, Some(user_id)) => Submission::DemoUser(user_id),
        (Screen::Login, None) => Submission::Password { username: text("username"), password: text("password") },
        (Screen::SignUp, _) => Submission::SignUp { email: text("email"), password: text("password") },
    }
}

fn identifier_field(screen: Screen) -> &'static str {
    match screen {
        Screen::Login => "username",
        Screen::SignUp => "email",
    }
}

async fn render(app: &App, pending: &Pending, screen: Screen, identifier: String, problem: Option<Problem>) -> Response {
    let path = |name: &str| local(app, name);
    let (own, other) = match screen {
        Screen::Login => ("/u/login", "/u/signup"),
        Screen::SignUp => ("/u/signup", "/u/login"),
    };
    let view = page::View {
        action: path(own),
        other: format!("{}?state={}", path(other), pending.handle),
        handle: pending.handle.clone(),
        csrf: pending.csrf.clone(),
        client_name: pending.request.client.name.clone(),
        identifier,
        problem: problem.map(|problem| problem.to_string()),
        demo_users: if screen == Screen::Login { demo_users(app).await } else { Vec::new() },
    };
    let (status, wait) = status(problem);
    let page = match screen {
        Screen::Login => page::login(status, &view),
        Screen::SignUp => page::sign_up(status, &view),
    };
    match wait {
        Some(seconds) => retry_after(page.into_response(), seconds),
        None => page.into_response(),
    }
}

fn status(problem: Option<Problem>) -> (StatusCode, Option<i64>) {
    match problem {
        None => (StatusCode::OK, None),
        Some(Problem::WrongCredentials | Problem::SignUp(_)) => (StatusCode::BAD_REQUEST, None),
        Some(Problem::TooManyAttempts { retry_after }) => (StatusCode::TOO_MANY_REQUESTS, Some(retry_after)),
        Some(Problem::Busy) => (StatusCode::SERVICE_UNAVAILABLE, Some(1)),
    }
}

async fn demo_users(app: &App) -> Vec<(String, String)> {
    if !login::offers_demo_users(app) {
        return Vec::new();
    }
    let users = app.store.declared_users(DEMO_USERS).await.unwrap_or_default();
    let label = |user: &crate::domain::user::User| {
        user.name.clone().or_else(|| user.email.clone()).unwrap_or_else(|| user.user_id.clone())
    };
    users.iter().map(|user| (user.user_id.clone(), label(user))).collect()
}

fn refused_page(refused: &Refused) -> Response {
    match refused {
        Refused::Gone => {
            let detail = "This login has expired or was already finished.";
            notice::error(StatusCode::BAD_REQUEST, "Login expired", detail).into_response()
        }
        Refused::Foreign => {
            let detail = "This form does not belong to a login in this browser, or the browser refuses cookies.";
            notice::error(StatusCode::FORBIDDEN, "Login refused", detail).into_response()
        }
        Refused::Other(error) => error_page(error),
    }
}
