//! What stands where a value was taken out, and what then still counts as the same.

use memchr::{memchr, memmem};
use serde_json::Value;

/// What stands in the place of a value that was redacted; fits any value when something is compared with what was recorded.
pub const REDACTED: &str = "[redacted]";
/// The same as a URL has it.
const IN_URL: &str = "%5Bredacted%5D";

/// Whether a part of the text was redacted.
#[must_use]
pub fn is_redacted(text: &str) -> bool {
    // Asked of every text of every recording: most are short and have neither first letter, and a line is searched at once.
    let has = |mark: &str| {
        let (text, mark) = (text.as_bytes(), mark.as_bytes());
        text.len() >= mark.len() && memchr(mark[0], text).is_some() && memmem::find(text, mark).is_some()
    };
    has(REDACTED) || has(IN_URL)
}

/// Whether something in the value was redacted.
#[must_use]
pub fn has_redacted(value: &Value) -> bool {
    match value {
        Value::String(text) => is_redacted(text),
        Value::Array(items) => items.iter().any(has_redacted),
        Value::Object(members) => members.iter().any(|(name, member)| is_redacted(name) || has_redacted(member)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether the text is the recorded one, where what was redacted may be anything.
#[must_use]
pub fn fits(recorded: &str, text: &str) -> bool {
    if !is_redacted(recorded) {
        return recorded == text;
    }
    let recorded = recorded.replace(IN_URL, REDACTED);
    let mut pieces = recorded.split(REDACTED);
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.is_empty()
}

/// Whether the value is the recorded one, where what was redacted may be anything. Floats lose their last digits in JSON.
#[must_use]
pub fn fits_json(recorded: &Value, value: &Value) -> bool {
    match (recorded, value) {
        (Value::String(text), _) if text == REDACTED => true,
        (Value::String(recorded), Value::String(text)) => fits(recorded, text),
        (Value::Array(recorded), Value::Array(items)) => {
            recorded.len() == items.len() && recorded.iter().zip(items).all(|(recorded, item)| fits_json(recorded, item))
        }
        (Value::Object(recorded), Value::Object(members)) => {
            recorded.len() == members.len()
                && recorded.iter().all(|(key, recorded)| members.get(key).is_some_and(|value| fits_json(recorded, value)))
        }
        (Value::Number(recorded), Value::Number(number)) if recorded.is_f64() && number.is_f64() => {
            let (Some(recorded), Some(number)) = (recorded.as_f64(), number.as_f64()) else { return false };
            (recorded - number).abs() <= 4.0 * f64::EPSILON * recorded.abs()
        }
        _ => recorded == value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_redacted_fits_anything_and_the_rest_only_itself() {
        assert!(fits("https://a/?k=[redacted]&x=1", "https://a/?k=secret&x=1"));
        assert!(fits("https://a/?k=%5Bredacted%5D", "https://a/?k=secret"));
        assert!(fits("a[redacted]b[redacted]c", "a1b2c"));
        assert!(!fits("https://a/?k=[redacted]&x=1", "https://a/?k=secret&x=2"));
        assert!(!fits("https://a/", "https://a/b") && !fits("https://a/b", "https://a/"));
    }

    #[test]
    fn json_is_compared_by_value() {
        assert!(fits_json(&json!({ "b": [1, "[redacted]"], "a": 1 }), &json!({ "a": 1, "b": [1, { "c": 2 }] })));
        assert!(!fits_json(&json!({ "a": 1 }), &json!({ "a": 1, "b": 2 })));
        assert!(!fits_json(&json!(1), &json!("1")) && !fits_json(&json!([1, 2]), &json!([2, 1])));
        assert!(fits_json(&json!(0.1 + 0.2), &json!(0.3)) && !fits_json(&json!(0.3), &json!(0.300_001)));
    }

    #[test]
    fn a_part_of_a_text_or_a_name_may_be_redacted() {
        assert!(has_redacted(&json!({ "a": [{ "b": "Dear [redacted]" }] })));
        assert!(has_redacted(&json!({ "[redacted]": 1 })));
        assert!(!has_redacted(&json!({ "a": ["redacted"] })));
    }
}
