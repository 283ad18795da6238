//! The functions that tests have beside those of actions: one family per file. Every mistake fails the test at its place.

#![expect(clippy::needless_pass_by_value, reason = "the engine passes contexts and arguments by value")]

mod asserts;
mod logins;
mod surroundings;

use rhai::{Dynamic, Map, Module, NativeCallContext, Shared};
use serde_json::Value;

use crate::domain::JsonMap;
use crate::flow::json_of;

use super::decided::{self, Decided};
use super::world::{Failed, World};

/// `Result` of functions that tests call.
type Scripted<T> = Result<T, Box<rhai::EvalAltResult>>;

/// All functions, for the tests of one world.
pub(super) fn module(world: &World) -> Shared<Module> {
    let mut module = Module::new();
    decided::register(&mut module, world);
    logins::register(&mut module, world);
    asserts::register(&mut module, world);
    surroundings::register(&mut module, world);
    module.build_index();
    module.into()
}

/// The value as JSON; decisions are what their snapshots hold.
fn json(world: &World, context: &NativeCallContext<'_>, value: &Dynamic) -> Scripted<Value> {
    if let Some(decided) = value.read_lock::<Decided>() {
        return Ok(decided.to_json());
    }
    json_of(value).map_err(|unfit| world.fail(context, Failed::new(format!("the value cannot be compared: {unfit}"))))
}

/// A map as JSON.
fn object(world: &World, context: &NativeCallContext<'_>, map: Map) -> Scripted<JsonMap> {
    match json(world, context, &Dynamic::from_map(map))? {
        Value::Object(members) => Ok(members),
        _ => Ok(JsonMap::new()),
    }
}

/// What a person calls the type of a value.
fn kind(value: &Dynamic) -> &'static str {
    match value.type_name() {
        "()" => "nothing `()`",
        "i64" => "an integer",
        "f64" => "a number",
        "bool" => "a boolean",
        "string" => "a text",
        "array" => "a list",
        "map" => "a map",
        _ if value.is::<Decided>() => "a decision",
        _ => "an object",
    }
}

/// A text argument.
fn text(world: &World, context: &NativeCallContext<'_>, what: &str, value: &Dynamic) -> Scripted<String> {
    value.clone().into_string().map_err(|_| {
        let name = context.fn_name();
        world.fail(context, Failed::new(format!("{name}: {what} must be a text, not {}", kind(value))))
    })
}
