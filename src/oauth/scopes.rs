//! Which scopes are granted (auth0-http 3.4) and what the actions make of them.

use crate::domain::client::Client;
use crate::domain::decision::Decision;
use crate::domain::resource_server::ResourceServer;
use crate::domain::scope::Scopes;

/// The requested scopes that may be granted to a user's client: standard OpenID scopes, those that the API defines, and
/// `offline_access` where API and client allow it. The rest is dropped.
#[must_use]
pub fn grantable(requested: &Scopes, client: &Client, api: Option<&ResourceServer>) -> Scopes {
    todo!("{requested:?}{client:?}{api:?}")
}

/// Applies the actions' scope edits: removals always; additions if the API defines the scope or it is a standard one (and
/// `offline_access` only where [`grantable`] would). An addition that is not granted is recorded in `decision.refused`.
#[must_use]
pub fn edited(granted: &Scopes, decision: &mut Decision, client: &Client, api: Option<&ResourceServer>) -> Scopes {
    todo!("{granted:?}{decision:?}{client:?}{api:?}")
}
