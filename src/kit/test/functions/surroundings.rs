//! What the actions get from outside: `set_clock`, `advance_clock`, `now`, `set_random`, `set_cache`, `get_cache`,
//! `set_secrets`, `set_http`, `http_calls`.

use std::collections::BTreeMap;

use rhai::{Dynamic, Map, Module, NativeCallContext};
use serde_json::Value;

use crate::domain::JsonMap;
use crate::flow::functions::time;
use crate::flow::{Expiry, HttpAnswer, HttpRequest, Trigger, script_value, suggest};
use crate::kit::test::world::{Failed, World};

use super::{Scripted, object, text};

const TRIGGERS: [Trigger; 2] = [Trigger::PostLogin, Trigger::CredentialsExchange];
/// Entries of the cache of a test.
const MAX_ENTRIES: usize = 1_000;

pub(super) fn register(module: &mut Module, world: &World) {
    register_time(module, world);
    register_cache(module, world);
    let own = world.clone();
    module.set_native_fn("set_secrets", move |context: NativeCallContext, action: &str, secrets: Map| {
        set_secrets(&own, &context, action, secrets)
    });
    let own = world.clone();
    module.set_native_fn("set_http", move |context: NativeCallContext, method: &str, url: &str, answer: Map| {
        let answer = http_answer(object(&own, &context, answer)?).map_err(|failed| own.fail(&context, failed))?;
        own.answers().expect(method, url, answer);
        Ok(())
    });
    let own = world.clone();
    module.set_native_fn("http_calls", move || Ok(script_value(&own.answers().made().iter().map(call).collect::<Value>())));
}

fn register_time(module: &mut Module, world: &World) {
    let own = world.clone();
    module.set_native_fn("now", move || Ok(own.clock().now_ms()));
    let own = world.clone();
    module.set_native_fn("set_clock", move |context: NativeCallContext, time: Dynamic| {
        let point = if time.is_int() { Ok(time.as_int().unwrap_or_default()) } else { time::parse(time) };
        own.set_clock(point.map_err(|error| reported(&own, &context, "set_clock", &error))?);
        Ok(())
    });
    let own = world.clone();
    module.set_native_fn("advance_clock", move |context: NativeCallContext, amount: Dynamic, unit: Dynamic| {
        let point = time::add(own.clock().now_ms().into(), amount, unit);
        own.set_clock(point.map_err(|error| reported(&own, &context, "advance_clock", &error))?);
        Ok(())
    });
    let own = world.clone();
    module.set_native_fn("set_random", move |seed: i64| {
        own.set_random(seed.unsigned_abs());
        Ok(())
    });
}

/// An error of a function of the script library, told as one of ours.
fn reported(
    world: &World,
    context: &NativeCallContext<'_>,
    name: &str,
    error: &rhai::EvalAltResult,
) -> Box<rhai::EvalAltResult> {
    let text = match error {
        rhai::EvalAltResult::ErrorRuntime(value, _) => value.to_string(),
        other => other.to_string(),
    };
    let reason = text.split_once(": ").map_or(text.as_str(), |(_, reason)| reason);
    world.fail(context, Failed::new(format!("{name}: {reason}")))
}

fn register_cache(module: &mut Module, world: &World) {
    let own = world.clone();
    module.set_native_fn("set_cache", move |context: NativeCallContext, key: &str, value: Dynamic| {
        let value = text(&own, &context, "the value", &value)?;
        for trigger in TRIGGERS {
            let set = own.cache().set(trigger, key, &value, Expiry::default(), (own.clock().now_ms(), MAX_ENTRIES));
            set.map_err(|code| own.fail(&context, Failed::new(format!("set_cache: {code}"))))?;
        }
        Ok(())
    });
    let own = world.clone();
    module.set_native_fn("get_cache", move |key: &str| {
        let now = own.clock().now_ms();
        let found = TRIGGERS.into_iter().find_map(|trigger| own.cache().get(trigger, key, now));
        Ok(found.map_or(Dynamic::UNIT, |record| record.value.into()))
    });
}

fn set_secrets(world: &World, context: &NativeCallContext<'_>, action: &str, secrets: Map) -> Scripted<()> {
    let name = action.strip_suffix(".rhai").unwrap_or(action);
    let mut own = BTreeMap::new();
    for (key, value) in secrets {
        own.insert(key.to_string(), text(world, context, "a secret", &value)?);
    }
    let mut set = world.set();
    if !set.set_secrets(name, own) {
        let actions = set.actions();
        let names: Vec<_> = actions.iter().map(|info| info.name.as_str()).collect();
        let failed = Failed::new(format!("there is no action `{name}`")).hint(suggest::hint(name, &names));
        return Err(world.fail(context, failed));
    }
    world.replace_set(set);
    Ok(())
}

const ANSWER: [&str; 4] = ["status", "headers", "body", "json"];

/// `#{ status: 200, headers: #{…}, body: "…" }`, or `json` in the place of `body`.
fn http_answer(mut members: JsonMap) -> Result<HttpAnswer, Failed> {
    let wrong = |name: &str, expected: &str| Failed::new(format!("set_http: `{name}` must be {expected}"));
    let status = match members.remove("status") {
        None => 200,
        Some(status) => {
            let number = status.as_u64().and_then(|number| u16::try_from(number).ok());
            number.filter(|number| (100..600).contains(number)).ok_or_else(|| wrong("status", "a number from 100 to 599"))?
        }
    };
    let mut headers = BTreeMap::new();
    match members.remove("headers") {
        None => {}
        Some(Value::Object(given)) => {
            for (name, value) in given {
                let value = value.as_str().ok_or_else(|| wrong("headers", "a map of texts"))?;
                headers.insert(name.to_lowercase(), value.to_owned());
            }
        }
        Some(_) => return Err(wrong("headers", "a map of texts")),
    }
    let body = match (members.remove("body"), members.remove("json")) {
        (None, None) => String::new(),
        (Some(Value::String(body)), None) => body,
        (Some(_), None) => return Err(wrong("body", "a text").hint("a value is sent with `json: …`")),
        (None, Some(value)) => {
            headers.entry("content-type".to_owned()).or_insert_with(|| "application/json".to_owned());
            value.to_string()
        }
        (Some(_), Some(_)) => return Err(Failed::new("set_http: either `body` or `json`")),
    };
    match members.keys().next() {
        Some(unknown) => {
            Err(Failed::new(format!("set_http: unknown member `{unknown}`")).hint(suggest::hint(unknown, &ANSWER)))
        }
        None => Ok(HttpAnswer { status, headers, body }),
    }
}

/// A call as tests look at it: `json` if the body is some.
fn call(request: &HttpRequest) -> Value {
    let body = request.body.as_deref();
    let json: Option<Value> = body.and_then(|body| serde_json::from_str(body).ok());
    serde_json::json!({
        "method": request.method, "url": request.url, "headers": request.headers, "body": body, "json": json,
    })
}
