//! `api.access`: refuses the login. The action runs on to its end; later actions do not run.

use rhai::{Dynamic, Module, NativeCallContext};

use super::{Run, Scripted, mistake, text};
use crate::flow::{Trigger, suggest};

/// The object in post-login.
#[derive(Clone, Debug)]
struct LoginAccess(Run);

/// The object in credentials-exchange.
#[derive(Clone, Debug)]
struct MachineAccess(Run);

const DENY: &str = "api.access.deny";
/// Codes that a denied login may have (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6).
const LOGIN_CODES: [&str; 10] = [
    "access_denied",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "server_error",
    "temporarily_unavailable",
    "login_required",
    "interaction_required",
    "consent_required",
    "account_selection_required",
];
/// Codes that a denied machine may get (RFC 6749 section 5.2 and the general ones).
const MACHINE_CODES: [&str; 6] =
    ["access_denied", "invalid_request", "invalid_scope", "unauthorized_client", "server_error", "temporarily_unavailable"];

/// The object of the run's trigger.
pub(super) fn object(run: Run) -> Dynamic {
    match run.trigger() {
        Trigger::PostLogin => Dynamic::from(LoginAccess(run)),
        Trigger::CredentialsExchange => Dynamic::from(MachineAccess(run)),
    }
}

/// Registers the calls.
pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<LoginAccess>("api.access");
    module.set_custom_type::<MachineAccess>("api.access");
    module.set_native_fn("deny", |context: NativeCallContext, access: LoginAccess, reason: Dynamic| {
        deny(&context, &access.0, "access_denied", &reason)
    });
    module.set_native_fn("deny", |context: NativeCallContext, access: LoginAccess, code: Dynamic, reason: Dynamic| {
        let code = code_of(&context, &code, &LOGIN_CODES)?;
        deny(&context, &access.0, code, &reason)
    });
    // With one argument it is Auth0's code without reason if it is a code, and a reason otherwise.
    module.set_native_fn("deny", |context: NativeCallContext, access: MachineAccess, argument: Dynamic| {
        let words = text(&context, DENY, "reason", &argument)?;
        match MACHINE_CODES.into_iter().find(|code| *code == words) {
            Some(code) => deny(&context, &access.0, code, &"".into()),
            None => deny(&context, &access.0, "access_denied", &argument),
        }
    });
    module.set_native_fn("deny", |context: NativeCallContext, access: MachineAccess, code: Dynamic, reason: Dynamic| {
        let code = code_of(&context, &code, &MACHINE_CODES)?;
        deny(&context, &access.0, code, &reason)
    });
}

fn code_of(context: &NativeCallContext, code: &Dynamic, codes: &[&'static str]) -> Scripted<&'static str> {
    let code = text(context, DENY, "code", code)?;
    codes.iter().copied().find(|known| *known == code).ok_or_else(|| {
        let near =
            suggest::nearest(&code, codes.iter().copied()).map_or(String::new(), |near| format!("did you mean `{near}`? "));
        mistake(context, format!("`{DENY}`: unknown code `{code}`\nhint: {near}possible are: {}", codes.join(", ")))
    })
}

fn deny(context: &NativeCallContext, run: &Run, code: &str, reason: &Dynamic) -> Scripted<Dynamic> {
    let reason = text(context, DENY, "reason", reason)?;
    let by = run.provenance(context);
    run.effects().deny(code, &reason, by);
    Ok(super::api(run))
}
