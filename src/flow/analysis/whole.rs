//! What shows only when actions are compared with each other and with their settings.

use std::collections::BTreeMap;

use rhai::Position;

use super::{Analysis, Subject, Write};
use crate::flow::codes::Code;
use crate::flow::{Diagnostic, Trigger, suggest};

/// Line and column by action.
type Places = BTreeMap<usize, (usize, usize)>;

impl Analysis<'_> {
    /// The same name from two actions that can take part in the same login: the later one wins.
    pub(super) fn names_written_twice(&mut self) {
        let mut groups: BTreeMap<(Trigger, &str, &str), Places> = BTreeMap::new();
        for Write { action, trigger, what, name, place } in &self.writes {
            let places = groups.entry((*trigger, what, name)).or_default();
            // The last write of an action is the one that counts.
            places.entry(*action).and_modify(|own| *own = (*own).max(*place)).or_insert(*place);
        }
        let mut found = Vec::new();
        for ((_, what, name), places) in &groups {
            let places: Vec<(usize, (usize, usize))> = places.iter().map(|(action, place)| (*action, *place)).collect();
            for (index, (earlier, place)) in places.iter().enumerate() {
                let later = places[index + 1..]
                    .iter()
                    .find(|(later, _)| share_a_client(&self.actions[*earlier], &self.actions[*later]));
                if let Some((later, winner)) = later {
                    found.push(self.overwritten((*what, *name), (*earlier, *place), (*later, *winner)));
                }
            }
        }
        self.problems.extend(found);
    }

    fn overwritten(
        &self,
        (what, name): (&str, &str),
        (earlier, place): (usize, (usize, usize)),
        (later, winner): (usize, (usize, usize)),
    ) -> Diagnostic {
        let by = self.actions[later];
        let message = format!("the {} is set again by {}, which runs later and wins", what.replace('@', name), by.name);
        let hint = "set it in one action, or say on the line that it is meant: `// vestibule: allow V0065`";
        self.diagnostic(Code::WrittenTwice, earlier, position(place), message, Some(hint.to_owned())).with_note(
            by.unit.file,
            by.unit.text,
            position(winner),
            "set again here",
        )
    }

    /// Secrets that are read and not configured, and the other way round.
    pub(super) fn secrets_and_settings(&mut self) {
        let mut found = Vec::new();
        for (index, action) in self.actions.iter().enumerate() {
            let uses = &self.secrets[index];
            let configured: Vec<&str> = action.settings.secrets.keys().map(String::as_str).collect();
            for (name, (file, place)) in &uses.read {
                if !configured.contains(&name.as_str()) && !uses.optional.contains(name) {
                    let message = format!("the secret `{name}` is not configured for {}, so it is `()`", action.name);
                    let hint = match suggest::nearest(name, configured.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => {
                            format!("add it: [actions.settings.\"{}\".secrets] {name} = {{ env = \"{name}\" }}", action.name)
                        }
                    };
                    found.push(self.diagnostic(Code::UnknownSecret, *file, *place, message, Some(hint)));
                }
            }
            let unread = configured
                .into_iter()
                .filter(|name| !uses.any && !uses.read.contains_key(*name) && !self.mentions(action, name));
            for name in unread {
                let message = format!("the secret `{name}` of [actions.settings.\"{}\"] is read nowhere", action.name);
                let problem = Diagnostic::of_file(Code::UnusedSecret, action.unit.file, message);
                found.push(problem.with_hint("take it out of the configuration, or is the name in the action another?"));
            }
        }
        self.problems.extend(found);
    }

    /// Whether the name occurs in the action's file or in `lib/`, in whatever way.
    fn mentions(&self, action: &Subject<'_>, name: &str) -> bool {
        let library = self.sources.iter().skip(self.actions.len()).map(|source| source.unit.text);
        library.chain([action.unit.text]).any(|text| text.contains(name))
    }
}

/// Whether some client's logins run both.
fn share_a_client(a: &Subject<'_>, b: &Subject<'_>) -> bool {
    match (&a.settings.clients, &b.settings.clients) {
        (Some(a), Some(b)) => a.iter().any(|client| b.contains(client)),
        _ => true,
    }
}

fn position((line, column): (usize, usize)) -> Position {
    let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    if line == 0 { Position::NONE } else { Position::new(short(line), short(column)) }
}
