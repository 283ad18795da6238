//! `api.user`: metadata. Written once, after the trigger; visible to later actions, not to the one that set it.

use rhai::{Dynamic, Module, NativeCallContext};
use serde_json::Value;

use super::{Run, Scripted, refuse_value, text};
use crate::domain::decision::Setting;
use crate::domain::trace::EffectKind;
use crate::flow::{names, value};

/// The object.
#[derive(Clone, Debug)]
pub(super) struct User(pub(super) Run);

/// Registers the calls.
pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<User>("api.user");
    module.set_native_fn("setUserMetadata", |context: NativeCallContext, user: User, key: Dynamic, value: Dynamic| {
        set(&context, &user.0, false, &key, &value)
    });
    module.set_native_fn("setAppMetadata", |context: NativeCallContext, user: User, key: Dynamic, value: Dynamic| {
        set(&context, &user.0, true, &key, &value)
    });
}

fn set(context: &NativeCallContext, run: &Run, app: bool, key: &Dynamic, value: &Dynamic) -> Scripted<Dynamic> {
    let call = if app { "api.user.setAppMetadata" } else { "api.user.setUserMetadata" };
    let key = text(context, call, "key", key)?;
    let refused = if app { names::refuse_app_metadata(&key) } else { names::refuse_user_metadata(&key) };
    if let Some(reason) = refused {
        run.refuse(context, call, &key, reason);
        return Ok(super::api(run));
    }
    // `null` in the patch deletes.
    let json = if value.is_unit() { Ok(Value::Null) } else { value::to_json_within(value, run.limits().max_claims_size) };
    match json {
        Ok(value) => {
            let setting = Setting { value, by: run.provenance(context) };
            let mut effects = run.effects();
            let kind = if app { EffectKind::AppMetadata } else { EffectKind::UserMetadata };
            effects.history.add(kind, &key, Some(&setting.value).filter(|value| !value.is_null()), &setting.by);
            let patch = if app { &mut effects.app_metadata } else { &mut effects.user_metadata };
            patch.insert(key.to_string(), setting);
        }
        Err(unfit) => refuse_value(context, run, call, &key, unfit),
    }
    Ok(super::api(run))
}
