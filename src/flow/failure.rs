//! An error of a run, with its place and in our words.
//!
//! Rhai's error names the outermost call; the place that a person wants is the innermost one, in whichever file it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::{Dynamic, EvalAltResult, LexError, ParseErrorType, Position};

use crate::domain::text::one_line;

use super::api::description::{OBJECTS, Object};
use super::codes::Code;
use super::toolbox::Names;
use super::{Diagnostic, Limits, bounds, javascript, suggest, value};

/// Sources by file as shown: for the line under the caret.
pub(crate) type Sources = BTreeMap<String, Arc<str>>;

/// Why the engine was told to stop.
pub(super) const DEADLINE: &str = "deadline";
/// See [`DEADLINE`].
pub(super) const MEMORY: &str = "memory";
/// See [`DEADLINE`].
pub(super) const OPERATIONS: &str = "operations";
/// Characters of an error's text that are kept: it may hold what the user sent.
const MAX_TEXT: usize = 1_024;

/// What describing an error needs to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    pub(super) sources: &'a Sources,
    pub(super) names: &'a Names,
    pub(super) limits: &'a Limits,
}

/// The error of a run that began in `file`; `start` is where to point if the error has no place.
pub(super) fn diagnose(setting: Setting<'_>, file: &str, start: Position, mut error: EvalAltResult) -> Diagnostic {
    let mut file = file.to_owned();
    let mut place = (file.clone(), start);
    loop {
        let position = error.position();
        if !position.is_none() {
            place = (file.clone(), position);
        }
        error = match error {
            EvalAltResult::ErrorInFunctionCall(_, source, inner, _) => {
                if setting.sources.contains_key(&source) {
                    file = source;
                }
                *inner
            }
            EvalAltResult::ErrorInModule(_, inner, _) => *inner,
            innermost => {
                error = innermost;
                break;
            }
        };
    }
    let Description { code, message, hint } = describe(setting, &mut error);
    let source = setting.sources.get(&place.0).map_or("", |source| source);
    let position = at_property(source, place.1, &message);
    let problem = Diagnostic::at(code, &place.0, source, position, message);
    Diagnostic { hint: hint.map(|hint| clean(&hint)), ..problem }
}

/// Whether the error is the deadline's.
pub(super) fn is_deadline(error: &EvalAltResult) -> bool {
    match error {
        EvalAltResult::ErrorTerminated(token, _) => token.as_immutable_string_ref().is_ok_and(|why| *why == DEADLINE),
        EvalAltResult::ErrorInFunctionCall(.., inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => is_deadline(inner),
        _ => false,
    }
}

/// A problem that the parser found.
pub(super) fn of_parser(file: &str, source: &str, error: &rhai::ParseError, namespaces: &[&str]) -> Diagnostic {
    let code = match &*error.0 {
        ParseErrorType::ModuleUndefined(_) => Code::UnknownNamespace,
        ParseErrorType::VariableUndefined(_) => Code::UnknownVariable,
        ParseErrorType::AssignmentToConstant(_) => Code::ConstantAssigned,
        ParseErrorType::ExprTooDeep
        | ParseErrorType::TooManyFunctions
        | ParseErrorType::LiteralTooLarge(..)
        | ParseErrorType::BadInput(LexError::Runtime(_)) => Code::TooComplex,
        _ => Code::Syntax,
    };
    let (position, message) = match &*error.0 {
        ParseErrorType::VariableUndefined(name) => (at_word(source, error.1, name), format!("unknown variable `{name}`")),
        ParseErrorType::ModuleUndefined(name) => (error.1, format!("unknown namespace `{name}`")),
        other => (error.1, lower(&other.to_string())),
    };
    let problem = Diagnostic::at(code, file, source, position, clean(&message));
    match &*error.0 {
        ParseErrorType::ModuleUndefined(name) => problem.with_hint(suggest::hint(name, namespaces)),
        ParseErrorType::VariableUndefined(name) if javascript::of_word(name).is_none() => {
            match suggest::nearest(name, declared(source).filter(|own| own != name)) {
                Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
                None => problem.with_hint("what a function needs of another one is passed as an argument"),
            }
        }
        ParseErrorType::BadInput(LexError::Runtime(_)) => problem.with_hint(bounds::HINT),
        ParseErrorType::ExprTooDeep => problem.with_hint("put parts of the expression into variables or functions"),
        _ => match javascript::hint(source, error.1, &problem.message) {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        },
    }
}

/// An error in our words.
struct Description {
    code: Code,
    message: String,
    hint: Option<String>,
}

impl Description {
    fn new(code: Code, message: impl AsRef<str>) -> Self {
        Self { code, message: clean(message.as_ref()), hint: None }
    }

    fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    fn with_optional_hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

fn describe(setting: Setting<'_>, error: &mut EvalAltResult) -> Description {
    match error {
        EvalAltResult::ErrorRuntime(thrown, _) => thrown_text(thrown),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => unknown_function(setting.names, signature),
        EvalAltResult::ErrorModuleNotFound(name, _) => {
            Description::new(Code::UnknownNamespace, format!("unknown namespace `{name}`"))
        }
        EvalAltResult::ErrorVariableNotFound(name, _) => {
            Description::new(Code::UnknownVariable, format!("unknown variable `{name}`"))
        }
        EvalAltResult::ErrorDataRace(..) => {
            Description::new(Code::ClosureOnItself, "a closure uses the value that is being worked on").with_hint(
                "a closure cannot use the list or map whose method it is an argument of; copy it first: `let copy = list;`",
            )
        }
        EvalAltResult::ErrorMismatchDataType(expected, found, _) => wrong_type(expected, found),
        EvalAltResult::ErrorDotExpr(text, _) => no_property(text),
        other => limit(setting.limits, other).unwrap_or_else(|| {
            other.clear_position();
            let (code, hint) = code_of(other);
            Description::new(code, lower(&other.to_string())).with_optional_hint(hint.map(str::to_owned))
        }),
    }
}

/// What went over a limit.
fn limit(limits: &Limits, error: &EvalAltResult) -> Option<Description> {
    Some(match error {
        EvalAltResult::ErrorStackOverflow(_) => {
            Description::new(Code::TooManyCalls, format!("more than {} nested calls", limits.max_call_levels))
                .with_hint("is there an endless recursion? the limit is `max_call_levels`")
        }
        EvalAltResult::ErrorTerminated(token, _) => match token.as_immutable_string_ref().map(|why| why.to_string()) {
            Ok(why) if why == DEADLINE => {
                let message = format!("the actions did not end within {} ms", limits.deadline_ms);
                Description::new(Code::Deadline, message)
                    .with_hint("the limit is `deadline_ms`, for all actions of the trigger together")
            }
            Ok(why) if why == OPERATIONS => {
                Description::new(Code::TooManyOperations, format!("more than {} operations", limits.max_operations))
                    .with_hint("is there an endless loop? the limit is `max_operations`")
            }
            Ok(why) if why == MEMORY => {
                let message = format!("the action needs more than {} bytes of memory", limits.max_memory);
                Description::new(Code::Memory, message).with_hint("the limit is `max_memory`")
            }
            _ => Description::new(Code::Refused, "the run was stopped"),
        },
        _ => return None,
    })
}

/// The code of an error that keeps Rhai's words, and what to do.
fn code_of(error: &EvalAltResult) -> (Code, Option<&'static str>) {
    match error {
        EvalAltResult::ErrorArithmetic(..) => (Code::Arithmetic, None),
        EvalAltResult::ErrorArrayBounds(..)
        | EvalAltResult::ErrorStringBounds(..)
        | EvalAltResult::ErrorBitFieldBounds(..)
        | EvalAltResult::ErrorIndexNotFound(..) => (Code::OutOfBounds, Some("`x.at(i)` is `()` where there is nothing")),
        EvalAltResult::ErrorDataTooLarge(..) | EvalAltResult::ErrorTooManyVariables(_) => (
            Code::DataTooLarge,
            Some("the limits are `max_string_size`, `max_array_size`, `max_map_size` and `max_variables`"),
        ),
        EvalAltResult::ErrorIndexingType(..) | EvalAltResult::ErrorPropertyNotFound(..) => (Code::NoProperties, None),
        EvalAltResult::ErrorFor(_) => (Code::WrongTypes, Some("`for` goes through lists, texts and ranges: `0..3`")),
        EvalAltResult::ErrorAssignmentToConstant(..) | EvalAltResult::ErrorNonPureMethodCallOnConstant(..) => {
            (Code::ConstantAssigned, Some("change a copy: `let copy = NAME;`"))
        }
        _ => (Code::Refused, None),
    }
}

/// What a script, or one of our functions, threw; a second line `hint: …` of ours becomes the hint.
fn thrown_text(thrown: &Dynamic) -> Description {
    let code = Code::of_number(thrown.tag().into()).unwrap_or(Code::Thrown);
    if thrown.is_unit() {
        return Description::new(code, "the action threw an error");
    }
    let text = match thrown.as_immutable_string_ref() {
        Ok(text) => text.to_string(),
        Err(_) => value::to_json(thrown).map_or_else(|unfit| unfit.to_string(), |json| json.to_string()),
    };
    match text.split_once("\nhint: ") {
        Some((message, hint)) => Description::new(code, message).with_hint(hint),
        None => Description::new(code, text),
    }
}

/// A value of another type than the place needs: mostly JavaScript's truthiness.
fn wrong_type(expected: &str, found: &str) -> Description {
    // Rhai swaps the two for some of its errors.
    let (expected, found) = if found == "bool" && expected != "bool" { (found, expected) } else { (expected, found) };
    let message = format!("expected {}, found {}", type_name(expected), type_name(found));
    match expected {
        "bool" => Description::new(Code::NoBoolean, message).with_hint(javascript::PRESENT),
        _ => Description::new(Code::WrongTypes, message),
    }
}

/// What an author calls a type.
fn type_name(name: &str) -> &str {
    match name {
        "()" => "nothing `()`",
        "bool" => "a boolean",
        "i64" => "an integer",
        "f64" => "a number",
        "char" => "a character",
        "string" => "a text",
        "array" => "an array",
        "map" => "a map",
        _ if name.contains("string") || name.contains("String") => "a text",
        _ if name.contains("::flow::event") => "an object of `event`",
        _ if name.contains("::flow::api") => "an object of `api`",
        _ => name,
    }
}

/// A property of something that has none; Rhai says it with the type and no word about what to do.
fn no_property(text: &str) -> Description {
    let quoted: Vec<&str> = text.split('\'').skip(1).step_by(2).collect();
    let [name, of, ..] = quoted.as_slice() else { return Description::new(Code::NoProperties, lower(text)) };
    let hint = (*of == "()")
        .then(|| format!("what is absent has no properties: `x?.{name}` is `()` then, and a new map is `#{{}}`"));
    let message = format!("unknown property `{name}` of {}", type_name(of));
    Description::new(Code::NoProperties, message).with_optional_hint(hint)
}

/// Rhai's `name (type, type)` in the words of `api`.
fn unknown_function(names: &Names, signature: &str) -> Description {
    if signature.ends_with("cannot be sorted") {
        return Description::new(Code::WrongTypes, signature)
            .with_hint("say which comes first: `list.sort(|a, b| a.name < b.name)`");
    }
    let (name, arguments) = signature.split_once(" (").unwrap_or((signature, ")"));
    let arguments = arguments.strip_suffix(')').unwrap_or(arguments).replace("&str | ImmutableString | String", "string");
    let (receiver, rest) = arguments.split_once(", ").unwrap_or((&arguments, ""));
    if receiver == "api" {
        return Description::new(Code::UnknownApi, format!("unknown method `{name}` of `api`"))
            .with_hint("calls are on its objects: `api.access.deny(…)`");
    }
    if let Some(object) = OBJECTS.iter().find(|object| object.path == receiver) {
        return unknown_method(object, name, rest);
    }
    let name = name.strip_prefix("anon$").map_or(name, |_| "anonymous function");
    if names.contains(name) || !rhai::is_valid_identifier(name) {
        let absent = arguments.split(", ").any(|argument| argument == "()");
        let hint = match name {
            "!" if absent => Some(javascript::ABSENT.to_owned()),
            "!" => Some(javascript::PRESENT.to_owned()),
            _ if absent => Some("a value is absent, `()`: `x ?? other` gives a default".to_owned()),
            _ => None,
        };
        return Description::new(Code::WrongTypes, format!("no `{name}` for ({arguments})")).with_optional_hint(hint);
    }
    let unknown = Description::new(Code::UnknownFunction, format!("unknown function `{name}` ({arguments})"));
    if let Some(hint) = javascript::of_word(name) {
        return unknown.with_hint(hint);
    }
    let near = suggest::nearest(name, names.iter()).map(|near| format!("did you mean `{near}`?"));
    unknown.with_optional_hint(near)
}

fn unknown_method(object: &Object, name: &str, arguments: &str) -> Description {
    let path = object.path;
    if let Some(method) = object.method(name) {
        return Description::new(Code::ApiArguments, format!("`{path}.{name}` does not take ({arguments})"))
            .with_hint(format!("call it as `{path}.{}`", method.call()));
    }
    let names: Vec<&str> = object.methods.iter().map(|method| method.name).collect();
    Description::new(Code::UnknownApi, format!("unknown method `{name}` of `{path}`")).with_hint(suggest::hint(name, &names))
}

/// The names that a source declares somewhere: variables, constants and parameters.
fn declared(source: &str) -> impl Iterator<Item = &str> {
    let words = source.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let after_keyword = words.clone().zip(words.skip(1)).filter(|(word, _)| matches!(*word, "let" | "const" | "for"));
    let parameters =
        source.lines().filter_map(|line| line.trim_start().strip_prefix("fn ")?.split_once('(')?.1.split_once(')'));
    let parameters = parameters.flat_map(|(list, _)| list.split(',').map(str::trim));
    after_keyword.map(|(_, name)| name).chain(parameters)
}

/// The parser points behind an unknown word; the eye looks for the word.
fn at_word(source: &str, position: Position, word: &str) -> Position {
    let (Some(line), Some(column)) = (position.line(), position.position()) else { return position };
    let text: Vec<char> = source.lines().nth(line - 1).unwrap_or_default().chars().collect();
    let word: Vec<char> = word.chars().collect();
    let is_word = |at: usize| text.get(at).is_some_and(|c| c.is_alphanumeric() || *c == '_');
    let begins = |at: &usize| text[*at..].starts_with(&word) && !is_word(at + word.len()) && (*at == 0 || !is_word(*at - 1));
    let found = (0..column.min(text.len())).rev().find(begins).and_then(|at| u16::try_from(at + 1).ok());
    found.map_or(position, |column| Position::new(u16::try_from(line).unwrap_or(1), column))
}

/// Where a property is unknown Rhai points at the dot; the eye looks for the name.
pub(super) fn at_property(source: &str, position: Position, message: &str) -> Position {
    let (Some(line), Some(column)) = (position.line(), position.position()) else { return position };
    if !message.starts_with("unknown property") {
        return position;
    }
    let text = source.lines().nth(line - 1).unwrap_or_default();
    let skipped = text.chars().skip(column - 1).take_while(|c| matches!(c, '.' | '?' | ' ')).count();
    u16::try_from(column + skipped).map_or(position, |column| Position::new(u16::try_from(line).unwrap_or(1), column))
}

/// One line of bounded length without control characters: it goes to logs and terminals.
pub(super) fn clean(text: &str) -> String {
    let mut clean = one_line(&text.chars().take(MAX_TEXT).collect::<String>());
    if text.chars().nth(MAX_TEXT).is_some() {
        clean.push('…');
    }
    clean
}

/// Our messages begin in lower case; a word in capitals stays.
fn lower(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_one_line_of_bounded_length() {
        assert_eq!(clean("a\nb\u{1b}[31m"), "a b [31m");
        assert_eq!(clean(&"x".repeat(5_000)).chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn first_letters_are_lowered_but_not_acronyms() {
        assert_eq!(lower("Variable not found"), "variable not found");
        assert_eq!(lower("JSON"), "JSON");
    }
}
