//! `[secrets]`: the key that seals what must be stored but not read: the private signing keys.

use super::problem::{At, Place};
use super::reader::Section;
use super::secret::{self, Secret};
use crate::keys::SealingKey;

/// `[secrets]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    /// `key`: 32 random bytes in base64 or hexadecimal; `{ env = "NAME" }` or `{ file = "path" }`.
    pub key: Option<Secret>,
    /// `previous_key`: still opens what it sealed, until `vestibule keys reseal` has run.
    pub previous_key: Option<Secret>,
}

/// `[secrets]`. Beside an SQLite file the key may lie in a file that is made when missing; a PostgreSQL database has no
/// "beside", and its replicas must share the key.
pub(super) fn read(root: &Section<'_>, database: &str) -> Secrets {
    let section = root.section("secrets");
    let secrets = section
        .as_ref()
        .map(|section| Secrets { key: sealing_key(section, "key"), previous_key: sealing_key(section, "previous_key") });
    let has_key = section.as_ref().is_some_and(|section| section.has("key"));
    section.iter().for_each(Section::finish);
    if !has_key && database.starts_with("postgres") {
        let at = At { path: "secrets.key".to_owned(), place: Place::Whole };
        let remedy = "make a key with `(umask 077; openssl rand -base64 32 > vestibule.key)` and add \
                      `[secrets]` with `key = { file = \"vestibule.key\" }`, or `key = { env = \"NAME\" }`";
        root.context.insecure(&at, "without a key, the signing keys lie readable in the database", remedy);
    }
    secrets.unwrap_or_default()
}

fn sealing_key(section: &Section<'_>, key: &'static str) -> Option<Secret> {
    let secret = secret::resolve(section.context, &section.node(key)?, "the sealing key")?;
    if section.context.stand_in_secrets {
        return None;
    }
    if let Err(error) = SealingKey::parse(secret.reveal()) {
        section.problem(key, error.to_string(), "make one with `openssl rand -base64 32`".to_owned());
    }
    Some(secret)
}
