//! Files of actions: which names count, in which order, and which bytes are source.

use std::cmp::Ordering;
use std::path::Path;

use rhai::Position;

use super::Diagnostic;
use super::codes::Code;

/// Natural order of file names: `2-a` before `10-a`.
#[must_use]
pub fn natural_order(a: &Path, b: &Path) -> Ordering {
    let (a, b) = (a.to_string_lossy(), b.to_string_lossy());
    compare(&a, &b).then_with(|| a.cmp(&b))
}

/// Compares piece by piece; runs of digits by value.
fn compare(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let (digits_a, digits_b) = (digits(a), digits(b));
        if !digits_a.is_empty() && !digits_b.is_empty() {
            let (value_a, value_b) = (digits_a.trim_start_matches('0'), digits_b.trim_start_matches('0'));
            let order = value_a.len().cmp(&value_b.len()).then_with(|| value_a.cmp(value_b));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (&a[digits_a.len()..], &b[digits_b.len()..]);
            continue;
        }
        let (mut rest_a, mut rest_b) = (a.chars(), b.chars());
        match (rest_a.next(), rest_b.next()) {
            (None, None) => return Ordering::Equal,
            (x, y) if x == y => (a, b) = (rest_a.as_str(), rest_b.as_str()),
            (x, y) => return x.cmp(&y),
        }
    }
}

fn digits(text: &str) -> &str {
    &text[..text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len()]
}

/// What a file name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// Takes part.
    Action,
    /// Would take part, were it not for the leading `_`.
    Parked,
    /// Not ours: hidden, an editor's, another type.
    Other,
}

/// What a file of this name in the directory is.
pub(super) fn kind(name: &str) -> FileKind {
    let Some(stem) = name.strip_suffix(".rhai") else { return FileKind::Other };
    // `api.d.rhai` and the like are definitions for editors.
    if stem.is_empty() || stem.starts_with(['.', '#', '~']) || Path::new(stem).extension().is_some_and(|dot| dot == "d") {
        return FileKind::Other;
    }
    if stem.starts_with('_') { FileKind::Parked } else { FileKind::Action }
}

/// The name of the action or namespace that a file is.
pub(super) fn stem(name: &str) -> &str {
    name.strip_suffix(".rhai").unwrap_or(name)
}

/// The text of a file, if it is fit to be compiled.
pub(super) fn text(file: &str, bytes: Vec<u8>, max_size: usize) -> Result<String, Diagnostic> {
    if bytes.len() > max_size {
        let message = format!("the file has {} bytes; at most {max_size} are allowed", bytes.len());
        return Err(Diagnostic::of_file(Code::FileTooLarge, file, message).with_hint("split it, or raise `max_file_size`"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        let position = position(&good, good.len());
        Diagnostic::at(Code::NotText, file, &good, position, "the file is not UTF-8")
            .with_hint("save it with the encoding UTF-8")
    })?;
    let lone_return = |at: usize| text[at..].starts_with('\r') && !text[at..].starts_with("\r\n");
    let found = text.char_indices().find(|(at, character)| forbidden(*character) || lone_return(*at));
    let Some((at, character)) = found else { return Ok(text) };
    let (message, hint) = match character {
        '\u{feff}' => ("the file has a byte order mark", "save it as UTF-8 without a byte order mark"),
        '\0' => ("the file has a NUL character", "is it a text file?"),
        '\r' => (
            "the file has a carriage return without a line feed",
            "it ends a comment in the middle of what is shown as one line; save the file with the line ends of Unix or Windows",
        ),
        _ => (
            "the file has a control character for the direction of text",
            "such characters make code look like other code; delete it",
        ),
    };
    let message = format!("{message} (U+{:04X})", u32::from(character));
    Err(Diagnostic::at(Code::NotText, file, &text, position(&text, at), message).with_hint(hint))
}

/// Characters that are invisible and change what a reader sees or what the parser reads.
fn forbidden(character: char) -> bool {
    matches!(character, '\0' | '\u{feff}' | '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The place of a byte.
fn position(text: &str, at: usize) -> Position {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    Position::new(short(line), short(column))
}

/// Where the function is defined, for problems that concern it as a whole.
pub(super) fn definition(source: &str, name: &str) -> Position {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let begins = |at: usize| !source[..at].ends_with(is_word);
    let behind_fn = source.match_indices("fn").filter(|(at, _)| begins(*at)).find_map(|(at, _)| {
        let rest = &source[at + 2..];
        let found = rest.trim_start();
        let start = at + 2 + (rest.len() - found.len());
        let after = found.strip_prefix(name)?;
        (rest.len() > found.len() && !after.starts_with(is_word)).then_some(start)
    });
    // A comment or a type may stand between: then the word alone says where to look.
    let word = || {
        let is_whole = |at: usize| begins(at) && !source[at + name.len()..].starts_with(is_word);
        source.match_indices(name).map(|(at, _)| at).find(|at| is_whole(*at))
    };
    behind_fn.or_else(word).map_or(Position::NONE, |at| position(source, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(mut names: Vec<&str>) -> Vec<&str> {
        names.sort_by(|a, b| natural_order(Path::new(a), Path::new(b)));
        names
    }

    #[test]
    fn numbers_in_names_count_by_value() {
        assert_eq!(sorted(vec!["100-a", "10-b", "9-c", "10-a", "a"]), ["9-c", "10-a", "10-b", "100-a", "a"]);
        assert_eq!(sorted(vec!["a10", "a9", "a09", "a"]), ["a", "a09", "a9", "a10"]);
        assert_eq!(sorted(vec!["99999999999999999999999-a", "3-a"]), ["3-a", "99999999999999999999999-a"]);
    }

    #[test]
    fn only_action_files_count() {
        for name in
            [".x.swp", "x~", "4913", "#x#", "x.txt", ".rhai", ".10-x.rhai", "x.rhai~", "#x.rhai", "api.d.rhai", "..data"]
        {
            assert_eq!(kind(name), FileKind::Other, "{name}");
        }
        assert_eq!(kind("_10-x.rhai"), FileKind::Parked);
        assert_eq!(kind("10-x.rhai"), FileKind::Action);
        assert_eq!(kind("10.5-x.rhai"), FileKind::Action);
    }

    #[test]
    fn what_is_no_source_is_refused_with_its_place() {
        assert_eq!(text("f", b"fn a() {}".to_vec(), 9).unwrap(), "fn a() {}");
        assert!(text("f", b"fn a() {} ".to_vec(), 9).unwrap_err().message.contains("10 bytes"));
        let place = |bytes: &[u8]| {
            let problem = text("f", bytes.to_vec(), 100).unwrap_err();
            (problem.line, problem.column)
        };
        assert_eq!(place(b"ab\ncd\xff"), (2, 3));
        assert_eq!(place("\u{feff}fn".as_bytes()), (1, 1));
        assert_eq!(place(b"a\n\0"), (2, 1));
        assert_eq!(place("let é = \u{202e}1".as_bytes()), (1, 9));
        assert_eq!(place(b"fn a() {}\r\n// b\rc"), (2, 5));
    }

    #[test]
    fn definitions_are_found_by_their_word() {
        let source = "fn handler2() {}\nconst fnx = 1;\n  fn handler (a) {}";
        assert_eq!(definition(source, "handler"), Position::new(3, 6));
        assert_eq!(definition(source, "other"), Position::NONE);
        assert_eq!(definition("fn int.handler(a) {}", "handler"), Position::new(1, 8));
        assert_eq!(definition("fn /* my_handler */\nhandler(a) {}", "handler"), Position::new(2, 1));
    }
}
