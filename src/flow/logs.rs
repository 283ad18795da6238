//! What an action prints: `print`, `debug`, and `console.log` for hands that are used to JavaScript.

use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Dynamic, Module, Scope};

use super::value;

/// The name by which scripts know [`Console`].
pub(super) const CONSOLE: &str = "console";
/// Methods of the console; all but `log` and `info` say their name.
pub(super) const METHODS: [&str; 4] = ["log", "info", "warn", "error"];

/// The lines of one run, cut off when they are too much. Copies share the lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Logs(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    lines: Vec<String>,
    size: usize,
    limit: usize,
}

/// The variable `console` of a run.
#[derive(Clone, Debug)]
pub(super) struct Console(pub(super) Logs);

impl Logs {
    /// Keeps `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Lines { limit, ..Lines::default() })))
    }

    /// Adds a line, without the control characters that a terminal or a log would obey.
    pub(super) fn push(&self, line: &str) {
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if own.size >= own.limit {
            return;
        }
        let room = own.limit - own.size;
        let mut line: String = line.chars().take(room).map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
        own.size += line.len() + 1;
        if own.size >= own.limit {
            line.push('…');
        }
        own.lines.push(line);
    }

    /// Takes the lines when the run is over.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).lines)
    }
}

/// Lets code use `console` where strict variables are checked.
pub(super) fn declare(scope: &mut Scope<'_>) {
    scope.push(CONSOLE, ());
}

/// Registers the methods of the console, with up to five values as JavaScript's authors pass them.
pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<Console>(CONSOLE);
    for name in METHODS {
        module.set_native_fn(name, move |console: &mut Console| write(console, name, &[]));
        module.set_native_fn(name, move |console: &mut Console, a: Dynamic| write(console, name, &[a]));
        module.set_native_fn(name, move |console: &mut Console, a: Dynamic, b: Dynamic| write(console, name, &[a, b]));
        module.set_native_fn(name, move |console: &mut Console, a: Dynamic, b: Dynamic, c: Dynamic| {
            write(console, name, &[a, b, c])
        });
        module.set_native_fn(name, move |console: &mut Console, a: Dynamic, b: Dynamic, c: Dynamic, d: Dynamic| {
            write(console, name, &[a, b, c, d])
        });
        module.set_native_fn(
            name,
            move |console: &mut Console, a: Dynamic, b: Dynamic, c: Dynamic, d: Dynamic, e: Dynamic| {
                write(console, name, &[a, b, c, d, e])
            },
        );
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the engine's signature of native functions")]
fn write(console: &Console, method: &str, values: &[Dynamic]) -> super::context::Scripted<()> {
    let words: Vec<String> = values.iter().map(shown).collect();
    let line = words.join(" ");
    match method {
        "log" | "info" => console.0.push(&line),
        _ => console.0.push(&format!("{method}: {line}")),
    }
    Ok(())
}

/// Text as it is, everything else as JSON.
fn shown(value: &Dynamic) -> String {
    match value.as_immutable_string_ref() {
        Ok(text) => text.to_string(),
        Err(_) => value::to_json(value).map_or_else(|unfit| format!("({unfit})"), |json| json.to_string()),
    }
}
