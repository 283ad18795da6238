//! Where calls of `http::` go: to the network, or to somebody who has the answers (a test, a replay).

use std::fmt::Debug;
use std::sync::Arc;

use crate::domain::outside::{HttpAnswer, HttpRequest};

/// Where calls of `http::` go, once `allow_hosts` and the number of calls let them.
#[derive(Clone, Debug, Default)]
pub enum Http {
    /// The network.
    #[default]
    Network,
    /// Somebody who has the answers; nothing leaves the process.
    Answers(Arc<dyn HttpAnswers>),
}

/// Answers in the place of the network.
pub trait HttpAnswers: Send + Sync + Debug {
    /// The answer, or why there is none: the action sees the reason as the error of its call.
    ///
    /// # Errors
    /// The reason.
    fn answer(&self, request: &HttpRequest) -> Result<HttpAnswer, String>;
}
