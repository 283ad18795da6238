//! Which paths of `event` an action read: `why` tells them. A reading costs a look at a short list.

use std::sync::Arc;

use rhai::{Dynamic, EvalAltResult, NativeCallContext};

use crate::domain::trace::EventRead;
use crate::flow::codes::Code;
use crate::flow::context::{Scripted, mistake_of};

/// More paths of one action are not noted.
const MAX_READS: usize = 64;
/// Characters of a key of metadata that are shown.
const MAX_KEY: usize = 128;

/// The paths that one action read.
#[derive(Debug)]
pub(crate) struct Reads {
    /// The action's.
    file: Arc<str>,
    all: Vec<Read>,
}

#[derive(Debug)]
struct Read {
    path: Path,
    /// Whether the value itself was read; or was it a step to something below?
    whole: bool,
    /// `None`: the action's own.
    file: Option<Arc<str>>,
    line: usize,
}

/// A place in `event`. The two names are constants of the table of members: comparing their addresses is enough, and a name
/// that is there twice is made one at the end.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    base: &'static str,
    member: &'static str,
    key: Option<String>,
}

impl Path {
    /// `event.user`, without a member.
    pub(super) fn of(base: &'static str) -> Self {
        Self { base, member: "", key: None }
    }

    /// `event.user.email`.
    pub(super) fn member(base: &'static str, member: &'static str) -> Self {
        Self { base, member, key: None }
    }

    /// What was read there, or below it, if a script may hold it. Rhai would notice as well, but say neither what nor where.
    pub(super) fn held(&self, context: &NativeCallContext, key: Option<&str>, value: Dynamic) -> Scripted<Dynamic> {
        let engine = context.engine();
        let Err(error) = engine.ensure_data_size_within_limits(&value) else { return Ok(value) };
        let path = Self { key: key.map(shown), ..*self }.text();
        let (most, what, limit) = match &*error {
            EvalAltResult::ErrorDataTooLarge(kind, _) if kind.contains("array") => {
                (engine.max_array_size(), "elements", "max_array_size")
            }
            EvalAltResult::ErrorDataTooLarge(kind, _) if kind.contains("map") => {
                (engine.max_map_size(), "members", "max_map_size")
            }
            _ => (engine.max_string_size(), "bytes of text", "max_string_size"),
        };
        let message =
            format!("`{path}` has more than {most} {what}\nhint: the limit is `{limit}`, for all of a value together");
        Err(mistake_of(Code::DataTooLarge, context, message))
    }

    fn is(&self, other: &Self, key: Option<&str>) -> bool {
        std::ptr::eq(self.base, other.base) && std::ptr::eq(self.member, other.member) && self.key.as_deref() == key
    }

    fn text(&self) -> String {
        let mut text = String::with_capacity(64);
        text.push_str(self.base);
        if !self.member.is_empty() {
            text.push('.');
            text.push_str(self.member);
        }
        match self.key.as_deref() {
            None => {}
            Some(key) if rhai::is_valid_identifier(key) => {
                text.push('.');
                text.push_str(key);
            }
            Some(key) => text.push_str(&format!("[{key:?}]")),
        }
        text
    }
}

/// As much of a key as a person would read.
fn shown(key: &str) -> String {
    key.chars().take(MAX_KEY).collect()
}

impl Reads {
    /// None yet, by the action in `file`.
    pub(crate) fn of(file: Arc<str>) -> Self {
        Self { file, all: Vec::new() }
    }

    /// Notes a reading of the path, or of a key below it. `whole`: the value, not only a step to something below.
    pub(super) fn note(&mut self, path: &Path, key: Option<&str>, whole: bool, context: Option<&NativeCallContext>) {
        if let Some(read) = self.all.iter_mut().find(|read| read.path.is(path, key)) {
            read.whole |= whole;
            return;
        }
        if self.all.len() >= MAX_READS {
            return;
        }
        let key = key.map(shown);
        let file = context.and_then(NativeCallContext::call_source).filter(|file| !file.is_empty() && **file != *self.file);
        let line = context.and_then(|context| context.call_position().line()).unwrap_or(0);
        self.all.push(Read { path: Path { key, ..*path }, whole, file: file.map(Arc::from), line });
    }

    /// Takes the paths when the run of the action is over; steps to other paths are none of their own.
    pub(crate) fn take(&mut self) -> Vec<EventRead> {
        let own = &self.file;
        let read = |read: &Read| EventRead {
            path: read.path.text(),
            file: Arc::clone(read.file.as_ref().unwrap_or(own)),
            line: read.line,
        };
        let mut taken: Vec<EventRead> = self.all.iter().map(read).collect();
        let below = |path: &str, other: &str| other.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']));
        let tells = |index: usize| {
            let path = &taken[index].path;
            let is_step = !self.all[index].whole && taken.iter().any(|other| below(path, &other.path));
            !is_step && taken[..index].iter().all(|other| other.path != *path)
        };
        let told: Vec<bool> = (0..taken.len()).map(tells).collect();
        let mut told = told.into_iter();
        taken.retain(|_| told.next().unwrap_or_default());
        self.all.clear();
        taken
    }
}
