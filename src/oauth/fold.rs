//! What becomes of a Decision before anything is stored or minted: which scopes are granted, which claims may appear, or what
//! the client is told instead. Pure, so that the server, `try`, the unit tests of actions and the matrix fold alike.

use crate::domain::JsonMap;
use crate::domain::claims;
use crate::domain::client::Client;
use crate::domain::decision::{Decision, Outcome};
use crate::domain::resource_server::ResourceServer;
use crate::domain::scope::Scopes;

use super::error::Error;
use super::{mint, scopes};

/// Who gets the tokens.
#[derive(Clone, Copy, Debug)]
pub enum Party<'a> {
    /// A user's client.
    Client {
        /// The client.
        client: &'a Client,
        /// The API that was asked for.
        api: Option<&'a ResourceServer>,
        /// Whether a refresh token may come of it; not from the authorization endpoint alone.
        may_refresh: bool,
    },
    /// A machine in its own name.
    Machine {
        /// The API that was asked for.
        api: &'a ResourceServer,
    },
}

/// The custom claims of a token are more than [`claims::MAX_CUSTOM_CLAIMS`] (claim rule 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the actions' custom claims are too big for one token: {token} has {size} bytes, {} are allowed",
    claims::MAX_CUSTOM_CLAIMS
)]
pub struct Oversized {
    /// `id_token` or `access_token`.
    pub token: &'static str,
    /// Bytes.
    pub size: usize,
}

/// Makes a Decision ready to be stored with its scopes, which it yields: the actions' scope edits are applied, and profile
/// claims whose scope is missing are refused, on the record (claim rule 3).
///
/// # Errors
/// A token that would get too big ends the transaction.
pub fn settle(decision: &mut Decision, granted: &Scopes, party: Party<'_>) -> Result<Scopes, Oversized> {
    let scope = match party {
        Party::Machine { api } => scopes::edited_for_machine(granted, decision, api),
        Party::Client { client, api, may_refresh } => {
            let mut scope = scopes::edited(granted, decision, client, api);
            if !may_refresh {
                scope.remove(scopes::OFFLINE_ACCESS);
            }
            claims::refuse_ungranted(decision, &scope);
            scope
        }
    };
    check_size(decision)?;
    Ok(scope)
}

/// The same where client or API is not known any more, for recorded logins: whatever the actions add is granted.
fn settle_unbounded(decision: &mut Decision, granted: &Scopes) -> Result<Scopes, Oversized> {
    let scope = scopes::edited_unbounded(granted, decision);
    claims::refuse_ungranted(decision, &scope);
    check_size(decision)?;
    Ok(scope)
}

/// Claim rule 6.
///
/// # Errors
/// The first token that is too big.
pub fn check_size(decision: &Decision) -> Result<(), Oversized> {
    for (token, custom) in [("id_token", &decision.id_token), ("access_token", &decision.access_token)] {
        let size = claims::size(custom);
        if size > claims::MAX_CUSTOM_CLAIMS {
            return Err(Oversized { token, size });
        }
    }
    Ok(())
}

/// What comes of a Decision: the scopes of the answer, or what the client hears instead. A token that would get too big is a
/// failure.
#[must_use]
pub fn conclude(
    decision: &mut Decision,
    granted: &Scopes,
    party: Option<Party<'_>>,
    refreshing: bool,
) -> (Scopes, Option<Error>) {
    if let Some(refusal) = refusal(decision, refreshing) {
        return (Scopes::default(), Some(refusal));
    }
    let settled = match party {
        Some(party) => settle(decision, granted, party),
        None => settle_unbounded(decision, granted),
    };
    settled.map(|scope| (scope, None)).unwrap_or_else(|oversized| {
        let reference = decision.trace.id.clone();
        decision.outcome = Outcome::Failed { reference, message: oversized.to_string() };
        (Scopes::default(), refusal(decision, refreshing))
    })
}

/// What the client hears if the Decision does not let the request go on. `refreshing`: a refresh token was presented, which
/// the actions may have revoked.
#[must_use]
pub fn refusal(decision: &Decision, refreshing: bool) -> Option<Error> {
    let denied = |code: &str, reason: &str| Some(Error::Denied { code: code.to_owned(), reason: reason.to_owned() });
    match &decision.outcome {
        Outcome::Denied { code, reason, .. } => return denied(code, reason),
        Outcome::Failed { reference, .. } => return Some(Error::ActionFailed { reference: reference.clone() }),
        Outcome::Allowed => {}
    }
    // `api.refreshToken.revoke` and `api.session.revoke` deny, too.
    let token = decision.refresh_token.revoked.as_ref().filter(|_| refreshing);
    let session = decision.session_revoked.as_ref().map(|revocation| &revocation.reason);
    token.or(session).and_then(|reason| denied("access_denied", reason))
}

/// What the actions put into the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custom {
    /// Claims of the ID token; none without `openid`, which brings no ID token.
    pub id_token: JsonMap,
    /// Claims of the access token.
    pub access_token: JsonMap,
    /// Members of the token response.
    pub token_response: JsonMap,
}

/// What of a settled Decision appears in the answer, by the rules that minting follows.
#[must_use]
pub fn custom(decision: &Decision, scope: &Scopes, party: Party<'_>) -> Custom {
    let token_response = mint::parameters(decision);
    match party {
        Party::Machine { .. } => {
            let access_token = claims::custom_of_machine(&decision.access_token);
            Custom { access_token, token_response, ..Custom::default() }
        }
        Party::Client { .. } => {
            let id_token = if scope.contains("openid") { claims::custom(&decision.id_token, scope) } else { JsonMap::new() };
            Custom { id_token, access_token: claims::custom(&decision.access_token, scope), token_response }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::{ScopeEdit, SessionRevocation, Setting};
    use crate::oauth::fixtures;

    #[test]
    fn a_revoked_session_denies_with_its_reason() {
        let decision = Decision {
            session_revoked: Some(SessionRevocation { reason: "stolen laptop".into(), preserve_refresh_tokens: false }),
            ..Decision::default()
        };
        let error = refusal(&decision, false);
        assert_eq!(error.map(|error| error.to_string()), Some("access_denied: stolen laptop".to_owned()));
    }

    #[test]
    fn a_revoked_refresh_token_denies_where_one_was_presented() {
        let mut decision = Decision::default();
        decision.refresh_token.revoked = Some("stolen".to_owned());
        assert!(refusal(&decision, true).is_some());
        assert!(refusal(&decision, false).is_none());
        assert!(refusal(&Decision::default(), true).is_none());
    }

    #[test]
    fn without_openid_there_is_no_id_token_that_claims_could_be_in() {
        let client = fixtures::client("web");
        let party = Party::Client { client: &client, api: None, may_refresh: true };
        let claim = Setting { value: 1.into(), by: Default::default() };
        let mut decision = Decision {
            id_token: [("plan".to_owned(), claim)].into(),
            scopes: vec![ScopeEdit { scope: "openid".into(), add: false, by: Default::default() }],
            ..Decision::default()
        };
        let scope = settle(&mut decision, &Scopes::parse("openid offline_access"), party).unwrap();
        assert_eq!(scope.to_string(), "offline_access");
        assert_eq!(custom(&decision, &scope, party).id_token, JsonMap::new());
    }

    #[test]
    fn offline_access_goes_where_no_refresh_token_can_come_of_it() {
        let client = fixtures::client("web");
        let party = Party::Client { client: &client, api: None, may_refresh: false };
        let scope = settle(&mut Decision::default(), &Scopes::parse("openid offline_access"), party).unwrap();
        assert_eq!(scope.to_string(), "openid");
    }

    #[test]
    fn a_token_that_would_get_too_big_is_named() {
        let claim = Setting { value: "x".repeat(claims::MAX_CUSTOM_CLAIMS).into(), by: Default::default() };
        let decision = Decision { access_token: [("big".to_owned(), claim)].into(), ..Decision::default() };
        assert_eq!(check_size(&decision).map_err(|oversized| oversized.token), Err("access_token"));
    }
}
