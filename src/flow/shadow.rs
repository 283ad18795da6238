//! A second set beside the live one (`[actions] shadow`): logins are decided again by it when their answer is decided already,
//! and nothing of what it decides is applied.
//!
//! It has one thread of its own and a short queue. What finds no place there is left out, so that a slow or hanging shadow
//! costs no login anything.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use super::reload::Reloader;
use super::{FlowSet, Settings};

/// Logins that may wait.
const QUEUE: usize = 256;
/// Differing logins that the log tells of.
const LINES_A_MINUTE: usize = 10;

/// What shall be done with the shadow's set.
type Job = Box<dyn FnOnce(&Arc<FlowSet>) + Send>;

/// A set that decides beside the live one.
#[derive(Debug)]
pub struct Shadow {
    set: Arc<ArcSwap<FlowSet>>,
    reloader: Arc<Reloader>,
    queue: mpsc::Sender<Job>,
    sparing: Arc<Sparing>,
}

/// Keeps a log readable: only so many lines a minute.
#[derive(Debug, Default)]
pub struct Sparing(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    lines: usize,
    left_out: usize,
}

impl Sparing {
    /// Whether there may be another line at this time (Unix milliseconds), and how many were left out before it.
    #[must_use]
    pub fn another(&self, now: i64) -> Option<usize> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.div_euclid(60_000);
        if minute.number != number {
            (minute.number, minute.lines) = (number, 0);
        }
        if minute.lines >= LINES_A_MINUTE {
            minute.left_out += 1;
            return None;
        }
        minute.lines += 1;
        Some(std::mem::take(&mut minute.left_out))
    }
}

/// What became of a login that was offered to the shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// It will be decided again.
    Taken,
    /// Too many wait already.
    Full,
    /// The shadow has no actions (yet): its directory is broken, or empty.
    NoActions,
}

impl Shadow {
    /// A shadow without actions, which the first load brings: see [`Shadow::reloader`]. Its thread ends with it.
    #[must_use]
    pub fn start(settings: impl Fn() -> Settings + Send + Sync + 'static, production: bool) -> Self {
        let nothing = FlowSet::from_sources(&Settings::default(), &[]).expect("no action has no problem");
        let set = Arc::new(ArcSwap::from_pointee(nothing));
        let reloader = Arc::new(Reloader::of(Arc::clone(&set), settings, production));
        let (queue, mut jobs) = mpsc::channel::<Job>(QUEUE);
        let current = Arc::clone(&set);
        tokio::spawn(async move {
            while let Some(job) = jobs.recv().await {
                let set = current.load_full();
                if let Err(error) = tokio::task::spawn_blocking(move || job(&set)).await {
                    tracing::error!(%error, "a run of the shadow was lost");
                }
            }
        });
        Self { set, reloader, queue, sparing: Arc::default() }
    }

    /// Loads its directory again, like the live one.
    #[must_use]
    pub fn reloader(&self) -> &Arc<Reloader> {
        &self.reloader
    }

    /// The set that the next login is decided by.
    #[must_use]
    pub fn current(&self) -> Arc<FlowSet> {
        self.set.load_full()
    }

    /// How often the log may tell of a difference.
    #[must_use]
    pub fn sparing(&self) -> Arc<Sparing> {
        Arc::clone(&self.sparing)
    }

    /// Hands a login over; never waits.
    pub fn offer(&self, job: impl FnOnce(&Arc<FlowSet>) + Send + 'static) -> Offered {
        if self.set.load().actions.is_empty() {
            return Offered::NoActions;
        }
        if self.queue.try_send(Box::new(job)).is_ok() { Offered::Taken } else { Offered::Full }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    async fn shadow(source: &str) -> (Shadow, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("10-a.rhai"), source).unwrap();
        let settings = Settings { directory: directory.path().to_owned(), display: "next".into(), ..Settings::default() };
        let shadow = Shadow::start(move || settings.clone(), false);
        shadow.reloader().reload_now().await;
        (shadow, directory)
    }

    #[tokio::test]
    async fn a_broken_set_takes_no_login_until_it_is_mended() {
        let (shadow, directory) = shadow("fn onExecutePostLogin(event, api) {").await;
        assert_eq!(shadow.offer(|_| ()), Offered::NoActions);
        assert!(shadow.reloader().state().last_error.unwrap().contains("next/10-a.rhai"));
        std::fs::write(directory.path().join("10-a.rhai"), "fn onExecutePostLogin(event, api) {}").unwrap();
        shadow.reloader().reload_now().await;
        let (done, seen) = channel();
        assert_eq!(shadow.offer(move |set| done.send(set.actions().len()).unwrap()), Offered::Taken);
        tokio::task::spawn_blocking(move || assert_eq!(seen.recv(), Ok(1))).await.unwrap();
    }

    #[tokio::test]
    async fn a_job_that_hangs_fills_the_queue_and_holds_nobody_up() {
        let (shadow, _directory) = shadow("fn onExecutePostLogin(event, api) {}").await;
        let (release, hang) = channel::<()>();
        assert_eq!(shadow.offer(move |_| hang.recv().unwrap_or_default()), Offered::Taken);
        let offered = (0..2 * QUEUE).map(|_| shadow.offer(|_| ())).collect::<Vec<_>>();
        assert!(offered.iter().filter(|own| **own == Offered::Full).count() >= QUEUE - 1);
        drop(release);
        let (done, seen) = channel();
        while shadow.offer({
            let done = done.clone();
            move |_| done.send(()).unwrap()
        }) != Offered::Taken
        {
            tokio::task::yield_now().await;
        }
        tokio::task::spawn_blocking(move || assert_eq!(seen.recv(), Ok(()))).await.unwrap();
    }

    #[test]
    fn a_flood_of_differences_is_told_in_a_few_lines() {
        let sparing = Sparing::default();
        let told = (0..100).filter(|_| sparing.another(5).is_some()).count();
        assert_eq!(told, LINES_A_MINUTE);
        assert_eq!((sparing.another(60_000), sparing.another(60_001)), (Some(90), Some(0)));
    }

    #[tokio::test]
    async fn a_job_that_panics_does_not_end_the_shadow() {
        let (shadow, _directory) = shadow("fn onExecutePostLogin(event, api) {}").await;
        shadow.offer(|_| panic!("bug"));
        let (done, seen) = channel();
        shadow.offer(move |_| done.send(()).unwrap());
        tokio::task::spawn_blocking(move || assert_eq!(seen.recv(), Ok(()))).await.unwrap();
    }
}
