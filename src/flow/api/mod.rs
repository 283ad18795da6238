//! `api`: what an action may change. One file per object; each call records an effect or a refusal, with its place.
//!
//! The two triggers have two types, so that a call that a trigger lacks does not exist there. Objects are handles: copying one
//! in a script copies nothing. Calls take them by value: Rhai writes what a call could have changed back to where it came from,
//! and looks for a setter in vain each time. Calls that return `api` in Auth0 return it here, so that they chain.

mod access;
mod access_token;
mod cache;
pub mod description;
mod id_token;
mod refresh_token;
mod session;
mod token_response;
mod transaction;
mod user;

use rhai::{Dynamic, FuncRegistration, ImmutableString, Module, NativeCallContext};

use super::Trigger;
use super::codes::Code;
use super::context::{Run, Scripted, mistake, mistake_of};
use super::value::{self, Unfit};
use crate::domain::trace::EffectKind;
use description::{OBJECTS, Object};

/// `api` of post-login.
#[derive(Clone, Debug)]
struct LoginApi(Run);

/// `api` of credentials-exchange.
#[derive(Clone, Debug)]
struct MachineApi(Run);

/// The argument `api`.
pub(crate) fn api(run: &Run) -> Dynamic {
    match run.trigger() {
        Trigger::PostLogin => Dynamic::from(LoginApi(run.clone())),
        Trigger::CredentialsExchange => Dynamic::from(MachineApi(run.clone())),
    }
}

/// Whether the value is the argument `api`.
pub(crate) fn is_api(value: &Dynamic) -> bool {
    value.is::<LoginApi>() || value.is::<MachineApi>()
}

/// Registers the types of `api`.
pub(crate) fn register(module: &mut Module) {
    module.set_custom_type::<LoginApi>("api");
    module.set_custom_type::<MachineApi>("api");
    module.set_indexer_get_fn(|context: NativeCallContext, api: &mut LoginApi, name: ImmutableString| {
        object(&context, &api.0, &name)
    });
    module.set_indexer_get_fn(|context: NativeCallContext, api: &mut MachineApi, name: ImmutableString| {
        object(&context, &api.0, &name)
    });
    // Rhai would find the objects by the indexers alone, after it has composed a message about the missing getter.
    for Object { name, .. } in OBJECTS {
        FuncRegistration::new_getter(name)
            .set_into_module(module, move |context: NativeCallContext, api: &mut LoginApi| object(&context, &api.0, name));
    }
    for Object { name, .. } in OBJECTS.iter().filter(|object| object.exists_in(Trigger::CredentialsExchange)) {
        FuncRegistration::new_getter(name)
            .set_into_module(module, move |context: NativeCallContext, api: &mut MachineApi| object(&context, &api.0, name));
    }
    access::register(module);
    access_token::register(module);
    cache::register(module);
    id_token::register(module);
    refresh_token::register(module);
    session::register(module);
    token_response::register(module);
    transaction::register(module);
    user::register(module);
}

fn object(context: &NativeCallContext, run: &Run, name: &str) -> Scripted<Dynamic> {
    if !Object::of(name).is_some_and(|object| object.exists_in(run.trigger())) {
        return Err(mistake_of(Code::UnknownApi, context, no_such_object(run.trigger(), name)));
    }
    let run = run.clone();
    Ok(match name {
        "access" => access::object(run),
        "accessToken" => Dynamic::from(access_token::AccessToken(run)),
        "cache" => Dynamic::from(cache::CacheApi(run)),
        "idToken" => Dynamic::from(id_token::IdToken(run)),
        "refreshToken" => Dynamic::from(refresh_token::RefreshToken(run)),
        "session" => Dynamic::from(session::Session(run)),
        "tokenResponse" => Dynamic::from(token_response::TokenResponse(run)),
        "transaction" => Dynamic::from(transaction::Transaction(run)),
        _ => Dynamic::from(user::User(run)),
    })
}

/// The message for a property of `api` that the trigger lacks; the second line is the hint.
pub(crate) fn no_such_object(trigger: Trigger, name: &str) -> String {
    let names: Vec<&str> = OBJECTS.iter().filter(|object| object.exists_in(trigger)).map(|object| object.name).collect();
    let hint = match Object::of(name) {
        Some(_) => format!("`api.{name}` exists in post-login only"),
        None => super::suggest::hint(name, &names),
    };
    format!("unknown property `{name}` of `api` in {}\nhint: {hint}", trigger.as_str())
}

/// A text argument.
fn text(context: &NativeCallContext, call: &str, what: &str, value: &Dynamic) -> Scripted<ImmutableString> {
    // `'x'` is a character here and a text for whoever comes from JavaScript.
    if let Ok(character) = value.as_char() {
        return Ok(character.to_string().into());
    }
    value.clone().into_immutable_string().map_err(|found| {
        let found = if found == "()" { "()" } else { context.engine().map_type_name(found) };
        mistake(context, format!("`{call}`: the {what} must be a string, not {found}"))
    })
}

/// An argument in Unix milliseconds; floats come from arithmetic and are cut.
fn milliseconds(context: &NativeCallContext, call: &str, value: &Dynamic) -> Scripted<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a float out of range becomes the nearest integer")]
    let float = || value.as_float().ok().filter(|float| float.is_finite()).map(|float| float as i64);
    value.as_int().ok().or_else(float).ok_or_else(|| {
        let found = context.engine().map_type_name(value.type_name());
        mistake(context, format!("`{call}`: the time must be a number of milliseconds, not {found}"))
    })
}

/// Puts a value under a name, or takes it away for `()`; what is no JSON is refused.
fn put(context: &NativeCallContext, run: &Run, call: &str, name: &str, value: &Dynamic, kind: EffectKind) {
    match given(value, run.limits().max_claims_size) {
        Ok(value) => run.effects().set(kind, name, value, run.provenance(context)),
        Err(unfit) => refuse_value(context, run, call, name, unfit),
    }
}

/// The value to be set; `None` for `()`.
fn given(value: &Dynamic, limit: usize) -> Result<Option<serde_json::Value>, Unfit> {
    if value.is_unit() { Ok(None) } else { value::to_json_within(value, limit).map(Some) }
}

fn refuse_value(context: &NativeCallContext, run: &Run, call: &str, name: &str, unfit: Unfit) {
    let reason = match unfit {
        Unfit::TooLarge => format!("{unfit}: more than {} bytes", run.limits().max_claims_size),
        _ => unfit.to_string(),
    };
    run.refuse(context, call, name, reason);
}
