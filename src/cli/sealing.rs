//! The key that seals the signing keys: from `[secrets]`, or from a file beside the database that nobody has to think of.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use super::failure::explained;
use crate::config::{Config, Secret, sqlite_file};
use crate::keys::{Seal, SealError, SealingKey};

/// The seal of the configured tenant. Without `[secrets] key`, the key is in a file beside the database, made when missing
/// (`serve` has refused that for PostgreSQL before).
pub(super) fn seal(config: &Config) -> anyhow::Result<Arc<Seal>> {
    let parse = |secret: &Secret| SealingKey::parse(secret.reveal());
    let previous = config.secrets.previous_key.as_ref().map(parse).transpose()?;
    let key = match &config.secrets.key {
        Some(secret) => Some(parse(secret)?),
        None if config.database.contains(":memory:") => None,
        None => Some(from_file(&beside(config), config)?),
    };
    Ok(Arc::new(Seal::new(&config.tenant, key, previous)))
}

/// `vestibule.key` for `vestibule.db`; with PostgreSQL, for `vestibule.toml`.
fn beside(config: &Config) -> PathBuf {
    sqlite_file(&config.database).unwrap_or(&config.path).with_extension("key")
}

fn from_file(path: &Path, config: &Config) -> anyhow::Result<SealingKey> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        read => read.map_err(anyhow::Error::from),
    };
    let text = text.map_err(|error| {
        let place = sqlite_file(&config.database).unwrap_or(&config.path).display();
        let hint = format!("check that {place} and its directory may be written, or choose another with --database");
        explained(format!("the sealing key {} cannot be read or made: {error}", path.display()), hint)
    })?;
    SealingKey::parse(&text).with_context(|| format!("the sealing key {}", path.display()))
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
