//! Reads the directory of actions.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::codes::Code;
use super::source::{self, FileKind};
use super::{Diagnostic, FlowSet, LoadError, Settings};

impl FlowSet {
    /// Reads, compiles and checks every file. All problems are reported, not just the first. A directory without actions is a
    /// valid set without actions.
    ///
    /// # Errors
    /// The problems, rendered by `Display` as a compiler would: `file:line:col`, source line, caret, hint.
    pub fn load(settings: &Settings) -> Result<Self, LoadError> {
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        read(settings, &settings.directory, "", &mut files, &mut problems);
        let library = settings.directory.join("lib");
        if library.is_dir() {
            read(settings, &library, "lib/", &mut files, &mut problems);
        }
        let sources: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        match Self::from_sources(settings, &sources) {
            Ok(set) if problems.is_empty() => Ok(set),
            Ok(_) => Err(LoadError { problems }),
            Err(error) => {
                problems.extend(error.problems);
                Err(LoadError { problems })
            }
        }
    }
}

/// Reads the files of one directory. Links are followed, which is how Kubernetes mounts configuration: the names are links to
/// `..data/name`, and `..data` is a link that is swapped.
fn read(
    settings: &Settings,
    directory: &Path,
    prefix: &str,
    files: &mut Vec<(String, String)>,
    problems: &mut Vec<Diagnostic>,
) {
    let shown = format!("{}/{prefix}", settings.display.trim_end_matches('/'));
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            let problem = Diagnostic::of_file(
                Code::Unreadable,
                shown.trim_end_matches('/'),
                format!("the directory cannot be read: {error}"),
            );
            problems.push(problem.with_hint("`[actions] directory` says where the actions are"));
            return;
        }
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if source::kind(&name) == FileKind::Other || entry.path().is_dir() {
            continue;
        }
        match read_file(&entry.path(), &format!("{shown}{name}"), settings.limits.max_file_size) {
            // What is parked is not compiled, so its content does not matter.
            _ if source::kind(&name) == FileKind::Parked => files.push((format!("{prefix}{name}"), String::new())),
            Ok(text) => files.push((format!("{prefix}{name}"), text)),
            Err(problem) => problems.push(problem),
        }
    }
}

pub(super) fn read_file(path: &Path, shown: &str, max_size: usize) -> Result<String, Diagnostic> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells too large from just fitting, without reading an endless file.
    let limit = u64::try_from(max_size).unwrap_or(u64::MAX).saturating_add(1);
    let read = open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    match read {
        Ok(_) => source::text(shown, bytes, max_size),
        Err(error) => Err(Diagnostic::of_file(Code::Unreadable, shown, format!("the file cannot be read: {error}"))),
    }
}

/// Opens what is a file, and nothing else: to open a named pipe is to wait for whoever writes to it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = File::from(rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
}
