//! `vestibule keys`: shows the signing keys, or makes a new one sign while the old ones stay published.

use std::collections::BTreeSet;
use std::process::ExitCode;

use super::{Settings, logging, print, sealing};
use crate::clock::{Clock, Random, iso8601};
use crate::config::Config;
use crate::domain::client::Algorithm;
use crate::keys::{self, Keys, PUBLISHED_BEFORE_USE_MS, Seal};
use crate::store::{Database, Store, StoredKey};

/// What to do with the keys.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show every key: id, kind, age and whether it signs
    List,
    /// Make new signing keys; tokens signed with the old ones stay valid
    Rotate {
        /// Only keys of this kind; of `rsa` those of every algorithm that has one
        #[arg(long, value_enum)]
        kind: Option<Kind>,
        /// Sign with the new keys at once, because an old one leaked; clients that keep the key set may refuse tokens for minutes
        #[arg(long)]
        now: bool,
    },
    /// Seal the stored keys with `[secrets] key`; `[secrets] previous_key` opens them
    Reseal,
}

/// The kind of a key pair (`kty`), with the algorithms that have keys of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// RS256, RS512, PS256
    Rsa,
    /// ES256
    Ec,
    /// EdDSA
    Okp,
}

impl Kind {
    /// The first one is made if there is no key of this kind yet.
    fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Rsa => &[Algorithm::RS256, Algorithm::RS512, Algorithm::PS256],
            Self::Ec => &[Algorithm::ES256],
            Self::Okp => &[Algorithm::EdDSA],
        }
    }
}

/// Works on the database alone: the actions may be broken and a server may be running.
pub(super) async fn run(settings: &Settings, command: &Command) -> anyhow::Result<ExitCode> {
    logging::init(logging::Format::Human, "warn");
    let config: Config = settings.load()?;
    let database = Database::connect(&config.database).await?;
    let store = database.tenant(&config.tenant);
    match command {
        Command::List => list(&store).await?,
        Command::Rotate { kind, now } => rotate(&store, &*sealing::seal(&config).await?, *kind, *now).await?,
        Command::Reseal => {
            let resealed = reseal(&store, &*sealing::seal(&config).await?).await;
            resealed.map_err(|error| sealing::explain(error, &config))?;
        }
    }
    database.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn list(store: &Store) -> anyhow::Result<()> {
    let keys = store.signing_keys().await?;
    if keys.is_empty() {
        print::line("no signing keys yet; they are made at the first start");
        return Ok(());
    }
    print::line(&print::columns(&keys.iter().map(|key| row(key, &keys)).collect::<Vec<_>>()));
    Ok(())
}

fn row(key: &StoredKey, keys: &[StoredKey]) -> Vec<String> {
    let state = state(key, keys, Clock::System.now_ms());
    vec![key.kid.clone(), key.kind.clone(), format!("made {}", iso8601(key.created_at)), state]
}

/// Of the keys of a kind that are not retired the one that retires first signs; the others wait for it, one after the other.
fn state(key: &StoredKey, keys: &[StoredKey], now: i64) -> String {
    let end = key.retired_at.unwrap_or(i64::MAX);
    if end <= now {
        return format!("retired {}, still published", iso8601(end));
    }
    let ends = keys.iter().filter(|other| other.kind == key.kind).filter_map(|other| other.retired_at);
    let until = key.retired_at.map(|end| format!(" until {}", iso8601(end))).unwrap_or_default();
    match ends.filter(|before| (now + 1..end).contains(before)).max() {
        Some(begin) => format!("published, signs next, from {}{until}", iso8601(begin)),
        None => format!("signs{until}"),
    }
}

/// The algorithms whose keys are replaced: all that have a key, or those of `kind`. A key for RS512 is another than one for
/// RS256, and a leak takes all of them.
fn rotated(stored: &[StoredKey], kind: Option<Kind>) -> BTreeSet<Algorithm> {
    let used: BTreeSet<Algorithm> = stored.iter().filter_map(|key| keys::algorithm(&key.kind)).collect();
    let wanted = kind.map_or(used.clone(), |kind| kind.algorithms().iter().copied().collect());
    if used.is_disjoint(&wanted) {
        return BTreeSet::from([kind.map_or(Algorithm::RS256, |kind| kind.algorithms()[0])]);
    }
    used.intersection(&wanted).copied().collect()
}

/// One new key for each algorithm that has one.
async fn rotate(store: &Store, seal: &Seal, kind: Option<Kind>, at_once: bool) -> anyhow::Result<()> {
    let stored = store.signing_keys().await?;
    let (clock, random) = (Clock::System, Random::system());
    let takes_over = clock.now_ms() + if at_once { 0 } else { PUBLISHED_BEFORE_USE_MS };
    let mut tx = store.begin().await?;
    let mut made = Vec::new();
    for algorithm in rotated(&stored, kind) {
        let key = seal.close(Keys::generate(algorithm, &clock, &random)?)?;
        // The first key of a kind must be known as such, or a server that starts now would make another.
        if !tx.insert_first_signing_key(&key).await? {
            tx.insert_signing_key(&key).await?;
        }
        tx.retire_signing_keys(&key.kind, &key.kid, takes_over).await?;
        made.push(format!("{} {} signs from {} on", key.kind, key.kid, iso8601(takes_over)));
    }
    tx.commit().await?;
    made.push(
        "running servers publish it within a minute, or at once after SIGHUP, and under `dev` sign with it then; the old keys stay \
         published"
            .to_owned(),
    );
    print::line(&made.join("\n"));
    Ok(())
}

/// All or nothing: afterwards the previous sealing key is needed no more.
async fn reseal(store: &Store, seal: &Seal) -> anyhow::Result<()> {
    let stored = store.signing_keys().await?;
    let mut tx = store.begin().await?;
    let mut resealed = 0;
    for key in stored {
        let stale = seal.is_stale(&key);
        let plain = seal.open(key)?;
        if stale {
            tx.reseal_signing_key(&seal.close(plain)?).await?;
            resealed += 1;
        }
    }
    tx.commit().await?;
    print::line(&format!("{resealed} signing keys sealed again; `previous_key` is needed no more"));
    Ok(())
}
