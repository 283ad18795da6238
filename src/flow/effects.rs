//! What one action asked for, kept apart from the Decision until the action has ended well.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::decision::{
    Decision, Outcome, Provenance, RefreshTokenEdits, Refusal, ScopeEdit, SessionRevocation, Setting,
};
use crate::domain::trace::{Effect, EffectKind};

/// More refusals of one action are not recorded one by one.
const MAX_REFUSALS: usize = 100;
/// More effects of one action, and more bytes of their values, are not told one by one; they happen all the same.
const MAX_HISTORY: usize = 256;
const MAX_HISTORY_BYTES: usize = 128 * 1024;

/// Settings by name; `None` takes away what an earlier action set.
pub(crate) type Claims = BTreeMap<String, Option<Setting>>;

/// The effects of one action.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) id_token: Claims,
    pub(crate) access_token: Claims,
    pub(crate) token_response: Claims,
    pub(crate) scopes: Vec<ScopeEdit>,
    pub(crate) user_metadata: BTreeMap<String, Setting>,
    pub(crate) app_metadata: BTreeMap<String, Setting>,
    /// The whole of it: earlier actions' included.
    pub(crate) transaction_metadata: BTreeMap<String, Value>,
    pub(crate) refresh_token: RefreshTokenEdits,
    pub(crate) session_revoked: Option<SessionRevocation>,
    /// Code, reason, place; the first denial of an action counts.
    pub(crate) denied: Option<(String, String, Provenance)>,
    pub(crate) refused: Vec<Refusal>,
    /// Writes to the cache, which are not taken back.
    pub(crate) cache_writes: usize,
    /// All of it in order, for the trace.
    pub(crate) history: History,
}

/// What the action asked for and was given, in order.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) effects: Vec<Effect>,
    pub(crate) left_out: usize,
    bytes: usize,
}

impl History {
    /// Adds an effect; `None`: something was taken away.
    pub(crate) fn add(&mut self, kind: EffectKind, name: &str, value: Option<&Value>, by: &Provenance) {
        let bytes = name.len() + value.map_or(0, super::value::weight);
        if self.effects.len() >= MAX_HISTORY || self.bytes + bytes > MAX_HISTORY_BYTES {
            self.left_out += 1;
            return;
        }
        self.bytes += bytes;
        self.effects.push(Effect { kind, name: name.to_owned(), value: value.cloned(), by: by.clone() });
    }
}

impl Effects {
    /// The effects of an action that runs after what the decision holds.
    pub(crate) fn after(decision: &Decision) -> Self {
        Self { transaction_metadata: decision.transaction_metadata.clone(), ..Self::default() }
    }

    /// Records a refusal; the flood of a loop is cut short, and the last entry says so.
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        match self.refused.len() {
            0..MAX_REFUSALS => self.refused.push(refusal),
            MAX_REFUSALS => {
                let reason = format!("this action had more than {MAX_REFUSALS} refusals; the others are not listed");
                self.refused.push(Refusal { reason, ..refusal });
            }
            _ => {}
        }
    }

    /// Sets a claim or parameter, or takes away what an earlier action set.
    pub(crate) fn set(&mut self, kind: EffectKind, name: &str, value: Option<Value>, by: Provenance) {
        self.history.add(kind, name, value.as_ref(), &by);
        if let Some(claims) = self.claims(kind) {
            claims.insert(name.to_owned(), value.map(|value| Setting { value, by }));
        }
    }

    fn claims(&mut self, kind: EffectKind) -> Option<&mut Claims> {
        match kind {
            EffectKind::IdToken => Some(&mut self.id_token),
            EffectKind::AccessToken => Some(&mut self.access_token),
            EffectKind::TokenResponse => Some(&mut self.token_response),
            _ => None,
        }
    }

    /// Denies, unless the action has denied already.
    pub(crate) fn deny(&mut self, code: &str, reason: &str, by: Provenance) {
        self.history.add(EffectKind::Deny, code, Some(&reason.into()), &by);
        self.denied.get_or_insert_with(|| (code.to_owned(), reason.to_owned(), by));
    }

    /// Folds everything into the decision: the action has ended well.
    pub(crate) fn apply(self, decision: &mut Decision) {
        apply_claims(&mut decision.id_token, self.id_token);
        apply_claims(&mut decision.access_token, self.access_token);
        apply_claims(&mut decision.token_response, self.token_response);
        decision.scopes.extend(self.scopes);
        decision.user_metadata.extend(self.user_metadata);
        decision.app_metadata.extend(self.app_metadata);
        decision.transaction_metadata = self.transaction_metadata;
        let edits = &mut decision.refresh_token;
        edits.revoked = edits.revoked.take().or(self.refresh_token.revoked);
        edits.expires_at = earlier(edits.expires_at, self.refresh_token.expires_at);
        edits.idle_expires_at = earlier(edits.idle_expires_at, self.refresh_token.idle_expires_at);
        decision.session_revoked = decision.session_revoked.take().or(self.session_revoked);
        decision.refused.extend(self.refused);
        if let Some((code, reason, by)) = self.denied {
            decision.outcome = Outcome::Denied { code, reason, by };
        }
    }

    /// Keeps what was refused and nothing else: the action failed.
    pub(crate) fn drop_but_refusals(self, decision: &mut Decision) {
        decision.refused.extend(self.refused);
    }
}

fn apply_claims(into: &mut BTreeMap<String, Setting>, from: Claims) {
    for (name, setting) in from {
        match setting {
            Some(setting) => into.insert(name, setting),
            None => into.remove(&name),
        };
    }
}

/// The earlier of two ends, where none means no end.
pub(crate) fn earlier(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    a.into_iter().chain(b).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_cut_short() {
        let mut effects = Effects::default();
        for _ in 0..1_000 {
            effects.refuse(Refusal { call: "c".into(), name: "n".into(), reason: "r".into(), by: Provenance::default() });
        }
        assert_eq!(effects.refused.len(), MAX_REFUSALS + 1);
        assert!(effects.refused[MAX_REFUSALS].reason.contains("more than 100 refusals"));
    }

    #[test]
    fn the_earlier_end_counts() {
        assert_eq!(earlier(Some(2), Some(1)), Some(1));
        assert_eq!(earlier(None, Some(1)), Some(1));
        assert_eq!(earlier(None, None), None);
    }
}
