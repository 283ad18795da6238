//! What one authorization gave: the root that codes, refresh tokens and access tokens hang on.
//!
//! Revoking a grant kills everything that came of it, which is what a replayed code or refresh token asks for
//! (RFC 6749 section 4.1.2, RFC 9700 section 4.14.2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::decision::{Decision, RefreshTokenEdits, Setting};
use super::scope::Scopes;

/// An authorization of one user for one client. Timestamps are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Random, no secret; the first half of the `jti` of JWT access tokens, so that revoking reaches them.
    pub id: String,
    /// To whom.
    pub client_id: String,
    /// For whom.
    pub user_id: String,
    /// The browser session, if there was one.
    pub session_id: Option<String>,
    /// Granted scopes, after the actions' edits.
    pub scope: Scopes,
    /// What was requested, before anything was dropped.
    pub requested_scope: Scopes,
    /// The API; `None`: an opaque token for `/userinfo`.
    pub audience: Option<String>,
    /// `auth_time`, when the user last gave credentials; milliseconds.
    pub authenticated_at: i64,
    /// How the user authenticated.
    pub methods: Vec<super::session::AuthenticationMethod>,
    /// `nonce` of the request.
    pub nonce: Option<String>,
    /// `acr_values` of the request.
    pub acr_values: Vec<String>,
    /// `event.transaction.protocol` of the login.
    pub protocol: String,
    /// The last Decision of the actions: tokens and `/userinfo` take their custom claims from it, and only what they need of it
    /// is stored with the grant. How it came about is a trace's to tell.
    #[serde(serialize_with = "what_tokens_need")]
    pub decision: Decision,
    /// When the login happened.
    pub created_at: i64,
}

impl Grant {
    /// Takes the scopes and the Decision of a refresh; whether anything that is stored is other than before. The trace's id always
    /// is, and nothing reads that of an earlier Decision: most refreshes decide the same, and need not write the grant.
    pub fn renew(&mut self, scope: Scopes, decision: Decision) -> bool {
        fn needed(decision: &Decision) -> impl PartialEq {
            let Decision { id_token, access_token, token_response, refresh_token, .. } = decision;
            (id_token, access_token, token_response, refresh_token)
        }
        let changed = self.scope != scope || needed(&self.decision) != needed(&decision);
        (self.scope, self.decision) = (scope, decision);
        changed
    }
}

fn what_tokens_need<S: Serializer>(decision: &Decision, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Needed<'a> {
        id_token: &'a BTreeMap<String, Setting>,
        access_token: &'a BTreeMap<String, Setting>,
        token_response: &'a BTreeMap<String, Setting>,
        refresh_token: &'a RefreshTokenEdits,
        trace: Reference<'a>,
    }
    #[derive(Serialize)]
    struct Reference<'a> {
        id: &'a str,
        set: &'a str,
    }
    let Decision { id_token, access_token, token_response, refresh_token, trace, .. } = decision;
    let trace = Reference { id: &trace.id, set: &trace.set };
    Needed { id_token, access_token, token_response, refresh_token, trace }.serialize(serializer)
}

/// An authorization code that waits for redemption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationCode {
    /// The grant that it yields.
    pub grant_id: String,
    /// Only this client may redeem it.
    pub client_id: String,
    /// Must be repeated at the token endpoint.
    pub redirect_uri: String,
    /// PKCE challenge (S256).
    pub code_challenge: Option<String>,
    /// Unix milliseconds.
    pub expires_at: i64,
}

/// A refresh token. Timestamps are Unix milliseconds; `None` of an end means none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    /// `event.refresh_token.id`; not the secret.
    pub id: String,
    /// The family.
    pub grant_id: String,
    /// When the family began.
    pub created_at: i64,
    /// Absolute end.
    pub expires_at: Option<i64>,
    /// End unless used before.
    pub idle_expires_at: Option<i64>,
    /// Last exchange of the family, if any.
    pub last_exchanged_at: Option<i64>,
    /// Whether the next use replaces it.
    pub rotating: bool,
    /// Address at issue.
    pub initial_ip: String,
    /// User agent at issue.
    pub initial_user_agent: Option<String>,
}

/// What became of a presented one-time secret.
#[derive(Clone, Debug, PartialEq)]
pub enum Redemption<T> {
    /// It was fresh and is now spent.
    Redeemed(T),
    /// It had been spent before: whoever holds it is not alone.
    Replayed {
        /// The grant whose offspring must die.
        grant_id: String,
    },
    /// Unknown or expired.
    Unknown,
}

/// An opaque access token as found by its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpaqueToken {
    /// The grant behind it.
    pub grant_id: String,
    /// The scopes of this token (a refresh may narrow).
    pub scope: Scopes,
    /// Unix milliseconds.
    pub issued_at: i64,
    /// Unix milliseconds.
    pub expires_at: i64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::decision::{Refusal, Trace};
    use crate::domain::trace::ActionTrace;

    #[test]
    fn a_stored_grant_has_the_claims_and_not_how_they_came_about() {
        let setting = Setting { value: json!(1), by: Default::default() };
        let refusal = Refusal { call: "c".into(), name: "n".into(), reason: "r".into(), by: Default::default() };
        let actions = vec![ActionTrace { logs: vec!["printed".to_owned()], ..ActionTrace::default() }];
        let decision = Decision {
            id_token: BTreeMap::from([("a".to_owned(), setting.clone())]),
            app_metadata: BTreeMap::from([("b".to_owned(), setting)]),
            refresh_token: RefreshTokenEdits { expires_at: Some(5), ..RefreshTokenEdits::default() },
            refused: vec![refusal],
            trace: Trace { id: "id".into(), set: "set".into(), actions, ..Trace::default() },
            ..Decision::default()
        };
        let stored = serde_json::to_string(&Stored { decision: &decision }).unwrap();
        let read: Read = serde_json::from_str(&stored).unwrap();
        let kept = Decision {
            id_token: decision.id_token,
            refresh_token: decision.refresh_token,
            trace: Trace { id: "id".into(), set: "set".into(), ..Trace::default() },
            ..Decision::default()
        };
        assert_eq!(read.decision, kept, "{stored}");
    }

    #[derive(Serialize)]
    struct Stored<'a> {
        #[serde(serialize_with = "what_tokens_need_of")]
        decision: &'a Decision,
    }

    fn what_tokens_need_of<S: Serializer>(decision: &&Decision, serializer: S) -> Result<S::Ok, S::Error> {
        what_tokens_need(decision, serializer)
    }

    #[derive(Deserialize)]
    struct Read {
        decision: Decision,
    }
}
