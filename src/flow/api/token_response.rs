//! `api.tokenResponse`: additional members of the `/oauth/token` answer, on every grant.

use rhai::{Dynamic, Module, NativeCallContext};

use super::{Run, put, text};
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
        |context: NativeCallContext, response: &mut TokenResponse, name: Dynamic, value: Dynamic| {
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
    let before = run.effects().token_response.get(name).cloned();
    put(context, run, SET, name, value, |effects| &mut effects.token_response);
    let limit = run.limits().max_claims_size;
    if size(&run.effects().token_response) <= limit {
        return;
    }
    match before {
        Some(before) => run.effects().token_response.insert(name.to_owned(), before),
        None => run.effects().token_response.remove(name),
    };
    run.refuse(context, SET, name, format!("the parameters together would have more than {limit} bytes"));
}

fn size(parameters: &Claims) -> usize {
    parameters.iter().map(|(name, setting)| name.len() + setting.as_ref().map_or(0, |set| set.value.to_string().len())).sum()
}
