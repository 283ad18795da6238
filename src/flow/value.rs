//! JSON values and script values, in both directions, with rules for numbers.
//!
//! In: integers stay integers, other numbers become floats (also integers beyond 64 bits, which lose digits), `null` is `()`.
//! Out: a float without fraction leaves as an integer up to 2⁵³, as it would from JavaScript; NaN and infinities, functions
//! and timestamps are refused.

use rhai::{Array, Blob, Dynamic, FnPtr, Map};
use serde_json::{Number, Value};

use super::event::metadata::Metadata;
use super::event::script::Part;
use super::event::secrets::Secrets;
use crate::domain::JsonMap;

/// What is stored as JSON must be read again, and the reader has a limit of 128 levels.
const MAX_DEPTH: usize = 64;
/// The largest integer that a float holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Why a script value is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("NaN and infinity are not JSON")]
    NotFinite,
    #[error("a function is not JSON")]
    Function,
    #[error("the secrets of an action do not leave it as a whole")]
    Secrets,
    #[error("the value is nested deeper than 64 levels")]
    TooDeep,
    #[error("a value of this type is not JSON")]
    Type,
    #[error("the value is too large")]
    TooLarge,
}

/// The script value of a JSON value.
pub(crate) fn to_script(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => number_to_script(number),
        Value::String(text) => text.into(),
        Value::Array(items) => Dynamic::from_array(items.iter().map(to_script).collect()),
        Value::Object(members) => Dynamic::from_map(to_script_map(members)),
    }
}

/// The script map of a JSON object.
pub(crate) fn to_script_map(members: &JsonMap) -> Map {
    members.iter().map(|(key, value)| (key.into(), to_script(value))).collect()
}

fn number_to_script(number: &Number) -> Dynamic {
    match number.as_i64() {
        Some(integer) => integer.into(),
        None => number.as_f64().map_or(Dynamic::UNIT, Dynamic::from_float),
    }
}

/// The JSON value of a script value.
pub(crate) fn to_json(value: &Dynamic) -> Result<Value, Unfit> {
    convert(value, 0)
}

/// The JSON value, if its text is not longer than `limit` bytes.
pub(crate) fn to_json_within(value: &Dynamic, limit: usize) -> Result<Value, Unfit> {
    let value = to_json(value)?;
    // A byte becomes six at most (`\u001f`): what is small needs not be written out to be measured.
    let small = weight(&value) <= limit / 6;
    if small || value.to_string().len() <= limit { Ok(value) } else { Err(Unfit::TooLarge) }
}

/// About how many bytes the value takes, without writing it out.
pub(crate) fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(weight).sum::<usize>(),
        Value::Object(members) => 2 + members.iter().map(|(key, value)| key.len() + weight(value)).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

/// The JSON object of a script map.
pub(crate) fn to_json_map(map: &Map) -> Result<JsonMap, Unfit> {
    convert_map(map, 0)
}

/// Whether the value is an object of `event`, which scripts use like a map.
pub(crate) fn is_part_of_event(value: &Dynamic) -> bool {
    value.is::<Metadata>() || value.is::<Part>()
}

fn convert(value: &Dynamic, depth: usize) -> Result<Value, Unfit> {
    if depth > MAX_DEPTH {
        return Err(Unfit::TooDeep);
    }
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(flag) = value.as_bool() {
        return Ok(flag.into());
    }
    if let Ok(integer) = value.as_int() {
        return Ok(integer.into());
    }
    if let Ok(float) = value.as_float() {
        return float_to_json(float);
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(text.as_str().into());
    }
    if let Ok(character) = value.as_char() {
        return Ok(character.to_string().into());
    }
    if let Some(items) = value.read_lock::<Array>() {
        return items.iter().map(|item| convert(item, depth + 1)).collect();
    }
    if let Some(map) = value.read_lock::<Map>() {
        return convert_map(&map, depth).map(Value::Object);
    }
    convert_custom(value)
}

fn convert_map(map: &Map, depth: usize) -> Result<JsonMap, Unfit> {
    map.iter().map(|(key, value)| Ok((key.to_string(), convert(value, depth + 1)?))).collect()
}

fn convert_custom(value: &Dynamic) -> Result<Value, Unfit> {
    if let Some(metadata) = value.read_lock::<Metadata>() {
        return metadata.to_json();
    }
    if let Some(part) = value.read_lock::<Part>() {
        return Ok(part.to_json());
    }
    if let Some(blob) = value.read_lock::<Blob>() {
        return Ok(blob.iter().copied().collect());
    }
    if value.is::<FnPtr>() {
        return Err(Unfit::Function);
    }
    if value.is::<Secrets>() { Err(Unfit::Secrets) } else { Err(Unfit::Type) }
}

#[expect(clippy::cast_possible_truncation, reason = "the float has no fraction and is within 2^53")]
fn float_to_json(float: f64) -> Result<Value, Unfit> {
    if float.fract() == 0.0 && float.abs() <= EXACT {
        return Ok((float as i64).into());
    }
    Number::from_f64(float).map(Value::Number).ok_or(Unfit::NotFinite)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_survives_the_way_through_a_script() {
        let value = json!({"a": [1, -2, 2.5, true, null, "x", {"b": {}}], "big": i64::MIN});
        assert_eq!(to_json(&to_script(&value)).unwrap(), value);
    }

    #[test]
    fn numbers_follow_their_rules() {
        assert!(to_script(&json!(1)).is_int());
        assert!(to_script(&json!(1.0)).is_float());
        assert!(to_script(&json!(u64::MAX)).is_float());
        assert_eq!(to_json(&Dynamic::from_float(3.0)).unwrap(), json!(3));
        assert_eq!(to_json(&Dynamic::from_float(-0.0)).unwrap(), json!(0));
        assert_eq!(to_json(&Dynamic::from_float(0.1)).unwrap(), json!(0.1));
        assert_eq!(to_json(&Dynamic::from_float(1e300)).unwrap(), json!(1e300));
        for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(to_json(&Dynamic::from_float(float)), Err(Unfit::NotFinite));
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        assert_eq!(to_json(&Dynamic::from(FnPtr::new("f").unwrap())), Err(Unfit::Function));
        assert_eq!(to_json(&Dynamic::from(std::time::Instant::now())), Err(Unfit::Type));
        let mut deep = Dynamic::UNIT;
        for _ in 0..100 {
            deep = Dynamic::from_array(vec![deep]);
        }
        assert_eq!(to_json(&deep), Err(Unfit::TooDeep));
        assert_eq!(to_json_within(&"x".repeat(100).into(), 99), Err(Unfit::TooLarge));
    }

    #[test]
    fn shared_values_are_looked_through() {
        assert_eq!(
            to_json(&Dynamic::from_array(vec![Dynamic::from(1_i64).into_shared()]).into_shared()).unwrap(),
            json!([1])
        );
    }
}
