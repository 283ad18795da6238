//! The signatures of the script library, `text.padStart(length, fill = " ") -> string`, taken apart.

use crate::flow::functions::Function;

/// A signature in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// The value that a method is called on, by its kind: `text`.
    pub(super) receiver: Option<&'static str>,
    pub(super) parameters: Vec<Parameter>,
    /// `string`.
    pub(super) yields: &'static str,
}

/// A parameter of a signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    /// An identifier.
    pub(super) name: &'static str,
    /// Whether it may be left out.
    pub(super) optional: bool,
}

impl Signature {
    /// The parts of a function's signature.
    pub(super) fn of(function: &Function) -> Self {
        let (call, yields) = function.signature.rsplit_once(" -> ").unwrap_or((function.signature, "()"));
        let (head, rest) = call.split_once('(').unwrap_or((call, ")"));
        let receiver = head.split_once('.').map(|(receiver, _)| receiver);
        let list = rest.rsplit_once(')').map_or("", |(list, _)| list);
        let parameters = split(list).map(parameter).collect();
        Self { receiver, parameters, yields }
    }

    /// The lists of parameters of every way to call it: without the optional ones, and with one more each.
    pub(super) fn overloads(&self) -> Vec<&[Parameter]> {
        let needed = self.parameters.iter().take_while(|parameter| !parameter.optional).count();
        (needed..=self.parameters.len()).map(|count| &self.parameters[..count]).collect()
    }
}

/// The parameters, separated by commas outside of quotes and bars.
fn split(list: &'static str) -> impl Iterator<Item = &'static str> {
    let (mut quoted, mut barred) = (false, false);
    list.split(move |c: char| {
        quoted ^= c == '"';
        barred ^= c == '|' && list.starts_with('|');
        c == ',' && !quoted && !barred
    })
    .map(str::trim)
    .filter(|text| !text.is_empty())
}

fn parameter(text: &'static str) -> Parameter {
    let (name, optional) = text.split_once(" = ").map_or((text, false), |(name, _)| (name, true));
    let name = match name {
        _ if name.starts_with('|') => "callback",
        _ if name.contains('|') => "value",
        "end" | "start" | "map" => name,
        name => name,
    };
    Parameter { name, optional }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::functions::catalogue;

    fn of(name: &str) -> Signature {
        Signature::of(catalogue().map(|(_, function)| function).find(|function| function.name == name).unwrap())
    }

    #[test]
    fn a_signature_falls_into_its_parts() {
        let pad = of("padStart");
        assert_eq!((pad.receiver, pad.yields), (Some("text"), "string"));
        let names: Vec<_> = pad.parameters.iter().map(|parameter| (parameter.name, parameter.optional)).collect();
        assert_eq!(names, [("length", false), ("fill", true)]);
        assert_eq!(pad.overloads().iter().map(|list| list.len()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(of("findIndex").parameters, [Parameter { name: "callback", optional: false }]);
        assert_eq!(of("join").parameters, [Parameter { name: "separator", optional: true }]);
        assert_eq!(of("sha256").parameters, [Parameter { name: "value", optional: false }]);
        assert_eq!(of("now").parameters, []);
    }

    #[test]
    fn every_parameter_of_the_library_is_an_identifier() {
        for (_, function) in catalogue() {
            for parameter in Signature::of(function).parameters {
                assert!(rhai::is_valid_identifier(parameter.name), "{}: {}", function.signature, parameter.name);
            }
        }
    }
}
