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
        None => Some(from_file(&beside(config))?),
    };
    Ok(Arc::new(Seal::new(&config.tenant, key, previous)))
}

/// `vestibule.key` for `vestibule.db`; with PostgreSQL, for `vestibule.toml`.
fn beside(config: &Config) -> PathBuf {
    sqlite_file(&config.database).unwrap_or(&config.path).with_extension("key")
}

fn from_file(path: &Path) -> anyhow::Result<SealingKey> {
    let context = || format!("the sealing key `{}`", path.display());
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        read => read.map_err(anyhow::Error::from),
    };
    SealingKey::parse(&text.with_context(context)?).with_context(context)
}

/// A new key, for its owner only.
fn make(path: &Path) -> anyhow::Result<String> {
    let key = SealingKey::generate()?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    tracing::info!(file = %path.display(), "made a sealing key: back it up apart from the database");
    Ok(key)
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
