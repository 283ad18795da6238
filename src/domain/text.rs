//! Text of others (a request, a script) on its way into a log or onto a terminal, where a control character could begin a line
//! that nobody wrote, or steer the terminal.

/// The text in one line: control characters become spaces.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The text with its lines and tabs; every other control character as `\u001b`, which in JSON means the same character.
#[must_use]
pub fn without_controls(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if c.is_control() => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(one_line("a\r\nb\u{1b}[31m\u{9b}ü"), "a  b [31m ü");
    }

    #[test]
    fn what_is_shown_of_json_means_the_same() {
        let value = serde_json::json!({ "a": "\u{1b}\u{7f}\u{9b}\n\t", "b": [1] });
        let shown = without_controls(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
