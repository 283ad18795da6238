//! The log: readable under `dev`, JSON under `serve`, always on stderr. `RUST_LOG` selects.

use std::fmt::Debug;
use std::io::IsTerminal as _;

use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

use crate::domain::text::without_controls;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    /// For a person.
    Human,
    /// For a collector.
    Json,
}

/// Installs the subscriber; later calls of the same process change nothing.
pub(super) fn init(format: Format, default_filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let _ = match format {
        Format::Human => builder.with_target(false).fmt_fields(debug_fn(field).delimited(" ")).compact().try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// A field as text. Messages have lines of their own making; no value has, wherever it comes from, and nothing steers the
/// terminal.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> std::fmt::Result {
    let text = without_controls(&format!("{value:?}"));
    match field.name() {
        "message" => writer.write_str(&text),
        name => write!(writer, "{name}={}", text.replace('\n', "\\n")),
    }
}
