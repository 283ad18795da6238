//! `api.cache`: strings that outlive the run, per trigger. Mistakes are answered with a code, as in Auth0, and never thrown.

use rhai::{Dynamic, Map, Module, NativeCallContext};

use super::{Run, Scripted, text};
use crate::domain::outside::CacheRecord as Record;
use crate::flow::cache::Expiry;

/// The object.
#[derive(Clone, Debug)]
pub(super) struct CacheApi(pub(super) Run);

/// Writes and deletions of one run.
const MAX_WRITES: usize = 20;

/// Registers the calls.
pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<CacheApi>("api.cache");
    module.set_native_fn("get", |context: NativeCallContext, cache: CacheApi, key: Dynamic| {
        let run = &cache.0;
        let key = text(&context, "api.cache.get", "key", &key)?;
        Ok(run.witness().cached(&key).map_or(Dynamic::UNIT, |record| members(&record).into()))
    });
    module.set_native_fn("set", |context: NativeCallContext, cache: CacheApi, key: Dynamic, value: Dynamic| {
        set(&context, &cache.0, &key, &value, &Map::new())
    });
    module.set_native_fn(
        "set",
        |context: NativeCallContext, cache: CacheApi, key: Dynamic, value: Dynamic, options: Map| {
            set(&context, &cache.0, &key, &value, &options)
        },
    );
    module.set_native_fn("delete", |context: NativeCallContext, cache: CacheApi, key: Dynamic| {
        let run = &cache.0;
        let key = text(&context, "api.cache.delete", "key", &key)?;
        Ok(answer(write(run).and_then(|()| run.witness().forget(&key))))
    });
}

fn set(context: &NativeCallContext, run: &Run, key: &Dynamic, value: &Dynamic, options: &Map) -> Scripted<Map> {
    let key = text(context, "api.cache.set", "key", key)?;
    let value = text(context, "api.cache.set", "value", value)?;
    let stored = expiry(options).and_then(|expiry| {
        write(run)?;
        run.witness().cache(&key, &value, expiry, run.limits().max_cache_entries)
    });
    Ok(answer(stored))
}

fn expiry(options: &Map) -> Result<Expiry, &'static str> {
    Ok(Expiry { ttl: number(options, "ttl")?, expires_at: number(options, "expires_at")? })
}

#[expect(clippy::cast_possible_truncation, reason = "a float out of range becomes the nearest integer, and is capped later")]
fn number(options: &Map, name: &str) -> Result<Option<i64>, &'static str> {
    match options.get(name) {
        None => Ok(None),
        Some(value) if value.is_unit() => Ok(None),
        Some(value) => match (value.as_int(), value.as_float()) {
            (Ok(integer), _) => Ok(Some(integer)),
            (_, Ok(float)) if float.is_finite() => Ok(Some(float as i64)),
            _ => Err("InvalidExpiry"),
        },
    }
}

fn write(run: &Run) -> Result<(), &'static str> {
    let mut effects = run.effects();
    effects.cache_writes += 1;
    if effects.cache_writes > MAX_WRITES { Err("MaxSideEffectsExceeded") } else { Ok(()) }
}

fn members(record: &Record) -> Map {
    Map::from([("value".into(), record.value.as_str().into()), ("expires_at".into(), record.expires_at.into())])
}

fn answer(result: Result<Record, &'static str>) -> Map {
    match result {
        Ok(record) => Map::from([("type".into(), "success".into()), ("record".into(), members(&record).into())]),
        Err(code) => Map::from([("type".into(), "error".into()), ("code".into(), code.into())]),
    }
}
