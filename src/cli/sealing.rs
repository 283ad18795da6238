//! The key that seals the signing keys: from `[secrets]`, or from a file beside the database that nobody has to think of.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use super::failure::explained;
use super::server;
use crate::config::{Config, Secret, sqlite_file};
use crate::keys::{Seal, SealError, SealingKey};
use crate::store::Database;

/// The seal of the configured tenant. Without `[secrets] key`, the key is in a file beside the database, made when missing
/// (`serve` has refused that for PostgreSQL before).
pub(super) async fn seal(config: &Config) -> anyhow::Result<Arc<Seal>> {
    let parse = |secret: &Secret| SealingKey::parse(secret.reveal());
    let previous = config.secrets.previous_key.as_ref().map(parse).transpose()?;
    let key = match (&config.secrets.key, file(config)) {
        (Some(secret), _) => Some(parse(secret)?),
        (None, Some(path)) => Some(from_file(&path, config).await?),
        (None, None) => None,
    };
    Ok(Arc::new(Seal::new(&config.tenant, key, previous)))
}

/// `vestibule.key` for `vestibule.db`; with PostgreSQL, for `vestibule.toml`.
fn beside(config: &Config) -> PathBuf {
    sqlite_file(&config.database).unwrap_or(&config.path).with_extension("key")
}

/// The file of the key; none where `[secrets]` has it, and for a database in memory.
pub(super) fn file(config: &Config) -> Option<PathBuf> {
    (config.secrets.key.is_none() && !config.database.contains(":memory:")).then(|| beside(config))
}

async fn from_file(path: &Path, config: &Config) -> anyhow::Result<SealingKey> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            refuse_if_sealed(path, config).await?;
            make(path)
        }
        read => {
            warn_if_empty(path, config);
            read.map_err(anyhow::Error::from)
        }
    };
    let text = text.map_err(|error| {
        let place = sqlite_file(&config.database).unwrap_or(&config.path).display();
        let hint = format!("check that {place} and its directory may be written, or choose another with --database");
        explained(format!("the sealing key {} cannot be read or made: {error}", path.display()), hint)
    })?;
    SealingKey::parse(&text).with_context(|| format!("the sealing key {}", path.display()))
}

/// Whether nothing has been stored: there is no such file, or there is nothing in it, as SQLite itself leaves it.
fn is_empty(database: &Path) -> bool {
    std::fs::metadata(database).map_or(true, |metadata| metadata.len() == 0)
}

/// A key that exists has sealed something, as a rule. No refusal: a first start that was ended between the two files must be
/// able to go on.
fn warn_if_empty(key: &Path, config: &Config) {
    if let Some(database) = sqlite_file(&config.database).filter(|database| is_empty(database)) {
        tracing::warn!(
            database = %database.display(),
            key = %key.display(),
            "the database is empty although its sealing key exists: it begins anew; if it was in use, stop and restore a backup"
        );
    }
}

/// A new key opens nothing of what the lost one has sealed.
async fn refuse_if_sealed(path: &Path, config: &Config) -> anyhow::Result<()> {
    if sqlite_file(&config.database).is_some_and(is_empty) {
        return Ok(());
    }
    let stored = async {
        let database = Database::connect(&config.database).await?;
        let stored = database.tenant(&config.tenant).signing_keys().await;
        database.close().await;
        stored
    };
    let stored = stored.await.map_err(|error| server::explain_database(error.into(), config))?;
    let nothing = Seal::default();
    if !stored.into_iter().any(|key| nothing.open(key).is_err()) {
        return Ok(());
    }
    let message = format!("the sealing key {} is missing, and the database has signing keys that it sealed", path.display());
    Err(explained(message, "put the key back from its backup, or set `[secrets] key`; nothing was changed"))
}

/// A new key, for its owner only. The file appears whole or not at all, and a key that another process has just made wins:
/// half a key, or another one than what has sealed already, would lock the database for ever.
fn make(path: &Path) -> anyhow::Result<String> {
    let draft = path.with_extension(format!("key.{}", std::process::id()));
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    writeln!(file, "{}", SealingKey::generate()?)?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Ok(()) => tracing::info!(file = %path.display(), "made a sealing key: back it up apart from the database"),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    Ok(std::fs::read_to_string(path)?)
}

/// Says what to do about keys that cannot be opened.
pub(super) fn explain(error: anyhow::Error, config: &Config) -> anyhow::Error {
    let Some(cause) = error.downcast_ref::<SealError>() else { return error };
    let place = match config.secrets.key {
        Some(_) => "`[secrets] key`".to_owned(),
        None => beside(config).display().to_string(),
    };
    let hint = match cause {
        SealError::NoKey(_) => format!("put the key that sealed it into {place}"),
        SealError::OtherKey(_) => format!(
            "{place} must be the key that sealed it; to change keys, keep the old one as `[secrets] previous_key` \
             and run `vestibule keys reseal`"
        ),
        SealError::Changed(_) => "restore the table `signing_keys` from a backup".to_owned(),
        SealError::Malformed | SealError::Weak | SealError::Refused(_) => {
            "make a key with `openssl rand -base64 32`".to_owned()
        }
    };
    explained(cause.to_string(), hint)
}
