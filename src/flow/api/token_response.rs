//! `api.tokenResponse`: additional members of the `/oauth/token` answer, on every grant.

use rhai::{Dynamic, Module, NativeCallContext};

use super::{Run, given, refuse_value, text};
use crate::domain::trace::EffectKind;
use crate::flow::effects::Claims;
use crate::flow::names;

/// The object.
#[derive(Clone, Debug)]
pub(super) struct TokenResponse(pub(super) Run);

const SET: &str = "api.tokenResponse.setCustomParameter";

/// Registers the calls.
pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<TokenResponse>("api.tokenResponse");
    module.set_native_fn(
        "setCustomParameter",
        |context: NativeCallContext, response: TokenResponse, name: Dynamic, value: Dynamic| {
            let name = text(&context, SET, "parameter name", &name)?;
            match names::refuse_parameter(&name) {
                Some(reason) => response.0.refuse(&context, SET, &name, reason),
                None => put_within_limit(&context, &response.0, &name, &value),
            }
            Ok(super::api(&response.0))
        },
    );
}

/// Nothing checks the answer's size later, so that it is bounded here, for all parameters of an action together.
fn put_within_limit(context: &NativeCallContext, run: &Run, name: &str, value: &Dynamic) {
    let limit = run.limits().max_claims_size;
    let value = match given(value, limit) {
        Ok(value) => value,
        Err(unfit) => return refuse_value(context, run, SET, name, unfit),
    };
    let added = value.as_ref().map_or(0, |value| name.len() + value.to_string().len());
    if added + size_without(&run.effects().token_response, name) > limit {
        run.refuse(context, SET, name, format!("the parameters together would have more than {limit} bytes"));
    } else {
        run.effects().set(EffectKind::TokenResponse, name, value, run.provenance(context));
    }
}

fn size_without(parameters: &Claims, name: &str) -> usize {
    let others = parameters.iter().filter(|(own, _)| *own != name);
    others.map(|(name, setting)| name.len() + setting.as_ref().map_or(0, |set| set.value.to_string().len())).sum()
}
