//! The `event` of a tried login: built as the grant's use case builds it, then overlaid with the event file.

use std::path::Path;

use serde_json::Value;

use super::failure::bad_input;
use crate::config::did_you_mean;
use crate::domain::JsonMap;
use crate::domain::scope::Scopes;
use crate::flow::Event;
use crate::kit::event::{self, Stage};
use crate::kit::login::{Attempt, Grant};

/// `--event FILE.json`: an object whose members replace those of the built event, part by part.
#[derive(Debug, Default)]
pub(super) struct EventFile {
    name: String,
    parts: JsonMap,
}

impl EventFile {
    /// Reads the file; without one nothing is overlaid.
    pub(super) fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let name = path.display().to_string();
        let hint = "write a JSON object such as {\"user\": {\"app_metadata\": {\"plan\": \"pro\"}}}";
        let text =
            std::fs::read_to_string(path).map_err(|error| bad_input(format!("{name} cannot be read: {error}"), hint))?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(parts)) => Ok(Self { name, parts }),
            Ok(_) => Err(bad_input(format!("{name} is no JSON object"), hint)),
            Err(error) => Err(bad_input(format!("{name}:{}:{}: {error}", error.line(), error.column()), hint)),
        }
    }

    /// A text of one part.
    pub(super) fn text(&self, part: &str, name: &str) -> Option<&str> {
        self.parts.get(part)?.get(name)?.as_str()
    }

    pub(super) fn has(&self, part: &str) -> bool {
        self.parts.contains_key(part)
    }

    /// The grant that the event is of, if it tells.
    pub(super) fn grant(&self) -> Option<Grant> {
        if self.has("accessToken") {
            return Some(Grant::ClientCredentials);
        }
        self.text("transaction", "protocol").map(Grant::of_protocol)
    }

    /// `event.transaction.requested_scopes`.
    pub(super) fn requested_scopes(&self) -> Option<Scopes> {
        let words = self.parts.get("transaction")?.get("requested_scopes")?.as_array()?;
        Some(words.iter().filter_map(Value::as_str).collect())
    }

    /// The event of the attempt with the file's members in it, and the attempt with the user as the event describes them.
    pub(super) fn apply(&self, stage: Stage<'_>, attempt: Attempt) -> anyhow::Result<(Attempt, Event)> {
        let (mut attempt, built) = event::build(stage, attempt);
        if self.parts.is_empty() {
            return Ok((attempt, built));
        }
        let mut merged = serde_json::to_value(&built)?;
        for (part, value) in &self.parts {
            match (merged.get_mut(part), value) {
                (Some(Value::Object(members)), Value::Object(new)) => members.extend(new.clone()),
                _ => merged[part] = value.clone(),
            }
        }
        let wrong = |error: serde_json::Error| {
            bad_input(format!("{} is no event: {error}", self.name), "the names are those of `event` in an action")
        };
        let event: Event = serde_json::from_value(merged).map_err(wrong)?;
        self.refuse_unknown(&serde_json::to_value(&event)?)?;
        if let (Some(user), Some(part)) = (&mut attempt.user, &event.user) {
            *user = event::described(user, part, &event);
        }
        Ok((attempt, event))
    }

    /// A misspelt property would silently change nothing.
    fn refuse_unknown(&self, known: &Value) -> anyhow::Result<()> {
        for (part, value) in &self.parts {
            let (Some(known), Some(members)) = (known.get(part).and_then(Value::as_object), value.as_object()) else {
                continue;
            };
            if let Some(unknown) = members.keys().find(|name| !known.contains_key(*name)) {
                let names: Vec<_> = known.keys().map(String::as_str).collect();
                let hint =
                    did_you_mean(unknown, names.iter().copied()).unwrap_or_else(|| format!("known: {}", names.join(", ")));
                return Err(bad_input(format!("{}: `event.{part}` has no property `{unknown}`", self.name), hint));
            }
        }
        Ok(())
    }
}

/// `--parameter NAME=VALUE`.
pub(super) fn parameters(given: &[String]) -> anyhow::Result<JsonMap> {
    let parameter = |text: &String| match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.into())),
        None => Err(bad_input(format!("`{text}` is no parameter"), "write --parameter NAME=VALUE")),
    };
    given.iter().map(parameter).collect()
}
