//! Reloading on save: the actions through the flow's watcher, the configuration file by looking at it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use super::live::Live;
use crate::config::{Config, Invalid};

/// How often the file is looked at; one `stat` each.
const INTERVAL: Duration = Duration::from_millis(200);

/// Keeps the actions current until shutdown.
pub(super) async fn actions(live: Arc<Live>, shutdown: CancellationToken) {
    let reloader = Arc::clone(&live.app.reloader);
    reloader.watch(move |reload| live.report(reload), shutdown).await;
}

/// Keeps the shadow's actions current until shutdown.
pub(super) async fn shadow(live: Arc<Live>, shutdown: CancellationToken) {
    let Some(reloader) = live.app.shadow.as_ref().map(|shadow| Arc::clone(shadow.reloader())) else { return };
    reloader.watch(move |reload| live.report_shadow(reload), shutdown).await;
}

/// Applies the configuration file whenever its content changes, until shutdown. Looking beats events here: one file, and a
/// rename over it, a symlink swap and a network file system all look the same.
pub(super) async fn configuration<A>(live: Arc<Live>, accept: Arc<A>, shutdown: CancellationToken)
where
    A: Fn(&Config) -> Result<(), Invalid> + Send + Sync + 'static,
{
    let path = live.config().path.clone();
    let (mut seen, mut applied) = (stamp(&path), content(&path));
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let now = stamp(&path);
        // Changed since the last look means a save may still be under way: wait until it has been quiet for one interval.
        if now != seen {
            seen = now;
            applied = settled(&live, &accept, &path, applied, &mut seen).await;
        }
    }
}

/// Waits until the file rests, then applies it if its text is another.
async fn settled<A>(
    live: &Live,
    accept: &Arc<A>,
    path: &Path,
    applied: Option<String>,
    seen: &mut Option<(SystemTime, u64)>,
) -> Option<String>
where
    A: Fn(&Config) -> Result<(), Invalid> + Send + Sync + 'static,
{
    loop {
        tokio::time::sleep(INTERVAL / 2).await;
        let now = stamp(path);
        if now == *seen {
            break;
        }
        *seen = now;
    }
    let text = content(path);
    // An empty file is a save in progress, a missing one a rename in progress; both come back as another stamp.
    if text.as_deref().is_none_or(|text| text.trim().is_empty()) || text == applied {
        return applied;
    }
    live.reload_configuration(accept.as_ref()).await;
    text
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn content(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}
