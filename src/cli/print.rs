//! Writing to the terminal. A closed pipe (`vestibule try | head`) is not an error. Nothing that is printed steers it: text of
//! requests and scripts is in what we tell.

use std::io::{self, Write};

use crate::domain::text::{one_line, without_controls};

/// A line, or several, of product output.
pub(super) fn line(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", without_controls(text)).and_then(|()| out.flush());
}

/// A message about a failure.
pub(super) fn error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", without_controls(text));
}

/// Rows with aligned columns, each line indented; a cell cannot begin a line.
pub(super) fn columns(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
    let width =
        |index: usize| rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..rows.iter().map(Vec::len).max().unwrap_or(0)).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("  {}", cells.join("  ")).trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["long".to_owned(), "c".to_owned()]];
        assert_eq!(super::columns(&rows), "  a     b\n  long  c");
    }
}
