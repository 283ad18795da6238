//! `api.idToken`: claims of the ID token and of `/userinfo`.

use rhai::{Dynamic, Module, NativeCallContext};

use super::{Run, put, text};
use crate::domain::trace::EffectKind;
use crate::flow::names;

/// The object.
#[derive(Clone, Debug)]
pub(super) struct IdToken(pub(super) Run);

const SET: &str = "api.idToken.setCustomClaim";

/// Registers the calls.
pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<IdToken>("api.idToken");
    module.set_native_fn("setCustomClaim", |context: NativeCallContext, token: IdToken, name: Dynamic, value: Dynamic| {
        let name = text(&context, SET, "claim name", &name)?;
        match names::refuse_claim(&name) {
            Some(reason) => token.0.refuse(&context, SET, &name, reason),
            None => put(&context, &token.0, SET, &name, &value, EffectKind::IdToken),
        }
        Ok(super::api(&token.0))
    });
}
