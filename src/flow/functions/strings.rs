//! Asking strings: lengths, tests and places. Places count characters (Unicode scalar values), as everywhere in Rhai.

use rhai::{Dynamic, INT, ImmutableString};

use super::arguments::{Fallible, count, integer, relative, text};
use super::description::{Family, Function, Registrar, example};

pub(super) const FAMILY: Family = Family { namespace: None, functions: FUNCTIONS, register };

const FUNCTIONS: &[Function] = &[
    Function::new("length", "text.length -> integer", "The number of characters.")
        .property()
        .examples(&[example(r#""Ångström".length"#, "8"), example(r#""".length"#, "0")]),
    Function::new("startsWith", "text.startsWith(start) -> boolean", "Whether the text begins with `start`.").examples(&[
        example(r#""auth0|ada".startsWith("auth0|")"#, "true"),
        example(r#""ada".startsWith('b')"#, "false"),
        example(r#""ada".startsWith(1)"#, "error: startsWith: expected a string, not an integer"),
    ]),
    Function::new("endsWith", "text.endsWith(end) -> boolean", "Whether the text ends with `end`.").examples(&[
        example(r#""ada@example.com".endsWith("@example.com")"#, "true"),
        example(r#""ada".endsWith("A")"#, "false"),
    ]),
    Function::new("includes", "text.includes(part) -> boolean", "Whether `part` occurs in the text.")
        .examples(&[example(r#""read:things".includes(":")"#, "true"), example(r#""ada".includes('x')"#, "false")]),
    Function::new(
        "indexOf",
        "text.indexOf(part, start = 0) -> integer",
        "The place of the first occurrence at or after `start`; -1 if there is none.",
    )
    .examples(&[
        example(r#""äbcabc".indexOf("c")"#, "2"),
        example(r#""abcabc".indexOf("c", 3)"#, "5"),
        example(r#""abc".indexOf("x")"#, "-1"),
    ]),
    Function::new(
        "lastIndexOf",
        "text.lastIndexOf(part) -> integer",
        "The place of the last occurrence; -1 if there is none.",
    )
    .examples(&[example(r#""äbcabc".lastIndexOf("c")"#, "5"), example(r#""abc".lastIndexOf("x")"#, "-1")]),
    Function::new("charAt", "text.charAt(index) -> string", "The character at `index` as a string; empty beyond the ends.")
        .examples(&[example(r#""über".charAt(0)"#, r#""ü""#), example(r#""ab".charAt(9)"#, r#""""#)]),
    Function::new(
        "at",
        "text.at(index) -> string | ()",
        "The character at `index` as a string, counted from the end if negative; `()` beyond the ends.",
    )
    .examples(&[example(r#""abc".at(-1)"#, r#""c""#), example(r#""abc".at(3)"#, "null")]),
];

fn register(library: &mut Registrar<'_>) {
    library.property("length", length);
    library.add("startsWith", starts_with);
    library.add("endsWith", ends_with);
    library.add("includes", includes);
    library.add("indexOf", index_of);
    library.add("indexOf", index_of_from);
    library.add("lastIndexOf", last_index_of);
    library.add("charAt", char_at);
    library.add("at", at);
}

fn length(text: &str) -> INT {
    count(text.chars().count())
}

fn starts_with(subject: &str, start: Dynamic) -> Fallible<bool> {
    Ok(subject.starts_with(text("startsWith", &start)?.as_str()))
}

fn ends_with(subject: &str, end: Dynamic) -> Fallible<bool> {
    Ok(subject.ends_with(text("endsWith", &end)?.as_str()))
}

fn includes(subject: &str, part: Dynamic) -> Fallible<bool> {
    Ok(subject.contains(text("includes", &part)?.as_str()))
}

fn index_of(subject: &str, part: Dynamic) -> Fallible<INT> {
    index_of_from(subject, part, Dynamic::from_int(0))
}

fn index_of_from(subject: &str, part: Dynamic, start: Dynamic) -> Fallible<INT> {
    let part = text("indexOf", &part)?;
    let start = usize::try_from(integer("indexOf", &start)?.max(0)).unwrap_or(usize::MAX);
    let skipped = byte_offset(subject, start);
    let found = subject[skipped..].find(part.as_str());
    Ok(found.map_or(-1, |place| length(&subject[..skipped + place])))
}

fn last_index_of(subject: &str, part: Dynamic) -> Fallible<INT> {
    let part = text("lastIndexOf", &part)?;
    Ok(subject.rfind(part.as_str()).map_or(-1, |place| length(&subject[..place])))
}

fn char_at(subject: &str, index: Dynamic) -> Fallible<ImmutableString> {
    let index = integer("charAt", &index)?;
    let found = usize::try_from(index).ok().and_then(|index| subject.chars().nth(index));
    Ok(found.map(String::from).unwrap_or_default().into())
}

fn at(subject: &str, index: Dynamic) -> Fallible<Dynamic> {
    let index = integer("at", &index)?;
    let length = subject.chars().count();
    if index < 0 && index.unsigned_abs() > length as u64 {
        return Ok(Dynamic::UNIT);
    }
    let found = subject.chars().nth(relative(index, length));
    Ok(found.map_or(Dynamic::UNIT, |character| character.to_string().into()))
}

/// Where the character number `index` begins; the end of the text beyond it.
pub(super) fn byte_offset(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(offset, _)| offset)
}
