//! Where two JSON values differ, by path: what a failed comparison and the matrix show.

use std::fmt::Write as _;

use serde_json::Value;

/// One place where two values differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `.plan`, `["https://example.com/roles"][1]`; empty for the values as a whole.
    pub path: String,
    /// The first value's; `None` if it has nothing there.
    pub left: Option<Value>,
    /// The second value's; `None` if it has nothing there.
    pub right: Option<Value>,
}

/// Every difference, in the order of the first value.
#[must_use]
pub fn differences(left: &Value, right: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(&mut String::new(), Some(left), Some(right), &mut found);
    found
}

fn compare(path: &mut String, left: Option<&Value>, right: Option<&Value>, found: &mut Vec<Difference>) {
    match (left, right) {
        (Some(left), Some(right)) if left == right => {}
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let names = left.keys().chain(right.keys().filter(|name| !left.contains_key(*name)));
            for name in names {
                within(path, &member(name), |path| compare(path, left.get(name), right.get(name), found));
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            for index in 0..left.len().max(right.len()) {
                within(path, &format!("[{index}]"), |path| compare(path, left.get(index), right.get(index), found));
            }
        }
        (left, right) => {
            found.push(Difference { path: path.clone(), left: left.cloned(), right: right.cloned() });
        }
    }
}

fn within(path: &mut String, step: &str, work: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push_str(step);
    work(path);
    path.truncate(length);
}

/// `.plan` where a script could write it so.
fn member(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_word = name.starts_with(|c: char| plain(c) && !c.is_ascii_digit()) && name.chars().all(plain);
    if is_word { format!(".{name}") } else { format!("[{}]", Value::from(name)) }
}

/// How the two values are called.
pub type Sides = [&'static str; 2];

/// The differences as lines; more than `most` are counted.
#[must_use]
pub fn lines(differences: &[Difference], sides: Sides, most: usize) -> Vec<String> {
    let mut lines: Vec<_> = differences.iter().take(most).map(|difference| line(difference, sides)).collect();
    if differences.len() > most {
        lines.push(format!("and {} more", differences.len() - most));
    }
    lines
}

fn line(difference: &Difference, [on_left, on_right]: Sides) -> String {
    let Difference { path, left, right } = difference;
    let mut line = if path.is_empty() { String::new() } else { format!("{path}: ") };
    let _ = match (left, right) {
        (Some(left), Some(right)) => write!(line, "{left} {on_left}, {right} {on_right}"),
        (Some(left), None) => write!(line, "{left} {on_left} only"),
        (None, Some(right)) => write!(line, "{right} {on_right} only"),
        (None, None) => Ok(()),
    };
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SIDES: Sides = ["on the left", "on the right"];

    #[test]
    fn equal_values_have_no_differences() {
        assert!(differences(&json!({"a": [1, {"b": null}]}), &json!({"a": [1, {"b": null}]})).is_empty());
    }

    #[test]
    fn each_difference_is_named_by_its_path() {
        let left = json!({"plan": "pro", "https://x/roles": ["admin", "editor"], "same": 1});
        let right = json!({"plan": "free", "https://x/roles": ["admin"], "same": 1, "new": true});
        assert_eq!(
            lines(&differences(&left, &right), SIDES, 10),
            [
                r#"["https://x/roles"][1]: "editor" on the left only"#,
                r#".plan: "pro" on the left, "free" on the right"#,
                ".new: true on the right only",
            ]
        );
    }

    #[test]
    fn many_differences_are_cut_short() {
        let differences = differences(&json!([1, 2, 3]), &json!([4, 5, 6]));
        assert_eq!(lines(&differences, SIDES, 1), ["[0]: 1 on the left, 4 on the right", "and 2 more"]);
    }

    #[test]
    fn values_of_other_kinds_differ_as_a_whole() {
        assert_eq!(lines(&differences(&json!([1]), &json!({})), SIDES, 9), ["[1] on the left, {} on the right"]);
    }
}
