//! A running server and what may change under it: actions, their settings, declared entities, signing keys.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use super::{print, start_page};
use crate::app::App;
use crate::config::{Config, Invalid, Source};
use crate::flow::reload::Reload;

/// How people hear of a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    /// `dev`: on the terminal, as a compiler would.
    Terminal,
    /// `serve`: in the log.
    Log,
}

impl Voice {
    /// Something changed as asked.
    pub(super) fn good(self, text: &str) {
        match self {
            Self::Terminal => print::line(text),
            Self::Log => tracing::info!("{text}"),
        }
    }

    /// Something works and should be known.
    fn warn(self, text: &str) {
        match self {
            Self::Terminal => print::error(&format!("{text}\n")),
            Self::Log => tracing::warn!("{text}"),
        }
    }

    /// Something was refused; what was there before stays.
    pub(super) fn bad(self, text: &str) {
        match self {
            Self::Terminal => print::error(&format!("\n{text}\n")),
            Self::Log => tracing::error!("{text}"),
        }
    }
}

/// The running server.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) app: Arc<App>,
    source: Source,
    config: ArcSwap<Config>,
    pub(super) voice: Voice,
}

impl Live {
    pub(super) fn new(app: Arc<App>, source: Source, config: Config, voice: Voice) -> Self {
        app.metrics.reloaded(app.flow.current().hash());
        warn_of_bypasses(voice, &config);
        Self { app, source, config: ArcSwap::from_pointee(config), voice }
    }

    /// The configuration in force.
    pub(super) fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// Reads the file again and applies it. A broken file, or one that `accept` refuses, changes nothing.
    pub(super) async fn reload_configuration(&self, accept: impl Fn(&Config) -> Result<(), Invalid>) {
        let old = self.config();
        let name = old.path.display().to_string();
        let loaded = self.source.load().and_then(|config| accept(&config).map(|()| config));
        let config = match loaded {
            Ok(config) => config,
            Err(invalid) => {
                return self.voice.bad(&format!("{invalid}\n\n{name} is not used; the last good configuration is"));
            }
        };
        if let Err(error) = self.apply(&config).await {
            return self.voice.bad(&format!("error: {name} could not be applied: {error:#}"));
        }
        self.voice.good(&format!("{name} applied"));
        warn_of_bypasses(self.voice, &config);
        for setting in needs_restart(&old, &config) {
            self.voice.bad(&format!("{name}: `{setting}` changed, which takes effect at the next start"));
        }
        self.app.action_settings.store(Arc::new(config.actions.clone()));
        self.config.store(Arc::new(config));
        self.reload_actions().await;
        self.reload_shadow().await;
    }

    async fn apply(&self, config: &Config) -> anyhow::Result<()> {
        self.app.load_keys(config).await?;
        self.app.declare(config).await
    }

    /// Loads the actions again; a broken set changes nothing.
    pub(super) async fn reload_actions(&self) {
        self.report(&self.app.reloader.reload_now().await);
    }

    /// Loads the shadow's actions, if there is one. A broken shadow is loud and keeps nobody from logging in.
    pub(super) async fn reload_shadow(&self) {
        if let Some(shadow) = &self.app.shadow {
            self.report_shadow(&shadow.reloader().reload_now().await);
        }
    }

    /// Tells how a load of the shadow's actions went.
    pub(super) fn report_shadow(&self, reload: &Reload) {
        match reload {
            Reload::Unchanged { .. } => {}
            Reload::Switched { hash, actions, .. } => {
                self.voice.good(&format!("shadow: set {hash} decides beside the actions: {}", actions.join(" → ")));
            }
            Reload::Kept { reason, .. } => {
                let goes_on =
                    self.app.shadow.as_ref().map(|shadow| shadow.current()).filter(|set| !set.actions().is_empty());
                let what = goes_on.map_or("nothing is compared".to_owned(), |set| format!("set {} goes on", set.hash()));
                self.voice.bad(&format!("{reason}\nshadow not loaded: {what}; logins are not affected"));
            }
        }
    }

    /// Tells how a load of the actions went.
    pub(super) fn report(&self, reload: &Reload) {
        match reload {
            Reload::Switched { hash, .. } => self.app.metrics.reloaded(hash),
            Reload::Kept { .. } => self.app.metrics.reload_failed(),
            Reload::Unchanged { .. } => {}
        }
        match (reload, self.voice) {
            (Reload::Unchanged { .. }, Voice::Terminal) => {}
            (Reload::Kept { .. }, voice) => voice.bad(&reload.to_string()),
            (_, voice) => voice.good(&reload.to_string()),
        }
        if let Reload::Switched { .. } = reload {
            self.show_findings();
        }
    }

    /// Tells what the analysis of the actions in force has found.
    pub(super) fn show_findings(&self) {
        let set = self.app.flow.current();
        if set.findings().is_empty() {
            return;
        }
        match self.voice {
            Voice::Terminal => {
                let listed: Vec<_> = set.findings().iter().map(ToString::to_string).collect();
                self.voice.bad(&listed.join("\n\n"));
            }
            Voice::Log => {
                for finding in set.findings() {
                    tracing::warn!(code = %finding.code, "{}", finding.one_line());
                }
            }
        }
    }

    /// Every minute: what expired is deleted, and keys that `vestibule keys rotate` made elsewhere are picked up.
    pub(super) async fn maintain(&self, shutdown: CancellationToken) {
        let mut minute = tokio::time::interval(Duration::from_mins(1));
        minute.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = minute.tick() => {}
            }
            if let Err(error) = self.app.database.delete_expired(self.app.clock.now_ms()).await {
                tracing::warn!(%error, "expired rows were not deleted");
            }
            if let Err(error) = self.app.load_keys(&self.config()).await {
                tracing::warn!(%error, "signing keys were not read again");
            }
        }
    }
}

fn warn_of_bypasses(voice: Voice, config: &Config) {
    if let Some(warning) = start_page::bypass_warning(config) {
        voice.warn(&warning);
    }
}

/// What cannot change under a running server.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let pool = |config: &Config| (config.actions.limits.max_concurrent_runs, config.actions.limits.max_waiting_runs);
    let changes = [
        ("issuer", old.issuer != new.issuer),
        ("listen", old.listen != new.listen),
        ("tenant", old.tenant != new.tenant),
        ("database.url", old.database != new.database),
        ("lifetimes", old.lifetimes != new.lifetimes),
        ("server", old.server != new.server),
        ("traces", old.traces != new.traces),
        ("actions.shadow", old.actions.shadow.is_some() != new.actions.shadow.is_some()),
        ("actions.max_concurrent_runs or max_waiting_runs", pool(old) != pool(new)),
    ];
    changes.into_iter().filter_map(|(setting, changed)| changed.then_some(setting)).collect()
}
