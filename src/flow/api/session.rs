//! `api.session`: ends the browser session.

use rhai::{Dynamic, Map, Module, NativeCallContext};

use super::{Run, Scripted, mistake, text};
use crate::domain::decision::SessionRevocation;
use crate::domain::trace::EffectKind;

/// The object.
#[derive(Clone, Debug)]
pub(super) struct Session(pub(super) Run);

const REVOKE: &str = "api.session.revoke";

/// Registers the calls.
pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<Session>("api.session");
    module.set_native_fn("revoke", |context: NativeCallContext, session: Session, reason: Dynamic| {
        revoke(&context, &session.0, &reason, &Map::new())
    });
    module.set_native_fn("revoke", |context: NativeCallContext, session: Session, reason: Dynamic, options: Map| {
        revoke(&context, &session.0, &reason, &options)
    });
}

fn revoke(context: &NativeCallContext, run: &Run, reason: &Dynamic, options: &Map) -> Scripted<()> {
    let reason = text(context, REVOKE, "reason", reason)?;
    if let Some(unknown) = options.keys().find(|name| *name != "preserveRefreshTokens") {
        let hint = "known is: preserveRefreshTokens";
        return Err(mistake(context, format!("`{REVOKE}`: unknown option `{unknown}`\nhint: {hint}")));
    }
    let preserve = match options.get("preserveRefreshTokens") {
        None => false,
        Some(value) => value.as_bool().map_err(|found| {
            mistake(context, format!("`{REVOKE}`: `preserveRefreshTokens` must be a boolean, not {found}"))
        })?,
    };
    let by = run.provenance(context);
    let mut effects = run.effects();
    let revocation = SessionRevocation { reason: reason.to_string(), preserve_refresh_tokens: preserve };
    effects.session_revoked.get_or_insert(revocation);
    effects.history.add(EffectKind::Session, "revoked", Some(&reason.as_str().into()), &by);
    effects.deny("access_denied", &reason, by);
    Ok(())
}
