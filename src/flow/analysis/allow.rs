//! `// vestibule: allow V0065` on the line, or on the line before: the author has seen it and means it.

use std::collections::BTreeMap;

use crate::flow::Diagnostic;
use crate::flow::codes::Code;

const MARK: &str = "vestibule: allow";

/// Whether a comment beside the problem, or beside the other place that it is about, allows its code.
pub(super) fn is_allowed(problem: &Diagnostic, texts: &BTreeMap<&str, &str>) -> bool {
    let note = problem.note.as_ref().map(|note| (note.file.as_str(), note.line));
    [Some((problem.file.as_str(), problem.line)), note].into_iter().flatten().any(|(file, line)| {
        let text = texts.get(file).copied().unwrap_or_default();
        [line, line.saturating_sub(1)].into_iter().any(|line| allows(text, line, problem.code))
    })
}

fn allows(text: &str, line: usize, code: Code) -> bool {
    let line = line.checked_sub(1).and_then(|index| text.lines().nth(index)).unwrap_or_default();
    let Some((_, comment)) = line.split_once("//") else { return false };
    let Some((_, codes)) = comment.split_once(MARK) else { return false };
    codes
        .split([' ', ','])
        .map_while(|word| match word {
            "" => Some(None),
            word => Code::parse(word).map(Some),
        })
        .flatten()
        .any(|allowed| allowed == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_allows_the_codes_that_it_names() {
        assert!(allows("x(); // vestibule: allow V0065", 1, Code::WrittenTwice));
        assert!(allows("// vestibule: allow V0064, V0065 since both are meant", 1, Code::WrittenTwice));
        for line in
            ["x(); // vestibule: allow V0064", "x(\"vestibule: allow V0065\")", "// allow V0065", "// vestibule: allow"]
        {
            assert!(!allows(line, 1, Code::WrittenTwice), "{line}");
        }
    }
}
