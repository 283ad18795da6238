//! Calls with an effect: names that are refused or misspelt, what comes after a denial, hosts, secrets.

use rhai::{Expr, FnCallExpr, Position};
use url::Url;

use super::walk::{Frame, Use};
use super::{Analysis, Value, Write, kind_of};
use crate::domain::claims;
use crate::flow::api::description::{Method, Writes};
use crate::flow::codes::Code;
use crate::flow::functions::objection;
use crate::flow::names;

impl Analysis<'_> {
    /// A method of an object of `api`.
    pub(super) fn effect(
        &mut self,
        frame: &mut Frame,
        method: &Method,
        call: &FnCallExpr,
        (position, arguments): (Position, &[Value]),
    ) {
        if method.writes == Writes::Denial {
            frame.just_denied = Some(position);
            return;
        }
        let sets = kind_of(method.writes).is_some() || method.writes == Writes::Scope;
        if let (true, Some(denied)) = (sets, frame.denied) {
            self.after_denial(frame, denied, position);
        }
        if let (Some(Value::Text(name)), Some(argument)) = (arguments.first(), call.args.first()) {
            self.name(frame, method.writes, name, beginning(argument));
            self.written(frame, method.writes, name, position);
        }
    }

    fn after_denial(&mut self, frame: &Frame, denied: Position, position: Position) {
        let file = frame.context.file;
        let hint = "end the handler after the denial with `return;`, or set it in the other branch";
        let message = "this has no effect: the login was denied before";
        let unit = self.sources[file].unit;
        let problem = self.diagnostic(Code::AfterDeny, file, position, message, Some(hint.to_owned()));
        self.problems.push(problem.with_note(unit.file, unit.text, denied, "denied here"));
    }

    /// A name that is refused, or nearly a standard one.
    fn name(&mut self, frame: &Frame, writes: Writes, name: &str, position: Position) {
        let (refused, hint) = match writes {
            Writes::IdTokenClaim | Writes::AccessTokenClaim => {
                (names::refuse_claim(name), "use a name under a URL that you own, such as `https://demo.example.com/plan`")
            }
            Writes::Parameter => (names::refuse_parameter(name), "choose another name"),
            Writes::AppMetadata => (names::refuse_app_metadata(name), "choose another key"),
            Writes::UserMetadata => (names::refuse_user_metadata(name), "choose another key"),
            _ => (None, ""),
        };
        if let Some(reason) = refused {
            let message = format!("{reason}: the call is refused and has no effect");
            return self.problem(Code::ReservedClaim, frame.context.file, position, message, Some(hint.to_owned()));
        }
        if matches!(writes, Writes::IdTokenClaim | Writes::AccessTokenClaim)
            && let Some(standard) = misspelt(name)
        {
            let message = format!("the claim `{name}` is nearly `{standard}`, which OpenID Connect defines");
            let hint = format!("did you mean `{standard}`?");
            self.problem(Code::MisspeltClaim, frame.context.file, position, message, Some(hint));
        }
    }

    fn written(&mut self, frame: &Frame, writes: Writes, name: &str, position: Position) {
        let (Some(what), Some(action), Some(trigger)) = (kind_of(writes), frame.context.action, frame.context.trigger)
        else {
            return;
        };
        let place = frame.site.unwrap_or(position);
        let place = (place.line().unwrap_or(0), place.position().unwrap_or(0));
        self.writes.push(Write { action, trigger, what, name: name.to_owned(), place });
    }

    /// `http::get(url)`: whether the action's settings allow the host, if it is written in the source.
    pub(super) fn http_call(&mut self, frame: &Frame, call: &FnCallExpr, arguments: &[Value]) {
        let index = usize::from(call.name == "request");
        let (Some(action), Some(argument)) = (frame.context.action, call.args.get(index)) else { return };
        let Some(url) = arguments.get(index).and_then(known_url) else { return };
        let subject = &self.actions[action];
        if let Err(reason) = objection(&subject.settings.allow_hosts, &url) {
            let host = url.host_str().unwrap_or_default();
            let message = format!("http::{}: {reason}", call.name);
            let hint =
                format!("add it in the configuration: [actions.settings.\"{}\"] allow_hosts = [\"{host}\"]", subject.name);
            self.problem(Code::HostNotAllowed, frame.context.file, beginning(argument), message, Some(hint));
        }
    }

    /// `event.secrets.NAME`.
    pub(super) fn secret_read(&mut self, frame: &Frame, name: &str, position: Position) {
        if let Some(action) = frame.context.action {
            self.secrets[action].read.entry(name.to_owned()).or_insert((frame.context.file, position));
        }
    }

    /// Secrets whose names are computed, or that are handed on as a whole.
    pub(super) fn any_secret(&mut self, frame: &Frame) {
        if let Some(action) = frame.context.action {
            self.secrets[action].any = true;
        }
    }

    /// `"NAME" in event.secrets`, and `"email" in event.user` where there is no user.
    pub(super) fn asked_by_name(&mut self, frame: &Frame, arguments: &[Value]) {
        let Some(action) = frame.context.action else { return };
        match arguments {
            [Value::Secrets, Value::Text(name)] => {
                self.secrets[action].optional.insert(name.clone());
            }
            [Value::Secrets, _] => self.secrets[action].any = true,
            _ => {}
        }
    }

    /// What the use of a value says about its presence.
    pub(super) fn note_use(&mut self, frame: &Frame, value: &Value, purpose: Use) {
        match (value, purpose) {
            (Value::Absent(path), Use::Asked | Use::Used) => {
                self.tested.insert((frame.context.file, path.clone()));
            }
            (Value::Secret(name), Use::Asked) => {
                if let Some(action) = frame.context.action {
                    self.secrets[action].optional.insert(name.clone());
                }
            }
            (Value::Secrets, Use::Used) => self.any_secret(frame),
            _ => {}
        }
    }
}

/// Where an expression begins: `a + b` at `a`, where the parser says `+`.
fn beginning(expression: &Expr) -> Position {
    match expression {
        Expr::FnCall(call, _) if call.is_operator_call() => {
            call.args.first().map_or_else(|| expression.start_position(), beginning)
        }
        _ => expression.start_position(),
    }
}

/// The URL, or one with the same host.
fn known_url(value: &Value) -> Option<Url> {
    match value {
        Value::Text(text) => Url::parse(text).ok(),
        // The host is known only if something ends it.
        Value::Prefix(text) => {
            let (_, rest) = text.split_once("://")?;
            rest.contains(['/', '?', '#']).then(|| Url::parse(text).ok())?
        }
        _ => None,
    }
}

/// The standard claim that the name is a slip of the pen away from. Plurals are names of their own.
fn misspelt(name: &str) -> Option<&'static str> {
    let plural = |a: &str, b: &str| a.strip_suffix('s') == Some(b) || b.strip_suffix('s') == Some(a);
    let letters = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    claims::STANDARD.into_iter().find(|standard| {
        let near = strsim::damerau_levenshtein(name, standard) == 1 && !plural(name, standard);
        // Short words are near to many others: there only swapped letters count.
        near && (standard.len() >= 7 || letters(name) == letters(standard))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_found_and_names_of_their_own_are_not() {
        for (slip, standard) in [
            ("emial", "email"),
            ("emial_verified", "email_verified"),
            ("emailverified", "email_verified"),
            ("prefered_username", "preferred_username"),
            ("adress", "address"),
            ("phone_nubmer", "phone_number"),
        ] {
            assert_eq!(misspelt(slip), Some(standard), "{slip}");
        }
        for own in [
            "email",
            "emails",
            "names",
            "pictures",
            "local",
            "gmail",
            "givenName",
            "sender",
            "title",
            "game",
            "profiles",
            "plan",
        ] {
            assert_eq!(misspelt(own), None, "{own}");
        }
    }

    #[test]
    fn the_host_of_a_beginning_is_known_only_if_something_ends_it() {
        assert_eq!(known_url(&Value::Prefix("https://a.example/".into())).unwrap().host_str(), Some("a.example"));
        for open in ["https://a.example", "https:", ""] {
            assert_eq!(known_url(&Value::Prefix(open.into())), None, "{open}");
        }
        assert_eq!(known_url(&Value::Unknown), None);
    }
}
