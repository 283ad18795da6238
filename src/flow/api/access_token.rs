//! `api.accessToken`: claims and scopes of the access token.

use rhai::{Dynamic, Module, NativeCallContext};

use super::{Run, Scripted, mistake, put, text};
use crate::domain::decision::ScopeEdit;
use crate::domain::trace::EffectKind;
use crate::flow::names;

/// The object.
#[derive(Clone, Debug)]
pub(super) struct AccessToken(pub(super) Run);

const SET: &str = "api.accessToken.setCustomClaim";
/// Characters of a scope, and edits of one run, as in Auth0.
const MAX_SCOPE: usize = 280;
const MAX_EDITS: usize = 1_000;

/// Registers the calls.
pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<AccessToken>("api.accessToken");
    module.set_native_fn(
        "setCustomClaim",
        |context: NativeCallContext, token: AccessToken, name: Dynamic, value: Dynamic| {
            let name = text(&context, SET, "claim name", &name)?;
            match names::refuse_claim(&name) {
                Some(reason) => token.0.refuse(&context, SET, &name, reason),
                None => put(&context, &token.0, SET, &name, &value, EffectKind::AccessToken),
            }
            Ok(super::api(&token.0))
        },
    );
    module.set_native_fn("addScope", |context: NativeCallContext, token: AccessToken, scope: Dynamic| {
        edit(&context, &token.0, "api.accessToken.addScope", &scope, true)
    });
    module.set_native_fn("removeScope", |context: NativeCallContext, token: AccessToken, scope: Dynamic| {
        edit(&context, &token.0, "api.accessToken.removeScope", &scope, false)
    });
}

fn edit(context: &NativeCallContext, run: &Run, call: &str, scope: &Dynamic, add: bool) -> Scripted<Dynamic> {
    let scope = text(context, call, "scope", scope)?;
    let scope = scope.trim();
    let wrong = if scope.is_empty() {
        Some("the scope is empty".to_owned())
    } else if scope.contains(char::is_whitespace) {
        Some("a scope cannot contain white space; add one at a time".to_owned())
    } else if scope.chars().count() > MAX_SCOPE {
        Some(format!("a scope has at most {MAX_SCOPE} characters"))
    } else {
        None
    };
    if let Some(wrong) = wrong {
        return Err(mistake(context, format!("`{call}`: {wrong}")));
    }
    let by = run.provenance(context);
    let mut effects = run.effects();
    if effects.scopes.iter().filter(|edit| edit.add == add).count() >= MAX_EDITS {
        drop(effects);
        return Err(mistake(context, format!("`{call}`: more than {MAX_EDITS} scopes")));
    }
    effects.history.add(EffectKind::Scope, scope, add.then_some(&true.into()), &by);
    effects.scopes.push(ScopeEdit { scope: scope.to_owned(), add, by });
    drop(effects);
    Ok(super::api(run))
}
