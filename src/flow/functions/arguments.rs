//! Reading the arguments of scripts: what an author naturally passes is accepted, the rest is an error that names the
//! function; and the room that a result may take.

use rhai::{Dynamic, EvalAltResult, FLOAT, INT, ImmutableString, Map, NativeCallContext, Position};

use super::RunHandle;
use crate::flow::codes::Code;
use crate::flow::context::coded;
use crate::flow::value;

/// What every fallible function of the library returns.
pub(super) type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// An error that a script may catch; the engine adds the position of the call.
pub(super) fn fail<T>(function: &str, message: impl std::fmt::Display) -> Fallible<T> {
    let code = if function.starts_with("http::") { Code::HttpCall } else { Code::WrongArgument };
    Err(EvalAltResult::ErrorRuntime(coded(code, format!("{function}: {message}")), Position::NONE).into())
}

/// What this run may reach.
pub(super) fn handle(context: &NativeCallContext, function: &str) -> Fallible<RunHandle> {
    match context.tag().and_then(|tag| tag.read_lock::<RunHandle>().map(|handle| handle.clone())) {
        Some(handle) => Ok(handle),
        None => fail(function, "not available here"),
    }
}

/// The name of a value's type as authors know it.
pub(super) fn kind(value: &Dynamic) -> &'static str {
    match value.type_name() {
        "()" => "nothing `()`",
        "i64" => "an integer",
        "f64" => "a number",
        "bool" => "a boolean",
        "char" => "a character",
        "string" => "a string",
        "array" => "an array",
        "map" => "a map",
        "blob" => "a blob",
        "Fn" => "a function",
        _ => "an object",
    }
}

/// A string; a single character is one too, since `','` is a character in Rhai and a string in JavaScript.
pub(super) fn text(function: &str, value: &Dynamic) -> Fallible<ImmutableString> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(text.clone());
    }
    match value.as_char() {
        Ok(character) => Ok(character.to_string().into()),
        Err(_) => fail(function, format_args!("expected a string, not {}", kind(value))),
    }
}

/// A whole number; `3.0` is one too. Numbers beyond the range are cut to it.
pub(super) fn integer(function: &str, value: &Dynamic) -> Fallible<INT> {
    if let Ok(number) = value.as_int() {
        return Ok(number);
    }
    match value.as_float() {
        #[expect(clippy::cast_possible_truncation, reason = "a float is cut to the range, as documented")]
        Ok(number) if number.fract() == 0.0 => Ok(number as INT),
        Ok(number) if number.is_infinite() => Ok(if number > 0.0 { INT::MAX } else { INT::MIN }),
        Ok(number) => fail(function, format_args!("expected a whole number, not {number}")),
        Err(_) => fail(function, format_args!("expected a whole number, not {}", kind(value))),
    }
}

/// Any number.
pub(super) fn number(function: &str, value: &Dynamic) -> Fallible<FLOAT> {
    #[expect(clippy::cast_precision_loss, reason = "integers become floats with JavaScript's precision")]
    if let Ok(number) = value.as_int() {
        return Ok(number as FLOAT);
    }
    match value.as_float() {
        Ok(number) => Ok(number),
        Err(_) => fail(function, format_args!("expected a number, not {}", kind(value))),
    }
}

/// The bytes of a string or a blob.
pub(super) fn bytes(function: &str, value: &Dynamic) -> Fallible<Vec<u8>> {
    match value.as_blob_ref() {
        Ok(blob) => Ok(blob.clone()),
        Err(_) => text(function, value).map(|text| text.as_bytes().to_vec()),
    }
}

/// A map, or an object of `event`, which looks like one.
pub(super) fn map(function: &str, given: &Dynamic) -> Fallible<Map> {
    if let Some(map) = given.read_lock::<Map>() {
        return Ok(map.clone());
    }
    if !value::is_part_of_event(given) {
        return fail(function, format_args!("expected a map, not {}", kind(given)));
    }
    match value::to_json(given) {
        Ok(serde_json::Value::Object(members)) => Ok(value::to_script_map(&members)),
        Ok(_) => fail(function, "expected a map"),
        Err(unfit) => fail(function, unfit),
    }
}

/// Refuses a string of `bytes` bytes that the engine's limit does not allow, before it is made.
pub(super) fn room_for_text(context: &NativeCallContext, function: &str, bytes: Option<usize>) -> Fallible<()> {
    let limit = context.engine().max_string_size();
    match bytes {
        Some(bytes) if limit == 0 || bytes <= limit => Ok(()),
        _ => fail(function, format_args!("the result is longer than {limit} bytes")),
    }
}

/// Refuses an array of `elements` elements that the engine's limit does not allow, before it is made.
pub(super) fn room_for_array(context: &NativeCallContext, function: &str, elements: usize) -> Fallible<()> {
    let limit = context.engine().max_array_size();
    if limit == 0 || elements <= limit {
        return Ok(());
    }
    fail(function, format_args!("the result has more than {limit} elements"))
}

/// A result that the engine measures again: never longer than its limit when it leaves the library.
pub(super) fn bounded(context: &NativeCallContext, function: &str, text: String) -> Fallible<ImmutableString> {
    room_for_text(context, function, Some(text.len()))?;
    Ok(text.into())
}

/// The place that a JavaScript index means: negative ones count from the end, all are cut to `0..=length`.
pub(super) fn relative(index: INT, length: usize) -> usize {
    let length = INT::try_from(length).unwrap_or(INT::MAX);
    let index = if index < 0 { length.saturating_add(index) } else { index };
    usize::try_from(index.clamp(0, length)).unwrap_or_default()
}

/// The place that a JavaScript index means where negative ones mean the beginning.
pub(super) fn absolute(index: INT, length: usize) -> usize {
    usize::try_from(index.max(0)).unwrap_or(usize::MAX).min(length)
}

/// A count in a script's number.
pub(super) fn count(number: usize) -> INT {
    INT::try_from(number).unwrap_or(INT::MAX)
}
