//! Making strings from strings.
//!
//! Rhai's own `trim` and `replace` change the variable and return nothing; JavaScript's return the new text. Ours do
//! both, so that `name.trim();` and `let t = name.trim();` mean what their authors think. A constant is never changed.

use std::any::TypeId;

use rhai::{Dynamic, ImmutableString, NativeCallContext};

use super::arguments::{Fallible, absolute, bounded, fail, integer, relative, room_for_text, text};
use super::description::{Family, Function, Registrar, example};
use super::strings::byte_offset;
use crate::flow::value::WRITTEN_BACK;

pub(super) const FAMILY: Family = Family { namespace: None, functions: FUNCTIONS, register };

const TOO_LONG: &str = "refuses a result longer than `max_string_size`";

const FUNCTIONS: &[Function] = &[
    Function::new("toLowerCase", "text.toLowerCase() -> string", "The text in lower case.")
        .examples(&[example(r#""Ada@EXAMPLE.com".toLowerCase()"#, r#""ada@example.com""#)]),
    Function::new("toUpperCase", "text.toUpperCase() -> string", "The text in upper case.").examples(&[
        example(r#""straße".toUpperCase()"#, r#""STRASSE""#),
        example(r#"let name = "ada"; name[0].toUpperCase() + name.slice(1)"#, r#""Ada""#),
    ]),
    Function::new(
        "trim",
        "text.trim() -> string",
        "The text without white space at both ends; a variable is changed, too, as by Rhai's own `trim`.",
    )
    .examples(&[
        example(r#"let t = "  ada ".trim(); t"#, r#""ada""#),
        example(r#"let name = "  ada "; name.trim(); name"#, r#""ada""#),
        example(r#"const NAME = "  ada "; [NAME.trim(), NAME]"#, r#"["ada","  ada "]"#),
        example(r#"let user = #{ name: " ada " }; user.name.trim().length"#, "3"),
        example(r#"[" a", "b "].map(|part| part.trim())"#, r#"["a","b"]"#),
    ]),
    Function::new("trimStart", "text.trimStart() -> string", "The text without white space at its start.")
        .examples(&[example(r#""  ada ".trimStart()"#, r#""ada ""#)]),
    Function::new("trimEnd", "text.trimEnd() -> string", "The text without white space at its end.")
        .examples(&[example(r#""  ada ".trimEnd()"#, r#""  ada""#)]),
    Function::new(
        "slice",
        "text.slice(start, end = length) -> string",
        "The characters from `start` up to, not including, `end`; negative places count from the end.",
    )
    .examples(&[
        example(r#""auth0|ada".slice(6)"#, r#""ada""#),
        example(r#""abcdef".slice(-3, -1)"#, r#""de""#),
        example(r#""abc".slice(2, 1)"#, r#""""#),
    ]),
    Function::new(
        "substring",
        "text.substring(start, end = length) -> string",
        "Like `slice`, but negative places mean 0 and exchanged places are put right.",
    )
    .examples(&[
        example(r#""abcdef".substring(4, 1)"#, r#""bcd""#),
        example(r#""abc".substring(-5)"#, r#""abc""#),
    ]),
    Function::new(
        "substr",
        "text.substr(start, length = rest) -> string",
        "`length` characters from `start`, which counts from the end if negative.",
    )
    .examples(&[example(r#""abcdef".substr(-3, 2)"#, r#""de""#)]),
    Function::new(
        "padStart",
        "text.padStart(length, fill = \" \") -> string",
        "Fills the text up to `length` characters at its start.",
    )
    .limits(TOO_LONG)
    .examples(&[
        example(r#""7".padStart(3, "0")"#, r#""007""#),
        example(r#""abc".padStart(2)"#, r#""abc""#),
        example(r#""a".padStart(9000000000)"#, "error: padStart: the result is longer than"),
    ]),
    Function::new(
        "padEnd",
        "text.padEnd(length, fill = \" \") -> string",
        "Fills the text up to `length` characters at its end.",
    )
    .limits(TOO_LONG)
    .examples(&[example(r#""7".padEnd(6, "ab")"#, r#""7ababa""#)]),
    Function::new(
        "replaceAll",
        "text.replaceAll(part, replacement) -> string",
        "The text with every occurrence of `part` replaced.",
    )
    .limits(TOO_LONG)
    .examples(&[
        example(r#""a-b-c".replaceAll("-", "+")"#, r#""a+b+c""#),
        example(r#"let t = "a"; t.replaceAll("a", "b"); t"#, r#""a""#),
        example(r#"let t = "x".repeat(9000); t.replaceAll("x", t)"#, "error: replaceAll: the result is longer than"),
    ]),
    Function::new(
        "replace",
        "text.replace(part, replacement) -> string",
        "Every occurrence of `part` replaced, as by Rhai's own `replace` (JavaScript's replaces the first); a variable is changed, too.",
    )
    .limits(TOO_LONG)
    .examples(&[
        example(r#"let t = "a-b-c".replace("-", "+"); t"#, r#""a+b+c""#),
        example(r#"let t = "a-b"; t.replace('-', ""); t"#, r#""ab""#),
        example(r#"const T = "a-b"; [T.replace('-', '+'), T]"#, r#"["a+b","a-b"]"#),
        example(r#"let t = "x".repeat(9000); t.replace("x", t)"#, "error: replace: the result is longer than"),
        example(r#"let t = "x".repeat(9000); t.replace('x', t)"#, "error: replace: the result is longer than"),
        example(r#"let t = "x".repeat(9000); t.replace("", "yy")"#, "error: replace: the result is longer than"),
    ]),
    Function::new("repeat", "text.repeat(times) -> string", "The text, `times` times.").limits(TOO_LONG).examples(&[
        example(r#""ab".repeat(3)"#, r#""ababab""#),
        example(r#""ab".repeat(0)"#, r#""""#),
        example(r#""ab".repeat(-1)"#, "error: repeat: a text cannot be repeated -1 times"),
        example(r#""ab".repeat(9223372036854775807)"#, "error: repeat: the result is longer than"),
    ]),
    Function::new("concat", "text.concat(other) -> string", "The text followed by `other`.")
        .limits(TOO_LONG)
        .examples(&[example(r#""ada".concat("@", "example.com")"#, r#""ada@example.com""#)]),
];

fn register(library: &mut Registrar<'_>) {
    library.add("toLowerCase", |text: &str| ImmutableString::from(text.to_lowercase()));
    library.add("toLowerCase", |character: char| ImmutableString::from(character.to_lowercase().to_string()));
    library.add("toUpperCase", |text: &str| ImmutableString::from(text.to_uppercase()));
    library.add("toUpperCase", |character: char| ImmutableString::from(character.to_uppercase().to_string()));
    library.raw("trim", &[TypeId::of::<ImmutableString>()], trim);
    library.add("trimStart", |text: &str| ImmutableString::from(text.trim_start()));
    library.add("trimEnd", |text: &str| ImmutableString::from(text.trim_end()));
    library.add("slice", |subject: &str, start: Dynamic| slice(subject, &start, None));
    library.add("slice", |subject: &str, start: Dynamic, end: Dynamic| slice(subject, &start, Some(&end)));
    library.add("substring", |subject: &str, start: Dynamic| substring(subject, &start, None));
    library.add("substring", |subject: &str, start: Dynamic, end: Dynamic| substring(subject, &start, Some(&end)));
    library.add("substr", |subject: &str, start: Dynamic| slice(subject, &start, None));
    library.add("substr", substr);
    register_padding(library);
    library.add("replaceAll", replace_all);
    let (text, character) = (TypeId::of::<ImmutableString>(), TypeId::of::<char>());
    for types in [[text, text, text], [text, text, character], [text, character, text], [text, character, character]] {
        library.raw("replace", &types, replace);
    }
    library.add("repeat", repeat);
    library.add("concat", |context: NativeCallContext, a: &str, b: Dynamic| concat(&context, a, &[b]));
    library.add("concat", |context: NativeCallContext, a: &str, b: Dynamic, c: Dynamic| concat(&context, a, &[b, c]));
}

fn register_padding(library: &mut Registrar<'_>) {
    library.add("padStart", |context: NativeCallContext, subject: &str, length: Dynamic| {
        padding(&context, "padStart", subject, &length, None).map(|fill| ImmutableString::from(fill + subject))
    });
    library.add("padStart", |context: NativeCallContext, subject: &str, length: Dynamic, fill: Dynamic| {
        padding(&context, "padStart", subject, &length, Some(&fill)).map(|fill| ImmutableString::from(fill + subject))
    });
    library.add("padEnd", |context: NativeCallContext, subject: &str, length: Dynamic| {
        padding(&context, "padEnd", subject, &length, None)
            .map(|fill| ImmutableString::from(subject.to_owned() + fill.as_str()))
    });
    library.add("padEnd", |context: NativeCallContext, subject: &str, length: Dynamic, fill: Dynamic| {
        padding(&context, "padEnd", subject, &length, Some(&fill))
            .map(|fill| ImmutableString::from(subject.to_owned() + fill.as_str()))
    });
}

fn trim(_: &NativeCallContext, arguments: &mut [&mut Dynamic]) -> Fallible<Dynamic> {
    let trimmed = ImmutableString::from(text("trim", arguments[0])?.trim());
    Ok(change(arguments[0], trimmed))
}

/// Puts `text` into the receiver unless that is a constant, and returns it.
fn change(receiver: &mut Dynamic, text: ImmutableString) -> Dynamic {
    if receiver.is_read_only() {
        return text.into();
    }
    if let Some(mut variable) = receiver.write_lock::<ImmutableString>() {
        *variable = text.clone();
    }
    receiver.set_tag(WRITTEN_BACK);
    text.into()
}

fn slice(subject: &str, start: &Dynamic, end: Option<&Dynamic>) -> Fallible<ImmutableString> {
    let length = subject.chars().count();
    let start = relative(integer("slice", start)?, length);
    let end = end.map_or(Ok(length), |end| integer("slice", end).map(|end| relative(end, length)))?;
    Ok(between(subject, start, end))
}

fn substring(subject: &str, start: &Dynamic, end: Option<&Dynamic>) -> Fallible<ImmutableString> {
    let length = subject.chars().count();
    let start = absolute(integer("substring", start)?, length);
    let end = end.map_or(Ok(length), |end| integer("substring", end).map(|end| absolute(end, length)))?;
    Ok(between(subject, start.min(end), start.max(end)))
}

fn substr(subject: &str, start: Dynamic, count: Dynamic) -> Fallible<ImmutableString> {
    let length = subject.chars().count();
    let start = relative(integer("substr", &start)?, length);
    let count = absolute(integer("substr", &count)?, length - start);
    Ok(between(subject, start, start + count))
}

/// The characters `start..end`; empty if that is nothing.
fn between(subject: &str, start: usize, end: usize) -> ImmutableString {
    let (from, to) = (byte_offset(subject, start), byte_offset(subject, end));
    subject.get(from..to).unwrap_or_default().into()
}

/// What is missing of `subject` up to `length` characters.
fn padding(
    context: &NativeCallContext,
    function: &str,
    subject: &str,
    length: &Dynamic,
    fill: Option<&Dynamic>,
) -> Fallible<String> {
    let length = usize::try_from(integer(function, length)?.max(0)).unwrap_or(usize::MAX);
    let fill = fill.map_or_else(|| Ok(" ".into()), |fill| text(function, fill))?;
    let missing = length.saturating_sub(subject.chars().count());
    if missing == 0 || fill.is_empty() {
        return Ok(String::new());
    }
    // A character has at least one byte: this bounds the loop; the exact length is checked after it.
    room_for_text(context, function, subject.len().checked_add(missing))?;
    let padding: String = fill.chars().cycle().take(missing).collect();
    room_for_text(context, function, subject.len().checked_add(padding.len()))?;
    Ok(padding)
}

fn replace_all(context: NativeCallContext, subject: &str, part: Dynamic, replacement: Dynamic) -> Fallible<ImmutableString> {
    replaced(&context, "replaceAll", subject, &part, &replacement)
}

fn replace(context: &NativeCallContext, arguments: &mut [&mut Dynamic]) -> Fallible<Dynamic> {
    let subject = text("replace", arguments[0])?;
    let replaced = replaced(context, "replace", &subject, arguments[1], arguments[2])?;
    Ok(change(arguments[0], replaced))
}

fn replaced(
    context: &NativeCallContext,
    function: &str,
    subject: &str,
    part: &Dynamic,
    replacement: &Dynamic,
) -> Fallible<ImmutableString> {
    let (part, replacement) = (text(function, part)?, text(function, replacement)?);
    let occurrences = subject.matches(part.as_str()).count();
    let kept = subject.len() - occurrences * part.len();
    room_for_text(context, function, occurrences.checked_mul(replacement.len()).and_then(|added| added.checked_add(kept)))?;
    Ok(subject.replace(part.as_str(), &replacement).into())
}

fn repeat(context: NativeCallContext, subject: &str, times: Dynamic) -> Fallible<ImmutableString> {
    let times = integer("repeat", &times)?;
    let Ok(count) = usize::try_from(times) else {
        return fail("repeat", format_args!("a text cannot be repeated {times} times"));
    };
    room_for_text(&context, "repeat", subject.len().checked_mul(count))?;
    Ok(subject.repeat(count).into())
}

fn concat(context: &NativeCallContext, subject: &str, others: &[Dynamic]) -> Fallible<ImmutableString> {
    let mut whole = subject.to_owned();
    for other in others {
        whole.push_str(&super::conversion::written(context, "concat", other)?);
        room_for_text(context, "concat", Some(whole.len()))?;
    }
    bounded(context, "concat", whole)
}
