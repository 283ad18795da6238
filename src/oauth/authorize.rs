//! `/authorize`: a usable session is answered at once, everybody else sees the login page.

use crate::app::App;

use super::RequestContext;
use super::authorization_request::{AuthorizationRequest, Prompt, Rejection};
use super::error::Result;
use super::parameters::Parameters;
use super::respond::Response;
use super::session::{self, Browser, SessionChange};
use super::{issue, pending};

/// What the browser does next.
#[derive(Debug)]
pub enum Step {
    /// Back to the client.
    Answer(Box<Answer>),
    /// On to the login or sign-up page.
    Interact {
        /// Names the login under way.
        handle: String,
        /// The secret of the cookie that ties it to this browser.
        binding: String,
        /// Whether the sign-up page comes first.
        sign_up: bool,
    },
}

/// An answer to the client and what becomes of the session cookie.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// To the client.
    pub response: Response,
    /// To the browser.
    pub session: SessionChange,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { response, session: SessionChange::Keep }
    }
}

/// Handles an authorization request.
///
/// # Errors
/// Only what must not be told to the redirect URI: an unknown client, a foreign URI, a database that does not answer.
pub async fn authorize(app: &App, parameters: Parameters, browser: &Browser, context: &RequestContext) -> Result<Step> {
    let request = match AuthorizationRequest::validate(app, parameters).await {
        Ok(request) => request,
        Err(Rejection::Page(error)) => return Err(error),
        Err(Rejection::Answer(response)) => return Ok(Step::Answer(Box::new((*response).into()))),
    };
    let session = session::find(app, browser).await?;
    match session.filter(|session| session::satisfies(session, &request, app.clock.now_ms())) {
        Some(session) => {
            let answer = issue::issue(app, &request, session, context, app.random.id()).await;
            Ok(Step::Answer(Box::new(answer)))
        }
        None if request.prompts(Prompt::None) => {
            let response = request.destination.error("login_required", "Login required");
            Ok(Step::Answer(Box::new(response.into())))
        }
        None => pending::start(app, &request, browser, context).await,
    }
}
