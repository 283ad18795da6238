//! What `dev` and `serve` share: listening, background tasks, signals, and an end within bounds.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::failure::explained;
use super::live::Live;
use super::sealing;
use crate::config::{Config, Invalid, sqlite_file};
use crate::store;

/// Binds the configured address.
pub(super) async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    TcpListener::bind(&config.listen).await.map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => "stop the other process, or choose another address with --listen ADDRESS:PORT",
            std::io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; choose a higher one",
            _ => "choose an address of this machine with --listen ADDRESS:PORT",
        };
        explained(format!("cannot listen on {}: {error}", config.listen), hint)
    })
}

/// One server for one SQLite file: two would each keep keys and limits of their own. Held until the file is dropped, by a crash
/// too. Other commands take no lock and work beside a server.
pub(super) fn lock(config: &Config) -> anyhow::Result<Option<File>> {
    let Some(database) = sqlite_file(&config.database) else { return Ok(None) };
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    // What is wrong with the directory is said about the database itself.
    let Ok(file) = OpenOptions::new().create(true).append(true).mode(0o600).open(&path) else { return Ok(None) };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let hint = "stop the other process; several replicas need PostgreSQL (`database.url = \"postgres://…\"`)";
            Err(explained(format!("another server already uses {}", database.display()), hint))
        }
        // A file system without locks cannot tell.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
    }
}

/// Says what to do about a database that cannot be used.
pub(super) fn explain_database(error: anyhow::Error, config: &Config) -> anyhow::Error {
    let Some(cause) = error.downcast_ref::<store::Error>() else { return sealing::explain(error, config) };
    let hint = match sqlite_file(&config.database) {
        Some(file) if cause.is_corrupt() => format!(
            "nothing was changed; restore {0} from a backup, or save what can be read with \
             `sqlite3 {0} .recover | sqlite3 recovered.db`",
            file.display()
        ),
        Some(file) => {
            format!("check that {} and its directory may be written, or choose another with --database", file.display())
        }
        None => "check `database.url`, and that the database runs and accepts this user".to_owned(),
    };
    explained(cause.to_string(), hint)
}

/// What else happens while the server runs.
pub(super) struct Reloading<A> {
    /// Reload actions when their files change.
    pub(super) watch_actions: bool,
    /// Reload the configuration when its file changes.
    pub(super) watch_configuration: bool,
    /// Which configurations may be applied.
    pub(super) accept: A,
}

/// Serves until SIGTERM or SIGINT, then gives running requests their time.
pub(super) async fn run<A>(live: Arc<Live>, listener: TcpListener, reloading: Reloading<A>) -> anyhow::Result<()>
where
    A: Fn(&Config) -> Result<(), Invalid> + Send + Sync + 'static,
{
    let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let hangup = signal(SignalKind::hangup())?;
    let accept = Arc::new(reloading.accept);

    live.reload_shadow().await;
    let (app, stop) = (live.app.clone(), shutdown.clone());
    let server = tokio::spawn(crate::http::server::serve(listener, app, stop));
    let (task, stop) = (live.clone(), shutdown.clone());
    tasks.spawn(async move { task.maintain(stop).await });
    tasks.spawn(reload_on_hangup(live.clone(), hangup, accept.clone(), shutdown.clone()));
    if reloading.watch_actions {
        tasks.spawn(super::watch::actions(live.clone(), shutdown.clone()));
        tasks.spawn(super::watch::shadow(live.clone(), shutdown.clone()));
    }
    if reloading.watch_configuration {
        tasks.spawn(super::watch::configuration(live.clone(), accept, shutdown.clone()));
    }
    tasks.close();

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("shutting down");
    shutdown.cancel();
    // The server bounds its drain itself; a second signal ends what still runs.
    tokio::select! {
        _ = server => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let _ = tokio::time::timeout(Duration::from_secs(2), tasks.wait()).await;
    if tokio::time::timeout(Duration::from_secs(2), live.app.traces.flush()).await.is_err() {
        tracing::warn!("the last traces were not stored");
    }
    live.app.database.close().await;
    Ok(())
}

/// SIGHUP: configuration, actions and keys are read again.
async fn reload_on_hangup<A>(live: Arc<Live>, mut hangup: Signal, accept: Arc<A>, shutdown: CancellationToken)
where
    A: Fn(&Config) -> Result<(), Invalid> + Send + Sync + 'static,
{
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            signal = hangup.recv() => if signal.is_none() { return },
        }
        live.reload_configuration(accept.as_ref()).await;
    }
}
