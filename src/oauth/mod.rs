//! The protocol as use cases: what the endpoints do, without HTTP.
//!
//! The authorization side: [`authorization_request`] validates, [`authorize`] chooses between the [`session`] and the hosted
//! [`login`] (or [`signup`]) that waits in [`pending`], [`issue`] runs the actions and answers, [`respond`] says how; [`logout`]. The token side: [`token`] (client
//! authentication and dispatch), one file per grant, [`userinfo`], [`introspect`], [`revoke`]. Shared by both: [`event`] builds
//! the actions' argument, [`scopes`] decides what is granted, [`fold`] what becomes of a Decision, [`mint`] makes the tokens, [`error`] names every failure.

pub mod assertion;
pub mod authorization_request;
mod authorization_rules;
pub mod authorize;
pub mod bearer;
pub mod client_authentication;
pub mod client_credentials_grant;
pub mod code_grant;
pub mod error;
pub mod event;
#[cfg(test)]
mod fixtures;
pub mod fold;
mod id_token_hint;
pub mod introspect;
pub mod issue;
pub mod login;
pub mod logout;
pub mod mint;
pub mod parameters;
pub mod password_grant;
pub mod pending;
pub mod redirect_uri;
pub mod refresh_grant;
pub mod replay;
pub mod respond;
pub mod revoke;
pub mod scopes;
pub mod session;
mod shadow;
pub mod signup;
pub mod throttle;
pub mod token;
pub mod userinfo;
pub mod verdict;

use crate::domain::JsonMap;

/// What the HTTP layer knows about a request and the use cases need: for `event.request`, sessions and throttling.
#[derive(Clone, Debug, Default)]
pub struct RequestContext {
    /// The peer's address (or what a trusted proxy says).
    pub ip: String,
    /// `GET` or `POST`.
    pub method: String,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// First language of `Accept-Language`.
    pub language: Option<String>,
    /// Parameters of the authorization request, unknown ones too.
    pub query: JsonMap,
    /// Body of a token request, credentials, secrets and tokens removed.
    pub body: JsonMap,
}
