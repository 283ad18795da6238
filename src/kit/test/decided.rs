//! What `login`, `run` and `exchange` yield to a test: the decision and what would be in the tokens.
//!
//! A decision whose action failed has no members but `error` and what was seen on the way: a test that reads anything else
//! fails with the action's error, so that no crash passes for "not denied" or "denied".

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::{Dynamic, ImmutableString, Map, Module, NativeCallContext};
use serde_json::{Value, json};

use crate::domain::JsonMap;
use crate::domain::decision::{self, Setting};
use crate::flow::{script_value, suggest};
use crate::kit::login::Outcome;

use super::world::{Failed, World};

/// Members, in the order of documentation.
pub(super) const MEMBERS: [&str; 17] = [
    "denied",
    "code",
    "reason",
    "idToken",
    "accessToken",
    "tokenResponse",
    "scopes",
    "userMetadata",
    "appMetadata",
    "transactionMetadata",
    "refreshToken",
    "sessionRevoked",
    "refused",
    "logs",
    "actions",
    "operations",
    "error",
];
/// Members that a failed decision has, too.
const OF_FAILURES: [&str; 5] = ["refused", "logs", "actions", "operations", "error"];

/// A decision in a test; copies are the same one.
#[derive(Clone, Debug)]
pub(super) struct Decided(pub(super) Arc<Outcome>);

impl Decided {
    /// The error of the action that failed, `file:line:col: message`.
    pub(super) fn error(&self) -> Option<&str> {
        match &self.0.decision.outcome {
            decision::Outcome::Failed { message, .. } => Some(message),
            _ => None,
        }
    }

    /// The failure of a test that did not expect its action to fail.
    pub(super) fn failure(&self) -> Option<Failed> {
        self.error()?;
        let last = self.0.decision.trace.actions.last()?;
        let diagnostic = last.diagnostic.as_deref().unwrap_or_default();
        let failed = Failed::new(format!("`{}` failed", last.action)).details(diagnostic.lines().map(str::to_owned));
        Some(failed.hint("a test that expects this says `assert_failed(decision)` or reads `.error`"))
    }

    /// Error code and reason, if the login is refused.
    pub(super) fn refused(&self) -> Option<&(String, String)> {
        self.0.refused.as_ref()
    }

    /// A member; `None` if there is none of the name.
    fn member(&self, name: &str) -> Option<Value> {
        let (outcome, decision) = (&*self.0, &self.0.decision);
        let refusal = outcome.refused.as_ref();
        Some(match name {
            "denied" => refusal.is_some().into(),
            "code" => refusal.map(|(code, _)| code.as_str()).into(),
            "reason" => refusal.map(|(_, reason)| reason.as_str()).into(),
            "idToken" => outcome.custom.id_token.clone().into(),
            "accessToken" => outcome.custom.access_token.clone().into(),
            "tokenResponse" => outcome.custom.token_response.clone().into(),
            "scopes" => if refusal.is_some() { Vec::new() } else { outcome.scope.to_vec() }.into(),
            "userMetadata" => values(&decision.user_metadata),
            "appMetadata" => values(&decision.app_metadata),
            "transactionMetadata" => json!(decision.transaction_metadata),
            "refreshToken" => refresh_token(&decision.refresh_token),
            "sessionRevoked" => decision.session_revoked.as_ref().map(|revoked| revoked.reason.as_str()).into(),
            "refused" => decision.refused.iter().map(refused).collect(),
            "logs" => decision.trace.actions.iter().flat_map(|action| action.logs.iter().cloned()).collect(),
            "actions" => decision.trace.actions.iter().map(|action| action.action.clone()).collect(),
            "operations" => decision.trace.actions.iter().map(|action| action.operations).sum::<u64>().into(),
            "error" => self.error().into(),
            _ => return None,
        })
    }

    /// Everything that does not change from run to run: for snapshots, comparisons and `print`.
    pub(super) fn to_json(&self) -> Value {
        let names: &[&str] = if self.error().is_some() { &OF_FAILURES } else { &MEMBERS };
        let stable = names.iter().filter(|name| **name != "operations");
        let present = stable.filter_map(|name| Some(((*name).to_owned(), self.member(name)?)));
        let mut members: JsonMap = present.filter(|(_, value)| !is_nothing(value)).collect();
        // Lines move when something is written above them.
        let refused = members.get_mut("refused").and_then(Value::as_array_mut).into_iter().flatten();
        refused.filter_map(Value::as_object_mut).for_each(|refusal| drop(refusal.remove("at")));
        Value::Object(members)
    }

    /// Where a claim, parameter or metadata key was set: `actions/10-roles.rhai:4`.
    fn set_by(&self, kind: &str, name: &str) -> Option<Option<String>> {
        let decision = &self.0.decision;
        let settings = match kind {
            "idToken" => &decision.id_token,
            "accessToken" => &decision.access_token,
            "tokenResponse" => &decision.token_response,
            "userMetadata" => &decision.user_metadata,
            "appMetadata" => &decision.app_metadata,
            _ => return None,
        };
        Some(settings.get(name).map(|setting| format!("{}:{}", setting.by.file, setting.by.line)))
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn values(settings: &BTreeMap<String, Setting>) -> Value {
    settings.iter().map(|(name, setting)| (name.clone(), setting.value.clone())).collect::<JsonMap>().into()
}

fn refresh_token(edits: &decision::RefreshTokenEdits) -> Value {
    let members = [
        ("revoked", edits.revoked.as_deref().map(Value::from)),
        ("expiresAt", edits.expires_at.map(Value::from)),
        ("idleExpiresAt", edits.idle_expires_at.map(Value::from)),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<JsonMap>().into()
}

fn refused(refusal: &decision::Refusal) -> Value {
    json!({ "call": refusal.call, "name": refusal.name, "reason": refusal.reason,
            "at": format!("{}:{}", refusal.by.file, refusal.by.line) })
}

/// Registers the type.
pub(super) fn register(module: &mut Module, world: &World) {
    module.set_custom_type::<Decided>("decision");
    let own = world.clone();
    module.set_indexer_get_fn(move |context: NativeCallContext, decided: &mut Decided, name: ImmutableString| {
        if let Some(failed) = decided.failure()
            && !OF_FAILURES.contains(&name.as_str())
        {
            return Err(own.fail(&context, failed));
        }
        match decided.member(&name) {
            Some(value) => Ok(script_value(&value)),
            None => Err(own.fail(
                &context,
                Failed::new(format!("unknown property `{name}` of a decision")).hint(suggest::hint(&name, &MEMBERS)),
            )),
        }
    });
    let own = world.clone();
    module.set_native_fn("setBy", move |context: NativeCallContext, decided: &mut Decided, kind: &str, name: &str| {
        match decided.set_by(kind, name) {
            Some(place) => Ok(place.map_or(Dynamic::UNIT, Dynamic::from)),
            None => {
                let known = ["idToken", "accessToken", "tokenResponse", "userMetadata", "appMetadata"];
                let failed = Failed::new(format!("nothing is set by name in `{kind}`")).hint(suggest::hint(kind, &known));
                Err(own.fail(&context, failed))
            }
        }
    });
    for name in ["to_string", "to_debug", "print", "debug", "to_json"] {
        module.set_native_fn(name, |decided: &mut Decided| Ok(decided.to_json().to_string()));
    }
    module.set_native_fn("to_map", |decided: &mut Decided| {
        Ok(script_value(&decided.to_json()).try_cast::<Map>().unwrap_or_default())
    });
}
