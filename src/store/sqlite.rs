//! Connections to SQLite: where the file is, how each is set up, and those that read.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Error, Result};

/// How long a write waits for its turn, and SQLite for another process.
pub(super) const WAIT: Duration = Duration::from_secs(5);
/// More statements than the store has.
const STATEMENTS: usize = 256;

/// Settings of every connection. `FULL`: a commit that was answered survives a power loss. The log grows to 16 MB before it is
/// copied into the file: pages that change all the time are copied less often.
const SETTINGS: &str = "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;";
/// Readers see the last commit and cannot write by mistake.
const READER: &str = "PRAGMA query_only = ON;";
/// Readers of a shared in-memory database would otherwise wait for the open write transaction; tests only.
const MEMORY_READER: &str = "PRAGMA read_uncommitted = ON; PRAGMA query_only = ON;";

/// Where a database is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Memory(u64),
    File(String),
}

impl Place {
    pub(super) fn parse(url: &str) -> Result<Self> {
        /// Tells in-memory databases of one process apart.
        static SEQUENCE: AtomicU64 = AtomicU64::new(0);
        let rest = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or_default();
        let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        match (path, parameters) {
            (":memory:", "") => Ok(Self::Memory(SEQUENCE.fetch_add(1, Ordering::Relaxed))),
            ("", _) => Err(Error::Url(url.to_owned())),
            (path, "" | "mode=rwc" | "mode=rw") => Ok(Self::File(path.to_owned())),
            _ => Err(Error::Url(url.to_owned())),
        }
    }

    /// The URL as sqlx wants it. Every byte that could mean something in a URL is escaped, so that a path is what it says.
    pub(super) fn url(&self) -> String {
        match self {
            // Only a `file:` name is shared between connections.
            Self::Memory(number) => format!("sqlite:file%3Avestibule-{number}?mode=memory&cache=shared"),
            Self::File(path) => {
                let escaped: String = path.bytes().map(escape).collect();
                format!("sqlite:{escaped}?mode=rwc")
            }
        }
    }

    /// Creates the file with mode 0600: it holds password hashes and signing keys. SQLite gives its companions the same mode.
    pub(super) fn create_file(&self) -> Result<()> {
        let Self::File(path) = self else { return Ok(()) };
        let mut options = std::fs::OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(Path::new(path)).map_err(|source| Error::File { path: path.clone(), source })?;
        Ok(())
    }

    /// A connection that writes. It does not wait for other processes by itself: who has a thread to spare for that says so.
    pub(super) fn open_writer(&self) -> Result<Connection> {
        self.open("", Duration::ZERO)
    }

    fn open_reader(&self) -> Result<Connection> {
        match self {
            Self::Memory(_) => self.open(MEMORY_READER, WAIT),
            Self::File(_) => self.open(READER, WAIT),
        }
    }

    fn open(&self, settings: &str, wait: Duration) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match self {
            Self::Memory(number) => {
                let name = format!("file:vestibule-{number}?mode=memory&cache=shared");
                Connection::open_with_flags(name, flags | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_URI)?
            }
            Self::File(path) => Connection::open_with_flags(plain(path), flags)?,
        };
        connection.busy_timeout(wait)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.execute_batch(SETTINGS)?;
        connection.execute_batch(settings)?;
        Ok(connection)
    }
}

/// A path that SQLite does not take for a URL.
fn plain(path: &str) -> PathBuf {
    if path.starts_with("file:") { Path::new(".").join(path) } else { PathBuf::from(path) }
}

fn escape(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// Connections that read: as many as threads ever read at the same time, for nobody keeps one across an await.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    place: Place,
    /// `None` once closed.
    idle: Arc<Mutex<Option<Vec<Connection>>>>,
}

impl Readers {
    /// With a first connection, so that an unusable file is found out at once.
    pub(super) fn new(place: Place) -> Result<Self> {
        let first = place.open_reader()?;
        Ok(Self { place, idle: Arc::new(Mutex::new(Some(vec![first]))) })
    }

    /// Lends a connection.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.lock().as_mut().ok_or(Error::Closed)?.pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.place.open_reader()?,
        };
        let answer = read(&connection);
        if let Some(idle) = self.lock().as_mut() {
            idle.push(connection);
        }
        answer
    }

    /// Closes what is idle now, and the rest when it comes back.
    pub(super) fn close(&self) {
        self.lock().take();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
