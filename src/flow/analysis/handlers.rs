//! Functions that were meant to be handlers: nobody calls them, and their name is nearly one, or is one of Auth0's.

use rhai::Position;

use super::Analysis;
use crate::flow::codes::Code;
use crate::flow::{Trigger, source as text, suggest};

const HANDLERS: [&str; 2] = [Trigger::PostLogin.handler(), Trigger::CredentialsExchange.handler()];

impl Analysis<'_> {
    pub(super) fn misnamed_handlers(&mut self) {
        let mut found = Vec::new();
        for (file, source) in self.sources.iter().enumerate().take(self.actions.len()) {
            for (name, count) in source.functions.keys() {
                if *count == 2 && !HANDLERS.contains(&name.as_str()) && !source.used.contains(name) {
                    let Some(hint) = meant(name) else { continue };
                    found.push((file, text::definition(source.unit.text, name), name.clone(), hint));
                }
            }
        }
        for (file, place, name, hint) in found {
            let place: Position = place;
            let message = format!("`{name}` is no handler: nothing calls it");
            self.problem(Code::MisspeltHandler, file, place, message, Some(hint));
        }
    }
}

/// What to do about a function of this name; `None` for one that has nothing of a handler.
fn meant(name: &str) -> Option<String> {
    let near = HANDLERS.into_iter().find(|handler| strsim::damerau_levenshtein(name, handler) <= 3);
    match near {
        Some(handler) => Some(format!("did you mean `{handler}`?")),
        None if name.starts_with("onContinue") => {
            Some("there are no redirects to come back from: what it does belongs into `onExecutePostLogin`".to_owned())
        }
        None if name.starts_with("onExecute") => Some(suggest::hint(name, &HANDLERS)),
        None => None,
    }
}
