//! Where in a recorded event something was redacted: the line is walked once, and nothing of it is built.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::domain::redaction::is_redacted;

/// Paths of `event` that were redacted, as a trace writes them: `event.user.email`, `event.user.app_metadata["odd key"]`.
pub(super) fn of_event(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let walk = Walk { way: &["recording", "event"], path: &mut "event".to_owned(), found: &mut found };
    // The line was read before: it is JSON.
    let _ = walk.deserialize(&mut serde_json::Deserializer::from_str(line));
    found
}

/// Whether one of the paths is the other, or is in it.
pub(super) fn touch(mark: &str, read: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    within(mark, read) || within(read, mark)
}

/// A value on its way: the members that lead to the event, then everything.
struct Walk<'w> {
    way: &'static [&'static str],
    path: &'w mut String,
    found: &'w mut Vec<String>,
}

impl Walk<'_> {
    fn mark(&mut self) {
        if self.found.last() != Some(self.path) {
            self.found.push(self.path.clone());
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let length = self.path.len();
        while let Some(name) = members.next_key::<std::borrow::Cow<'de, str>>()? {
            match self.way {
                [next, ..] if *next != name => {
                    members.next_value::<IgnoredAny>()?;
                    continue;
                }
                [_, rest @ ..] => {
                    members.next_value_seed(Walk { way: rest, path: self.path, found: self.found })?;
                    continue;
                }
                [] => {}
            }
            if is_redacted(&name) {
                self.mark();
            }
            if rhai::is_valid_identifier(&name) {
                self.path.push('.');
                self.path.push_str(&name);
            } else {
                self.path.push_str(&format!("[{name:?}]"));
            }
            members.next_value_seed(Walk { way: &[], path: self.path, found: self.found })?;
            self.path.truncate(length);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        // An element is read with its array.
        while items.next_element_seed(Walk { way: self.way, path: self.path, found: self.found })?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(mut self, text: &str) -> Result<(), E> {
        if self.way.is_empty() && is_redacted(text) {
            self.mark();
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_redacted_in_the_event_is_named() {
        let event = json!({
            "user": {
                "email": "[redacted]",
                "name": "Ada",
                "app_metadata": { "odd key": ["x", 1, 2.5, null, "Dear [redacted]"], "[redacted]": true },
            },
        });
        let line = json!({ "decision": { "a": "[redacted]" }, "recording": { "event": event, "outside": "[redacted]" } });
        let expected = ["event.user.app_metadata", r#"event.user.app_metadata["odd key"]"#, "event.user.email"];
        assert_eq!(of_event(&line.to_string()), expected);
    }

    #[test]
    fn a_reading_of_the_whole_touches_its_parts_and_the_other_way_round() {
        assert!(touch("event.user.email", "event.user"));
        assert!(touch("event.user", "event.user.email"));
        assert!(touch("event.user.email", "event.user.email"));
        assert!(touch(r#"event.a["odd key"]"#, "event.a"));
        assert!(!touch("event.user.email", "event.user.email_verified"));
    }
}
