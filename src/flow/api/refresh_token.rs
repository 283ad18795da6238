//! `api.refreshToken`: ends a refresh token, now or earlier than it would end.

use rhai::{Dynamic, Module, NativeCallContext};

use super::{Run, Scripted, milliseconds, mistake, text};
use crate::domain::decision::RefreshTokenEdits;
use crate::domain::trace::EffectKind;
use crate::flow::effects::earlier;

/// The object.
#[derive(Clone, Debug)]
pub(super) struct RefreshToken(pub(super) Run);

const REVOKE: &str = "api.refreshToken.revoke";
/// Characters of a reason.
const MAX_REASON: usize = 1_024;

/// Registers the calls.
pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<RefreshToken>("api.refreshToken");
    module.set_native_fn("revoke", |context: NativeCallContext, token: RefreshToken, reason: Dynamic| {
        revoke(&context, &token.0, &reason)
    });
    module.set_native_fn("setExpiresAt", |context: NativeCallContext, token: RefreshToken, end: Dynamic| {
        shorten(&context, &token.0, &end, ("setExpiresAt", "expires_at"), |edits| &mut edits.expires_at)
    });
    module.set_native_fn("setIdleExpiresAt", |context: NativeCallContext, token: RefreshToken, end: Dynamic| {
        shorten(&context, &token.0, &end, ("setIdleExpiresAt", "idle_expires_at"), |edits| &mut edits.idle_expires_at)
    });
}

fn revoke(context: &NativeCallContext, run: &Run, reason: &Dynamic) -> Scripted<()> {
    let reason = text(context, REVOKE, "reason", reason)?;
    if reason.chars().count() > MAX_REASON {
        return Err(mistake(context, format!("`{REVOKE}`: the reason has at most {MAX_REASON} characters")));
    }
    if run.event().refresh_token.is_none() {
        run.refuse(context, REVOKE, "", "there is no refresh token: this is no refresh-token exchange");
        return Ok(());
    }
    let by = run.provenance(context);
    let mut effects = run.effects();
    effects.history.add(EffectKind::RefreshToken, "revoked", Some(&reason.as_str().into()), &by);
    effects.refresh_token.revoked.get_or_insert_with(|| reason.to_string());
    effects.deny("access_denied", &reason, by);
    Ok(())
}

fn shorten(
    context: &NativeCallContext,
    run: &Run,
    end: &Dynamic,
    (method, name): (&str, &str),
    of: fn(&mut RefreshTokenEdits) -> &mut Option<i64>,
) -> Scripted<()> {
    let end = milliseconds(context, &format!("api.refreshToken.{method}"), end)?;
    let by = run.provenance(context);
    let mut effects = run.effects();
    effects.history.add(EffectKind::RefreshToken, name, Some(&end.into()), &by);
    let edit = of(&mut effects.refresh_token);
    *edit = earlier(*edit, Some(end));
    Ok(())
}
