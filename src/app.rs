//! The only place that wires: one tenant's parts, built from the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use arc_swap::ArcSwap;

use crate::clock::{Clock, Random};
use crate::config::{Config, DeclaredUser, Secret, Server};
use crate::domain::client::Algorithm;
pub use crate::domain::lifetimes::Lifetimes;
use crate::domain::user::User;
use crate::flow::reload::Reloader;
use crate::flow::{self, Cache, Flow, FlowSet, Host, Http, Shadow};
use crate::keys::{Keys, Seal};
use crate::metrics::Metrics;
use crate::passwords::Passwords;
use crate::store::{Database, Declared, Store, StoredKey};
use crate::traces::Traces;

/// Everything that belongs to one issuer. Shared behind an `Arc`; holds no lock across an await.
#[derive(Debug)]
pub struct App {
    /// The issuer, byte for byte as configured; ends with a slash unless configured without.
    pub issuer: String,
    /// Its host.
    pub hostname: Option<String>,
    /// The tenant's name: `event.tenant.id` and the tenant column of every table.
    pub tenant: String,
    /// `true` under `vestibule dev`: demo buttons on the login page, no throttling of loopback addresses.
    pub dev: bool,
    /// The pool, for health.
    pub database: Database,
    /// The tenant's view of the database.
    pub store: Store,
    /// Signing keys; replaced at rotation.
    pub keys: ArcSwap<Keys>,
    /// Opens the stored signing keys.
    pub seal: Arc<Seal>,
    /// The running actions.
    pub flow: Arc<Flow>,
    /// The settings that the next load of the actions uses.
    pub action_settings: Arc<ArcSwap<flow::Settings>>,
    /// Decides beside the running actions, if there is `actions.shadow`.
    pub shadow: Option<Shadow>,
    /// Loads the actions again, and knows how the last load went.
    pub reloader: Arc<Reloader>,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// Secrets of clients whose ID tokens are signed with HS256 (their database row has only a hash), as declared last.
    pub hs256_secrets: ArcSwap<BTreeMap<String, String>>,
    /// Lifetimes.
    pub lifetimes: Lifetimes,
    /// `[server]`: bounds of connections and requests.
    pub server: Server,
    /// Set when the process begins to end: `/readyz` says so, and every answer closes its connection.
    pub draining: AtomicBool,
    /// The counters behind `/metrics`.
    pub metrics: Metrics,
    /// Hashes passwords on their own few threads.
    pub passwords: Passwords,
    /// What was decided about each login.
    pub traces: Arc<Traces>,
}

/// What a tenant gets from outside its configuration.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// See [`App::dev`].
    pub dev: bool,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// Seals signing keys in the database; the default leaves them readable, for databases in memory.
    pub seal: Arc<Seal>,
}

impl Surroundings {
    /// The machine's clock and randomness.
    #[must_use]
    pub fn system(dev: bool) -> Self {
        Self { dev, clock: Clock::System, random: Random::system(), seal: Arc::default() }
    }
}

impl App {
    /// Connects the database, brings its schema up to date, applies the declared entities, makes missing signing keys and
    /// loads the actions.
    ///
    /// # Errors
    /// An unusable database, or actions with problems ([`crate::flow::LoadError`]): a broken set never becomes current.
    pub async fn build(config: &Config, surroundings: Surroundings) -> anyhow::Result<Arc<Self>> {
        let Surroundings { dev, clock, random, seal } = surroundings;
        let set = load_actions(config).await?;
        let database = Database::connect(&config.database).await?;
        database.check_integrity().await?;
        let host =
            Host { clock: clock.clone(), random: random.clone(), cache: Arc::new(Cache::default()), http: Http::Network };
        let flow = Arc::new(Flow::new(set, &config.actions.limits, host));
        let action_settings = Arc::new(ArcSwap::from_pointee(config.actions.clone()));
        let current = Arc::clone(&action_settings);
        let reloader = Reloader::new(Arc::clone(&flow), move || flow::Settings::clone(&current.load()), !dev);
        let shadow = config.actions.shadow.is_some().then(|| {
            let current = Arc::clone(&action_settings);
            Shadow::start(move || current.load().of_shadow().unwrap_or_default(), !dev)
        });
        let passwords = Passwords::new(random.clone());
        let (store, metrics) = (database.tenant(&config.tenant), Metrics::default());
        let app = Self {
            issuer: config.issuer.clone(),
            hostname: config.hostname(),
            tenant: config.tenant.clone(),
            dev,
            traces: Arc::new(Traces::new(config.traces.clone(), dev, &store, metrics.lost_traces())),
            store,
            database,
            keys: ArcSwap::from_pointee(Keys::new(&[])?),
            seal,
            flow,
            action_settings,
            shadow,
            reloader: Arc::new(reloader),
            clock,
            random: random.clone(),
            hs256_secrets: ArcSwap::default(),
            lifetimes: config.lifetimes,
            server: config.server.clone(),
            draining: AtomicBool::new(false),
            metrics,
            passwords,
        };
        app.seal_bare_keys().await?;
        // Key generation and password hashing are the slow parts of a first start; they need each other not.
        tokio::try_join!(app.load_keys(config), app.declare(config))?;
        app.passwords.release();
        Ok(Arc::new(app))
    }

    /// Applies what the configuration declares: entities that changed are updated, those no longer there are removed.
    ///
    /// # Errors
    /// The database's; then nothing has changed.
    pub async fn declare(&self, config: &Config) -> anyhow::Result<()> {
        let now = self.clock.now_ms();
        let hashes = self.password_hashes(&config.users).await?;
        let mut tx = self.store.begin().await?;
        tx.remove_undeclared(&declared(config), now).await?;
        for declared in &config.clients {
            tx.put_client(&declared.client).await?;
        }
        for api in &config.resource_servers {
            tx.put_resource_server(api).await?;
        }
        for grant in &config.client_grants {
            tx.put_client_grant(grant).await?;
        }
        for role in &config.roles {
            tx.put_role(&role.name, &role.description).await?;
        }
        for (declared, hash) in config.users.iter().zip(&hashes) {
            let user = User { created_at: now, updated_at: now, ..declared.user.clone() };
            tx.put_user(&user, hash.as_deref()).await?;
        }
        tx.commit().await?;
        self.hs256_secrets.store(Arc::new(hs256_secrets(config)));
        Ok(())
    }

    /// Reads the signing keys and makes those that are missing: RS256 always, others when something is signed with them.
    ///
    /// # Errors
    /// The database's; a stored key that cannot be read.
    pub async fn load_keys(&self, config: &Config) -> anyhow::Result<()> {
        let mut keys = self.stored_keys().await?;
        for algorithm in algorithms(config) {
            if !keys.can_sign(algorithm) {
                let key = self.seal.close(self.generate_key(algorithm).await?)?;
                let mut tx = self.store.begin().await?;
                // `false`: another replica was faster, and its key is the one to use.
                tx.insert_first_signing_key(&key).await?;
                tx.commit().await?;
                keys = self.stored_keys().await?;
            }
        }
        self.keys.store(Arc::new(keys));
        Ok(())
    }

    /// The keys as they sign now, opened. Under `dev` a rotation is seen at once, like everything else.
    async fn stored_keys(&self) -> anyhow::Result<Keys> {
        let stored = self.store.signing_keys().await?;
        let opened = stored.into_iter().map(|key| self.seal.open(key)).collect::<Result<Vec<_>, _>>()?;
        Ok(Keys::at(&opened, if self.dev { i64::MAX } else { self.clock.now_ms() })?)
    }

    /// Keys of a time without a sealing key are sealed once there is one.
    async fn seal_bare_keys(&self) -> anyhow::Result<()> {
        let stored = self.store.signing_keys().await?;
        let bare: Vec<_> = stored.into_iter().filter(|key| self.seal.is_bare(key)).collect();
        if bare.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        for key in bare {
            tx.reseal_signing_key(&self.seal.close(key)?).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn generate_key(&self, algorithm: Algorithm) -> anyhow::Result<StoredKey> {
        let (clock, random) = (self.clock.clone(), self.random.clone());
        let generated = tokio::task::spawn_blocking(move || Keys::generate(algorithm, &clock, &random)).await;
        Ok(generated.context("the key generation was interrupted")??)
    }

    /// A new hash for each user whose declared password is another than last time.
    async fn password_hashes(&self, users: &[DeclaredUser]) -> anyhow::Result<Vec<Option<String>>> {
        let mut hashes = Vec::with_capacity(users.len());
        for declared in users {
            hashes.push(match &declared.password {
                Some(password) => self.password_hash(&declared.user.user_id, password).await?,
                None => None,
            });
        }
        Ok(hashes)
    }

    async fn password_hash(&self, user_id: &str, password: &Secret) -> anyhow::Result<Option<String>> {
        let last = self.store.declared_password_hash(user_id).await?;
        if last.is_some() && self.passwords.verify(password.reveal(), last.as_deref()).await? {
            return Ok(None);
        }
        Ok(Some(self.passwords.hash(password.reveal()).await?))
    }
}

/// Compiles the actions off the async threads.
async fn load_actions(config: &Config) -> anyhow::Result<FlowSet> {
    let settings = config.actions.clone();
    Ok(tokio::task::spawn_blocking(move || FlowSet::load(&settings)).await.context("the actions were not loaded")??)
}

/// Every algorithm that has a key pair and that a client or an API asks for.
fn algorithms(config: &Config) -> BTreeSet<Algorithm> {
    let clients = config.clients.iter().map(|declared| declared.client.id_token.alg);
    let apis = config.resource_servers.iter().map(|api| api.signing_alg);
    clients.chain(apis).chain([Algorithm::RS256]).filter(|algorithm| *algorithm != Algorithm::HS256).collect()
}

fn hs256_secrets(config: &Config) -> BTreeMap<String, String> {
    let symmetric = config.clients.iter().filter(|declared| declared.client.id_token.alg == Algorithm::HS256);
    let secret = |declared: &crate::config::DeclaredClient| {
        let secret = declared.secret.as_ref()?;
        Some((declared.client.client_id.clone(), secret.reveal().to_owned()))
    };
    symmetric.filter_map(secret).collect()
}

fn declared(config: &Config) -> Declared {
    Declared {
        clients: config.clients.iter().map(|declared| declared.client.client_id.clone()).collect(),
        resource_servers: config.resource_servers.iter().map(|api| api.identifier.clone()).collect(),
        client_grants: config.client_grants.iter().map(|grant| (grant.client_id.clone(), grant.audience.clone())).collect(),
        roles: config.roles.iter().map(|role| role.name.clone()).collect(),
        users: config.users.iter().map(|declared| declared.user.user_id.clone()).collect(),
    }
}
