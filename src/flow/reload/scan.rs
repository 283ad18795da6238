//! What lies in the directory of actions: names, and the hash of each content, told apart without reading twice.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;

use crate::flow::load::open;

/// Bytes of a file that are hashed; the loader refuses far smaller files than that.
const MAX_HASHED: u64 = 1024 * 1024;

/// The directory at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// There is no such directory.
    Gone,
    /// It cannot be read; the message of the system.
    Unreadable(String),
    /// By name relative to the directory: `10-roles.rhai`, `lib/claims.rhai`.
    Files(BTreeMap<String, FileState>),
}

/// One file.
#[derive(Clone, Debug)]
pub(super) struct FileState {
    /// What can be known without reading.
    stamp: Stamp,
    /// Bytes.
    pub(super) length: u64,
    /// SHA-256, or why there is none.
    content: Result<[u8; 32], String>,
}

/// Files are the same when their contents are, whatever their times.
impl PartialEq for FileState {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length && self.content == other.content
    }
}

impl Eq for FileState {}

/// Length, time of modification, device and inode: if it stays, the content has stayed, as a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp(u64, Option<std::time::SystemTime>, (u64, u64));

impl Scan {
    /// Reads the directory. Of files whose stamp is that of `earlier` the hash is taken over, unless there is no earlier scan.
    pub(super) fn take(directory: &Path, earlier: Option<&Self>) -> Self {
        let known = match earlier {
            Some(Self::Files(files)) => Some(files),
            _ => None,
        };
        let mut files = BTreeMap::new();
        if let Err(error) = add_files(directory, "", known, &mut files) {
            return match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Gone,
                _ => Self::Unreadable(error.to_string()),
            };
        }
        // A missing `lib` is no error; one that cannot be read is the loader's to report.
        let _ = add_files(&directory.join("lib"), "lib/", known, &mut files);
        Self::Files(files)
    }

    /// The files; none if the directory is gone.
    pub(super) fn files(&self) -> impl Iterator<Item = (&String, &FileState)> {
        match self {
            Self::Files(files) => Some(files),
            _ => None,
        }
        .into_iter()
        .flatten()
    }

    /// The state of a file.
    pub(super) fn file(&self, name: &str) -> Option<&FileState> {
        match self {
            Self::Files(files) => files.get(name),
            _ => None,
        }
    }

    /// The first file that has content in `active` and none now.
    pub(super) fn emptied_since(&self, active: &Self) -> Option<&str> {
        self.files()
            .filter(|(_, file)| file.length == 0)
            .find(|(name, _)| active.file(name).is_some_and(|file| file.length > 0))
            .map(|(name, _)| name.as_str())
    }

    /// Whether a file of `active` is missing.
    pub(super) fn lacks_some_of(&self, active: &Self) -> bool {
        active.files().any(|(name, _)| self.file(name).is_none())
    }
}

fn add_files(
    directory: &Path,
    prefix: &str,
    known: Option<&BTreeMap<String, FileState>>,
    files: &mut BTreeMap<String, FileState>,
) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let file_name = entry.file_name();
        let file_name = file_name.to_string_lossy();
        // Editors' own files: `.#a.rhai`, `.a.rhai.swp`, `a.rhai~`, `4913`.
        if file_name.starts_with('.') || !file_name.ends_with(".rhai") {
            continue;
        }
        // Follows links: those of a Kubernetes volume point into `..data`.
        let path = entry.path();
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        if !metadata.is_file() {
            continue;
        }
        let name = format!("{prefix}{file_name}");
        let stamp = Stamp(metadata.len(), metadata.modified().ok(), identity(&metadata));
        let state = match known.and_then(|known| known.get(&name)).filter(|state| state.stamp == stamp) {
            Some(state) => state.clone(),
            None => read(&path, stamp),
        };
        files.insert(name, state);
    }
    Ok(())
}

fn read(path: &Path, stamp: Stamp) -> FileState {
    let mut bytes = Vec::new();
    let content = open(path)
        .and_then(|file| file.take(MAX_HASHED).read_to_end(&mut bytes))
        .map(|_| sha256(&bytes))
        .map_err(|error| error.to_string());
    // The length of what was read, not of what the directory said before: a writer may be at work.
    FileState { length: if content.is_ok() { bytes.len() as u64 } else { stamp.0 }, stamp, content }
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// Device and inode.
#[cfg(unix)]
pub(super) fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

/// There is none.
#[cfg(not(unix))]
pub(super) fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// What makes a directory no safe place for code: everybody may write to it, or to a file in it.
#[cfg(unix)]
#[must_use]
pub fn writable_by_all(directory: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let is_open = |path: &Path| std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o002 != 0);
    let inside = |directory: &Path| std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let rhai = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rhai");
    let lib = directory.join("lib");
    let mut places = vec![directory.to_owned(), lib.clone()];
    places.extend(inside(directory).chain(inside(&lib)).filter(rhai));
    places.into_iter().find(|place| is_open(place))
}

/// Not known here.
#[cfg(not(unix))]
#[must_use]
pub fn writable_by_all(_: &Path) -> Option<PathBuf> {
    None
}
