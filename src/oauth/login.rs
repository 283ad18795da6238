//! The hosted login: who submits the form, and what happens then. A pending login is finished once.

use crate::app::App;
use crate::domain::hash;
use crate::domain::user::User;

use super::authorize::Answer;
use super::error::Error;
use super::pending::{Pending, Refused};
use super::session::{self, Browser, SessionChange};
use super::{RequestContext, issue, signup, throttle};

/// Longer passwords are refused before they are hashed.
pub const MAX_PASSWORD_BYTES: usize = 1_024;

/// What the user did with the page.
#[derive(Debug)]
pub enum Submission {
    /// Went back to the application.
    Cancel,
    /// Clicked a demo user (`dev` only).
    DemoUser(String),
    /// Gave credentials.
    Password {
        /// E-mail address or user name.
        username: String,
        /// As typed.
        password: String,
    },
    /// Signed up.
    SignUp {
        /// As typed.
        email: String,
        /// As typed.
        password: String,
    },
}

/// What comes of it.
#[derive(Debug)]
pub enum Submitted {
    /// Back to the client.
    Answer(Box<Answer>),
    /// The page again, with the reason.
    Again(Box<Pending>, Problem),
}

/// Why the page is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The same words for an unknown user and a wrong password.
    #[error("Wrong email or password.")]
    WrongCredentials,
    /// 429.
    #[error("Too many attempts. Please wait a moment and try again.")]
    TooManyAttempts {
        /// Seconds.
        retry_after: i64,
    },
    /// 503.
    #[error("The server is busy. Please try again in a few seconds.")]
    Busy,
    /// The sign-up form.
    #[error(transparent)]
    SignUp(#[from] signup::Problem),
}

/// Who logs in.
enum Arrival {
    Known(Box<User>),
    New { user: Box<User>, password_hash: String },
}

/// Whether the page offers users by one click: `dev` on a loopback issuer.
#[must_use]
pub fn offers_demo_users(app: &App) -> bool {
    let url = url::Url::parse(&app.issuer).ok();
    app.dev
        && match url.as_ref().and_then(url::Url::host) {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
}

/// Handles a form whose token was checked.
///
/// # Errors
/// See [`Refused`].
pub async fn submit(
    app: &App,
    pending: Pending,
    submission: Submission,
    browser: &Browser,
    context: &RequestContext,
) -> Result<Submitted, Refused> {
    let arrival = match submission {
        Submission::Cancel => return cancel(app, &pending).await,
        Submission::DemoUser(user_id) => demo_user(app, &user_id).await,
        Submission::Password { username, password } => known_user(app, &username, &password, browser, context).await,
        Submission::SignUp { email, password } => new_user(app, &email, &password, context).await,
    };
    match arrival {
        Ok(arrival) => complete(app, pending, arrival, browser, context).await,
        Err(error) => problem(app, error).map(|problem| Submitted::Again(Box::new(pending), problem)),
    }
}

/// A failure on the way to a user: shown in the page, or no page at all.
enum Failed {
    Problem(Problem),
    Error(Error),
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

fn problem(app: &App, failed: Failed) -> Result<Problem, Refused> {
    match failed {
        Failed::Problem(problem) => Ok(problem),
        Failed::Error(Error::TooManyAttempts { retry_after }) => {
            app.metrics.login_tried("too_many_attempts");
            Ok(Problem::TooManyAttempts { retry_after })
        }
        Failed::Error(Error::Busy) => {
            app.metrics.passwords_busy();
            Ok(Problem::Busy)
        }
        Failed::Error(error) => Err(error.into()),
    }
}

async fn demo_user(app: &App, user_id: &str) -> Result<Arrival, Failed> {
    if !offers_demo_users(app) {
        return Err(Failed::Problem(Problem::WrongCredentials));
    }
    let user = app.store.user(user_id).await?;
    user.map(|user| Arrival::Known(Box::new(user))).ok_or(Failed::Problem(Problem::WrongCredentials))
}

/// Checks a password. An unknown user takes as long as a known one.
async fn known_user(
    app: &App,
    username: &str,
    password: &str,
    browser: &Browser,
    context: &RequestContext,
) -> Result<Arrival, Failed> {
    let wrong = Failed::Problem(Problem::WrongCredentials);
    if password.is_empty() || password.len() > MAX_PASSWORD_BYTES || username.contains('\0') {
        return Err(wrong);
    }
    let attempt = throttle::attempt(app, username, browser, context).await?;
    let found = app.store.credentials(username.trim()).await?;
    let password_hash = found.as_ref().and_then(|found| found.password_hash.as_deref());
    let fits = app.passwords.verify(password, password_hash).await.map_err(|_| Error::Busy)?;
    match found {
        Some(found) if fits => {
            attempt.succeeded(app).await?;
            Ok(Arrival::Known(Box::new(found.user)))
        }
        _ => {
            attempt.failed(app).await?;
            app.metrics.login_tried("wrong_password");
            tracing::info!(outcome = "wrong_credentials", ip = context.ip, "login refused");
            Err(wrong)
        }
    }
}

async fn new_user(app: &App, email: &str, password: &str, context: &RequestContext) -> Result<Arrival, Failed> {
    let user = signup::user(app, email, password).map_err(|problem| Failed::Problem(problem.into()))?;
    let probe = throttle::probe(app, context).await?;
    if app.store.credentials(email.trim()).await?.is_some() {
        probe.failed(app).await?;
        return Err(Failed::Problem(signup::Problem::Taken.into()));
    }
    let password_hash = app.passwords.hash(password).await.map_err(|_| Error::Busy)?;
    Ok(Arrival::New { user: Box::new(user), password_hash })
}

async fn cancel(app: &App, pending: &Pending) -> Result<Submitted, Refused> {
    finish(app, pending).await?;
    let response = pending.request.destination.error("access_denied", "the user cancelled the login");
    Ok(Submitted::Answer(Box::new(response.into())))
}

/// Finishes the transaction and nothing else.
async fn finish(app: &App, pending: &Pending) -> Result<(), Refused> {
    let mut tx = app.store.begin().await?;
    if !tx.finish_login_transaction(&hash::sha256(&pending.handle), app.clock.now_ms()).await? {
        return Err(Refused::Gone);
    }
    Ok(tx.commit().await?)
}

/// Finishes the transaction, counts the login and begins a session, all at once; then the actions run.
async fn complete(
    app: &App,
    pending: Pending,
    arrival: Arrival,
    browser: &Browser,
    context: &RequestContext,
) -> Result<Submitted, Refused> {
    if matches!(&arrival, Arrival::Known(user) if user.blocked) {
        finish(app, &pending).await?;
        app.metrics.login_tried("blocked");
        tracing::info!(client.id = pending.request.client.client_id, outcome = "blocked", "login refused");
        let response = pending.request.destination.error("access_denied", "user is blocked");
        return Ok(Submitted::Answer(Box::new(response.into())));
    }
    let now = app.clock.now_ms();
    let old = session::find(app, browser).await?;
    let mut tx = app.store.begin().await?;
    let user_id = match &arrival {
        Arrival::Known(user) => &user.user_id,
        Arrival::New { user, password_hash } => {
            if !tx.create_user(user, password_hash).await? {
                return Ok(Submitted::Again(Box::new(pending), signup::Problem::Taken.into()));
            }
            if let Some(email) = &user.email {
                throttle::remember(app, &mut tx, email, browser, context).await?;
            }
            &user.user_id
        }
    };
    if !tx.finish_login_transaction(&hash::sha256(&pending.handle), now).await? {
        return Err(Refused::Gone);
    }
    tx.count_login(user_id, now).await?;
    let (secret, session) = session::begin(app, &mut tx, user_id, old.as_ref(), context).await?;
    tx.commit().await?;

    let context = RequestContext { method: pending.transaction.method.clone(), ..context.clone() };
    let mut answer = issue::issue(app, &pending.request, session, &context, pending.transaction.id).await;
    if answer.session == SessionChange::Keep {
        answer.session = SessionChange::Start(secret);
    }
    Ok(Submitted::Answer(Box::new(answer)))
}
