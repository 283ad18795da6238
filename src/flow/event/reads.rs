//! Which paths of `event` an action read: `why` tells them. A reading costs a look at a short list.

use rhai::NativeCallContext;

use crate::domain::trace::EventRead;

/// More paths of one action are not noted.
const MAX_READS: usize = 64;
/// Characters of a key of metadata that are shown.
const MAX_KEY: usize = 128;

/// The paths that one action read.
#[derive(Debug, Default)]
pub(crate) struct Reads(Vec<Read>);

#[derive(Debug)]
struct Read {
    path: Path,
    /// Whether the value itself was read; or was it a step to something below?
    whole: bool,
    file: String,
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

    fn is(&self, other: &Self, key: Option<&str>) -> bool {
        std::ptr::eq(self.base, other.base) && std::ptr::eq(self.member, other.member) && self.key.as_deref() == key
    }

    fn text(&self) -> String {
        let mut text = self.base.to_owned();
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

impl Reads {
    /// Notes a reading of the path, or of a key below it. `whole`: the value, not only a step to something below.
    pub(super) fn note(&mut self, path: &Path, key: Option<&str>, whole: bool, context: Option<&NativeCallContext>) {
        if let Some(read) = self.0.iter_mut().find(|read| read.path.is(path, key)) {
            read.whole |= whole;
            return;
        }
        if self.0.len() >= MAX_READS {
            return;
        }
        let key = key.map(|key| key.chars().take(MAX_KEY).collect());
        let file = context.and_then(NativeCallContext::call_source).unwrap_or_default().to_owned();
        let line = context.and_then(|context| context.call_position().line()).unwrap_or(0);
        self.0.push(Read { path: Path { key, ..*path }, whole, file, line });
    }

    /// Takes the paths when the run of the action in `file` is over; steps to other paths are none of their own.
    pub(crate) fn take(&mut self, file: &str) -> Vec<EventRead> {
        let place = |own: String| if own.is_empty() { file.to_owned() } else { own };
        let all: Vec<(EventRead, bool)> = std::mem::take(&mut self.0)
            .into_iter()
            .map(|read| (EventRead { path: read.path.text(), file: place(read.file), line: read.line }, read.whole))
            .collect();
        let is_step = |path: &str| {
            let below = |other: &str| other.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']));
            all.iter().any(|(other, _)| below(&other.path))
        };
        let mut taken: Vec<EventRead> = Vec::with_capacity(all.len());
        for (read, whole) in &all {
            if (*whole || !is_step(&read.path)) && taken.iter().all(|other| other.path != read.path) {
                taken.push(read.clone());
            }
        }
        taken
    }
}
