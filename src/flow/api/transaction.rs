//! `api.transaction`: notes for later actions of the same transaction; visible at once in `event.transaction.metadata`.

use std::collections::BTreeMap;

use rhai::{Dynamic, Module, NativeCallContext};
use serde_json::Value;

use super::{Run, Scripted, refuse_value, text};
use crate::domain::trace::EffectKind;
use crate::flow::value;

/// The object.
#[derive(Clone, Debug)]
pub(super) struct Transaction(pub(super) Run);

const SET: &str = "api.transaction.setMetadata";
/// Characters of a key; bytes of a value and of everything, as JSON.
const MAX_KEY: usize = 64;
const MAX_VALUE: usize = 8 * 1024;
const MAX_TOTAL: usize = 16 * 1024;

/// Registers the calls.
pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<Transaction>("api.transaction");
    module.set_native_fn("setMetadata", |context: NativeCallContext, own: Transaction, key: Dynamic, value: Dynamic| {
        set(&context, &own.0, &key, &value)
    });
}

fn set(context: &NativeCallContext, run: &Run, key: &Dynamic, value: &Dynamic) -> Scripted<Dynamic> {
    let key = text(context, SET, "key", key)?;
    let json = match value::to_json(value) {
        Ok(json) => json,
        Err(unfit) => {
            refuse_value(context, run, SET, &key, unfit);
            return Ok(super::api(run));
        }
    };
    let refused = refusal(&run.effects().transaction_metadata, &key, &json);
    if let Some(reason) = refused {
        run.refuse(context, SET, &key, reason);
        return Ok(super::api(run));
    }
    let (by, mut effects) = (run.provenance(context), run.effects());
    let value = (!json.is_null()).then_some(json);
    effects.history.add(EffectKind::TransactionMetadata, &key, value.as_ref(), &by);
    match value {
        None => effects.transaction_metadata.remove(key.as_str()),
        Some(value) => effects.transaction_metadata.insert(key.to_string(), value),
    };
    drop(effects);
    Ok(super::api(run))
}

fn refusal(present: &BTreeMap<String, Value>, key: &str, value: &Value) -> Option<String> {
    if key.is_empty() || key.chars().count() > MAX_KEY {
        return Some(format!("a key has 1 to {MAX_KEY} characters"));
    }
    if value.is_array() || value.is_object() {
        return Some("a value is a string, a number or a boolean; `json::stringify` turns others into a string".to_owned());
    }
    let size = value.to_string().len();
    if size > MAX_VALUE {
        return Some(format!("a value has at most {MAX_VALUE} bytes"));
    }
    let others = present.iter().filter(|(name, _)| *name != key).map(|(name, value)| name.len() + value.to_string().len());
    let total = others.sum::<usize>() + key.len() + size;
    (!value.is_null() && total > MAX_TOTAL).then(|| format!("all metadata together have at most {MAX_TOTAL} bytes"))
}
