//! `vestibule explain V0031`: what a code means, wrong and right.

use std::process::ExitCode;

use super::failure::bad_input;
use super::print;
use crate::flow::Code;
use crate::flow::codes::{Explanation, Sample};

/// Which code.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// A code, such as V0031; without one, all are listed
    code: Option<String>,
}

/// Prints the explanation, or the list.
pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let Some(text) = &options.code else {
        print::line(&list());
        return Ok(ExitCode::SUCCESS);
    };
    let Some(code) = Code::parse(text) else {
        let codes: Vec<String> = Code::all().map(|row| row.code.to_string()).collect();
        let hint = match crate::config::did_you_mean(text, codes.iter().map(String::as_str)) {
            Some(hint) => format!("{hint} `vestibule explain` lists all codes"),
            None => "`vestibule explain` lists all codes".to_owned(),
        };
        return Err(bad_input(format!("there is no code `{text}`"), hint));
    };
    print::line(&explanation(code.explanation()));
    Ok(ExitCode::SUCCESS)
}

fn list() -> String {
    let rows: Vec<_> =
        Code::all().map(|row| vec![row.code.to_string(), row.severity.to_string(), row.title.to_owned()]).collect();
    format!("Codes of problems; `vestibule explain V0031` explains one\n{}", print::columns(&rows))
}

fn explanation(row: &Explanation) -> String {
    let mut parts = vec![format!("{}[{}]: {}", row.severity, row.code, row.title), wrapped(row.text)];
    for (title, sample) in [("Wrong", &row.wrong), ("Right", &row.right)] {
        if !sample.files.is_empty() {
            parts.push(format!("{title}\n{}", shown(sample)));
        }
    }
    parts.join("\n\n")
}

/// The files of an example, indented, and the configuration that belongs to them.
fn shown(sample: &Sample) -> String {
    let configuration = (!sample.config.is_empty()).then_some(("vestibule.toml", sample.config));
    let actions = sample.files.iter().map(|(name, text)| (format!("actions/{name}"), *text));
    let files = actions.chain(configuration.map(|(name, text)| (name.to_owned(), text)));
    let file = |(name, text): (String, &str)| {
        let lines: Vec<String> = text.trim_end().lines().map(|line| format!("    {line}").trim_end().to_owned()).collect();
        format!("  {name}\n{}", lines.join("\n"))
    };
    files.map(file).collect::<Vec<_>>().join("\n")
}

/// Lines of a readable length.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        if lines.last().is_some_and(|line| line.chars().count() + word.chars().count() > 98) {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}
