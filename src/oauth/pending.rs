//! A login that waits for its form: the request frozen at `/authorize`, tied to one browser, named by a handle.

use crate::app::App;
use crate::domain::hash;
use crate::domain::session::LoginTransaction;

use super::RequestContext;
use super::authorization_request::{AuthorizationRequest, Rejection};
use super::authorize::Step;
use super::error::{Error, Result};
use super::parameters::Parameters;
use super::session::Browser;

/// A login that waits for its form, opened by the right browser.
#[derive(Debug)]
pub struct Pending {
    /// In the form and the URL.
    pub handle: String,
    /// Must come back with the form.
    pub csrf: String,
    /// What `/authorize` was asked.
    pub request: AuthorizationRequest,
    pub(super) transaction: LoginTransaction,
}

/// Why there is no form to fill in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Unknown, expired, or finished before.
    #[error("this login has expired or was already finished")]
    Gone,
    /// Begun in another browser, or the form does not carry the page's token.
    #[error("this login was not begun in this browser")]
    Foreign,
    /// The client changed since: its redirect URI is no longer registered, or worse.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<crate::store::Error> for Refused {
    fn from(error: crate::store::Error) -> Self {
        Self::Other(error.into())
    }
}

/// Stores the request until the form comes back.
///
/// # Errors
/// The database's.
pub async fn start(app: &App, request: &AuthorizationRequest, browser: &Browser, context: &RequestContext) -> Result<Step> {
    let now = app.clock.now_ms();
    // One cookie serves every tab that is opened later.
    let (handle, known) = (app.random.secret(), browser.own_binding().map(str::to_owned));
    let binding = known.unwrap_or_else(|| app.random.secret());
    let transaction = LoginTransaction {
        id: app.random.id(),
        browser_hash: hash::sha256(&binding),
        parameters: request.parameters.values().clone(),
        method: context.method.clone(),
        created_at: now,
        expires_at: now + app.lifetimes.login_transaction * 1000,
    };
    let mut tx = app.store.begin().await?;
    tx.insert_login_transaction(&hash::sha256(&handle), &transaction).await?;
    tx.commit().await?;
    Ok(Step::Interact { handle, binding, sign_up: request.wants_sign_up() })
}

/// Finds the login that waits behind `handle`, in the browser that began it.
///
/// # Errors
/// See [`Refused`].
pub async fn open(app: &App, handle: &str, browser: &Browser) -> std::result::Result<Pending, Refused> {
    let found = app.store.login_transaction(&hash::sha256(handle), app.clock.now_ms()).await?;
    let transaction = found.ok_or(Refused::Gone)?;
    let began = |binding: &&String| hash::equal(&hash::sha256(binding), &transaction.browser_hash);
    let binding = browser.bindings.iter().find(began).ok_or(Refused::Foreign)?;
    let parameters = Parameters::frozen(transaction.parameters.clone());
    let request = AuthorizationRequest::validate(app, parameters).await.map_err(|rejection| match rejection {
        Rejection::Page(error) => Refused::Other(error),
        Rejection::Answer(_) => Refused::Gone,
    })?;
    let csrf = hash::sha256(&format!("form {handle} {binding}"));
    Ok(Pending { handle: handle.to_owned(), csrf, request, transaction })
}

impl Pending {
    /// Whether the form is the one that this page showed.
    ///
    /// # Errors
    /// [`Refused::Foreign`] if not.
    pub fn check_token(self, csrf: &str) -> std::result::Result<Self, Refused> {
        if hash::equal(&self.csrf, csrf) { Ok(self) } else { Err(Refused::Foreign) }
    }
}
