//! A run of the tests as JUnit XML, which every CI reads: one suite for each file.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::report::{Report, TestResult};

impl Report {
    /// The XML document.
    #[must_use]
    pub fn junit(&self) -> String {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        // Writing to memory does not fail.
        let _ = self.write(&mut writer);
        let mut text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
        text.push('\n');
        text
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let (tests, failures) = (self.results.len().to_string(), self.failed().to_string());
        let suites = writer.create_element("testsuites").with_attributes([
            ("tests", tests.as_str()),
            ("failures", failures.as_str()),
            ("time", seconds(self.took).as_str()),
        ]);
        suites.write_inner_content(|writer| {
            self.results.chunk_by(|a, b| a.file == b.file).try_for_each(|results| suite(writer, results))
        })?;
        Ok(())
    }
}

fn suite(writer: &mut Writer<Vec<u8>>, results: &[TestResult]) -> io::Result<()> {
    let (tests, file) = (results.len().to_string(), results.first().map_or("", |result| &result.file));
    let failures = results.iter().filter(|result| result.failure.is_some()).count().to_string();
    let took = seconds(results.iter().map(|result| result.took).sum());
    let suite = writer.create_element("testsuite").with_attributes([
        ("name", file),
        ("tests", tests.as_str()),
        ("failures", failures.as_str()),
        ("errors", "0"),
        ("time", took.as_str()),
    ]);
    suite.write_inner_content(|writer| results.iter().try_for_each(|result| case(writer, result)))?;
    Ok(())
}

fn case(writer: &mut Writer<Vec<u8>>, result: &TestResult) -> io::Result<()> {
    let (title, line, took) = (clean(&result.title), result.line.to_string(), seconds(result.took));
    let case = writer.create_element("testcase").with_attributes([
        ("name", title.as_str()),
        ("classname", result.file.as_str()),
        ("file", result.file.as_str()),
        ("line", line.as_str()),
        ("time", took.as_str()),
    ]);
    let Some(failure) = &result.failure else { return case.write_empty().map(drop) };
    case.write_inner_content(|writer| {
        let message = clean(&failure.one_line());
        let text = clean(&failure.to_string());
        let element = writer.create_element("failure").with_attribute(("message", message.as_str()));
        element.write_text_content(BytesText::new(&text))?;
        let output = [result.printed.as_slice(), result.logs.as_slice()].concat().join("\n");
        if !output.is_empty() {
            writer.create_element("system-out").write_text_content(BytesText::new(&clean(&output)))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn seconds(took: std::time::Duration) -> String {
    format!("{:.6}", took.as_secs_f64())
}

/// XML 1.0 has no way to write most control characters.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}
