//! Real directories, real events, and a set that is nothing but the texts of its files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::judge::Candidate;
use super::{Reload, Reloader};
use crate::clock::{Clock, Random};
use crate::flow::{ActionSettings, Event, Flow, FlowSet, Host, Http, Settings, Trigger};

/// What is in use: `name=text` of all files.
type Active = Arc<Mutex<Vec<String>>>;

/// A directory with one file.
fn one_action(directory: &Path) {
    fs::create_dir(directory).unwrap();
    fs::write(directory.join("10-a.rhai"), "one").unwrap();
}

struct Rig {
    root: tempfile::TempDir,
    directory: PathBuf,
    active: Active,
    /// Every set that was ever in use.
    history: Arc<Mutex<Vec<String>>>,
    settings: Arc<Mutex<Settings>>,
    loads: Arc<AtomicUsize>,
    reports: Arc<Mutex<Vec<Reload>>>,
    reloader: Arc<Reloader>,
    shutdown: CancellationToken,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// As the real loader: all files, or an error; `broken` stands for a syntax error.
fn load(directory: &Path) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for place in [directory.to_owned(), directory.join("lib")] {
        for entry in fs::read_dir(&place).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".rhai") || name.starts_with('.') {
                continue;
            }
            let text = fs::read_to_string(entry.path()).map_err(|error| error.to_string())?;
            if text.contains("broken") {
                return Err(format!("error: {name} is broken"));
            }
            files.push(format!("{name}={text}"));
        }
    }
    files.sort();
    Ok(files)
}

fn candidate(settings: &Settings, active: &Active, history: &Arc<Mutex<Vec<String>>>) -> Result<Candidate, String> {
    let files = load(&settings.directory)?;
    let (active, history) = (Arc::clone(active), Arc::clone(history));
    let hash = format!("{}/{}", files.join(","), settings.limits.deadline_ms);
    Ok(Candidate {
        hash: hash.clone(),
        actions: files.clone(),
        put: Box::new(move || {
            *active.lock().unwrap() = files;
            history.lock().unwrap().push(hash);
        }),
    })
}

impl Rig {
    /// A directory with `10-a.rhai` (`one`), watched.
    fn watched() -> Self {
        let rig = Self::new(
            |root| root.join("actions"),
            |directory| {
                fs::create_dir(directory).unwrap();
                fs::write(directory.join("10-a.rhai"), "one").unwrap();
            },
            false,
        );
        rig.watch();
        rig
    }

    fn new(place: impl Fn(&Path) -> PathBuf, fill: impl Fn(&Path), production: bool) -> Self {
        let root = tempfile::tempdir().unwrap();
        let directory = place(root.path());
        fill(&directory);
        let settings = Settings { directory: directory.clone(), display: "actions".into(), ..Settings::default() };
        let active: Active = Arc::new(Mutex::new(load(&directory).unwrap()));
        let deadline = settings.limits.deadline_ms;
        let (settings, history) = (Arc::new(Mutex::new(settings)), Arc::new(Mutex::new(Vec::new())));
        let loads = Arc::new(AtomicUsize::new(0));
        let load = {
            let (active, history, loads) = (Arc::clone(&active), Arc::clone(&history), Arc::clone(&loads));
            move |settings: &Settings| {
                loads.fetch_add(1, Ordering::SeqCst);
                candidate(settings, &active, &history)
            }
        };
        let current = {
            let (active, history) = (Arc::clone(&active), Arc::clone(&history));
            move || {
                let files = active.lock().unwrap();
                let first = || format!("{}/{deadline}", files.join(","));
                (history.lock().unwrap().last().cloned().unwrap_or_else(first), files.len())
            }
        };
        let of_settings = Arc::clone(&settings);
        let reloader = Arc::new(Reloader::with(load, current, move || of_settings.lock().unwrap().clone(), production));
        let (reports, shutdown) = (Arc::default(), CancellationToken::new());
        Self { root, directory, active, history, settings, loads, reports, reloader, shutdown }
    }

    fn watch(&self) {
        let reports = Arc::clone(&self.reports);
        let report = move |reload: &Reload| reports.lock().unwrap().push(reload.clone());
        tokio::spawn(Arc::clone(&self.reloader).watch(report, self.shutdown.clone()));
    }

    /// Waits until the watches are in place and the first look is over.
    async fn settle(&self) {
        let reloader = &self.reloader;
        eventually(|| reloader.state().events.is_some() && self.loads.load(Ordering::SeqCst) > 0).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn save(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn is_active(&self, files: &[&str]) -> bool {
        *self.active.lock().unwrap() == files
    }

    fn reports(&self) -> Vec<Reload> {
        self.reports.lock().unwrap().clone()
    }

    fn switches(&self) -> usize {
        self.reports().iter().filter(|report| matches!(report, Reload::Switched { .. })).count()
    }

    fn last_refusal(&self) -> Option<String> {
        match self.reports().pop() {
            Some(Reload::Kept { reason, .. }) => Some(reason),
            _ => None,
        }
    }
}

/// Waits for `condition`, and tells how many milliseconds it took. The bound is for what never happens, not for slow machines:
/// only `a_saved_file_is_used_within_300_ms` looks at the time.
async fn eventually(condition: impl Fn() -> bool) -> u128 {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(30), "never");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    begun.elapsed().as_millis()
}

async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_file_is_used_within_300_ms() {
    let rig = Rig::watched();
    rig.settle().await;
    assert_eq!(rig.reports(), [], "starting is no change");
    let mut quickest = u128::MAX;
    for text in ["two", "three", "four"] {
        rig.save("10-a.rhai", text);
        quickest = quickest.min(eventually(|| rig.is_active(&[&format!("10-a.rhai={text}")])).await);
        pause(60).await;
    }
    // The others may have met a busy machine.
    assert!(quickest < 300, "{quickest} ms");
    eventually(|| rig.switches() == 3).await;
    assert!(matches!(&rig.reports()[0], Reload::Switched { changed, .. } if changed == &["10-a.rhai"]));
    assert_eq!(rig.reloader.state().switched, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn r04_a_file_that_is_being_written_is_not_read() {
    let rig = Rig::watched();
    rig.settle().await;
    let mut file = fs::File::create(rig.path("10-a.rhai")).unwrap();
    pause(250).await;
    file.write_all(b"first half").unwrap();
    pause(700).await;
    file.write_all(b", second half").unwrap();
    drop(file);
    eventually(|| rig.is_active(&["10-a.rhai=first half, second half"])).await;
    eventually(|| !rig.reports().is_empty()).await;
    assert_eq!(rig.history.lock().unwrap().len(), 1, "no set in between");
    assert_eq!(rig.reports().len(), 1, "no error in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn r04_an_emptied_file_is_waited_for_and_then_an_error() {
    let rig = Rig::watched();
    rig.settle().await;
    let emptied = Instant::now();
    rig.save("10-a.rhai", "");
    pause(1_000).await;
    let reports = rig.reports();
    assert!(reports.is_empty() || emptied.elapsed() > Duration::from_millis(1_900), "a save in progress: {reports:?}");
    eventually(|| rig.last_refusal().is_some_and(|reason| reason.contains("`actions/10-a.rhai` is empty"))).await;
    assert!(rig.is_active(&["10-a.rhai=one"]) && rig.reloader.state().last_error.is_some());
    rig.save("10-a.rhai", "one");
    eventually(|| rig.reloader.state().last_error.is_none()).await;
    assert_eq!(rig.switches(), 0, "the set in use is the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn r05_an_editors_files_do_not_matter_and_a_rename_is_one_switch() {
    let rig = Rig::watched();
    rig.settle().await;
    for name in [".10-a.rhai.swp", "4913", "10-a.rhai~", ".#10-a.rhai", "#10-a.rhai#", "10-a.rhai.tmp"] {
        rig.save(name, "broken");
    }
    fs::remove_file(rig.path("4913")).unwrap();
    rig.save("10-a.rhai.tmp", "two");
    fs::rename(rig.path("10-a.rhai.tmp"), rig.path("10-a.rhai")).unwrap();
    eventually(|| rig.is_active(&["10-a.rhai=two"])).await;
    // vim without `backupcopy`: the old file goes away first.
    let moved = Instant::now();
    fs::rename(rig.path("10-a.rhai"), rig.path("10-a.rhai~")).unwrap();
    pause(20).await;
    rig.save("10-a.rhai", "three");
    let quick = moved.elapsed() < Duration::from_millis(100);
    eventually(|| rig.is_active(&["10-a.rhai=three"])).await;
    pause(300).await;
    assert!(!quick || (rig.switches(), rig.reports().len()) == (2, 2), "{:?}", rig.reports());
}

#[tokio::test(flavor = "multi_thread")]
async fn r02_saves_that_follow_each_other_are_one_switch() {
    let rig = loop {
        let rig = Rig::watched();
        fs::create_dir(rig.path("lib")).unwrap();
        rig.settle().await;
        let begun = Instant::now();
        for name in ["10-a.rhai", "20-b.rhai", "lib/claims.rhai"] {
            rig.save(name, "two");
            pause(10).await;
        }
        // On a busy machine the saves may be further apart than was meant: try again.
        if begun.elapsed() < super::QUIET {
            break rig;
        }
    };
    eventually(|| rig.is_active(&["10-a.rhai=two", "20-b.rhai=two", "claims.rhai=two"])).await;
    assert_eq!(rig.history.lock().unwrap().len(), 1);
    eventually(|| !rig.reports().is_empty()).await;
    let [Reload::Switched { added, changed, .. }] = &rig.reports()[..] else { panic!("{:?}", rig.reports()) };
    assert_eq!(
        (&added[..], &changed[..]),
        (&["20-b.rhai".to_owned(), "lib/claims.rhai".into()][..], &["10-a.rhai".to_owned()][..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r01_a_broken_save_keeps_the_last_good_set_and_is_reported_once() {
    let rig = Rig::watched();
    rig.settle().await;
    rig.save("10-a.rhai", "broken");
    eventually(|| rig.last_refusal().is_some()).await;
    pause(1_500).await;
    assert_eq!(rig.reports().len(), 1, "once, not with every look");
    assert!(rig.is_active(&["10-a.rhai=one"]));
    assert_eq!(rig.reloader.state().last_error.as_deref(), Some("error: 10-a.rhai is broken"));
    rig.save("10-a.rhai", "mended");
    eventually(|| rig.is_active(&["10-a.rhai=mended"])).await;
    eventually(|| rig.reloader.state().last_error.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r16_deleting_a_file_takes_its_action_out_but_the_last_one_stays() {
    let rig = Rig::watched();
    rig.save("20-b.rhai", "b");
    rig.settle().await;
    eventually(|| rig.is_active(&["10-a.rhai=one", "20-b.rhai=b"])).await;
    fs::remove_file(rig.path("10-a.rhai")).unwrap();
    eventually(|| rig.is_active(&["20-b.rhai=b"])).await;
    let told = || matches!(rig.reports().last(), Some(Reload::Switched { removed, .. }) if removed == &["10-a.rhai"]);
    eventually(told).await;
    fs::remove_file(rig.path("20-b.rhai")).unwrap();
    eventually(|| rig.last_refusal().is_some_and(|reason| reason.contains("no action is left"))).await;
    assert!(rig.is_active(&["20-b.rhai=b"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn r08_a_vanished_directory_keeps_the_set_and_a_new_one_is_loaded() {
    let rig = Rig::watched();
    rig.settle().await;
    fs::remove_dir_all(&rig.directory).unwrap();
    eventually(|| rig.last_refusal().is_some_and(|reason| reason.contains("is gone"))).await;
    assert!(rig.is_active(&["10-a.rhai=one"]));
    fs::create_dir(&rig.directory).unwrap();
    rig.save("10-a.rhai", "again");
    eventually(|| rig.is_active(&["10-a.rhai=again"])).await;
    // The new directory is watched, not only looked at.
    pause(1_200).await;
    rig.save("10-a.rhai", "watched");
    eventually(|| rig.is_active(&["10-a.rhai=watched"])).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn r07_a_link_above_the_directory_is_followed_when_it_is_swapped() {
    use std::os::unix::fs::symlink;
    let fill = |directory: &Path| {
        let root = directory.parent().unwrap().parent().unwrap();
        for (release, text) in [("one", "1"), ("two", "2")] {
            fs::create_dir_all(root.join(release).join("actions")).unwrap();
            fs::write(root.join(release).join("actions/10-a.rhai"), text).unwrap();
        }
        symlink("one", root.join("current")).unwrap();
    };
    let rig = Rig::new(|root| root.join("current/actions"), fill, false);
    rig.watch();
    rig.settle().await;
    // No watched directory has an event of this.
    symlink("two", rig.root.path().join("next")).unwrap();
    fs::rename(rig.root.path().join("next"), rig.root.path().join("current")).unwrap();
    eventually(|| rig.is_active(&["10-a.rhai=2"])).await;
    pause(1_200).await;
    rig.save("10-a.rhai", "3");
    eventually(|| rig.is_active(&["10-a.rhai=3"])).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn r06_a_kubernetes_volume_is_swapped_in_one_switch_each() {
    use std::os::unix::fs::symlink;
    let fill = |directory: &Path| {
        fs::create_dir_all(directory.join("..v0")).unwrap();
        fs::write(directory.join("..v0/10-a.rhai"), "0").unwrap();
        symlink("..v0", directory.join("..data")).unwrap();
        symlink("..data/10-a.rhai", directory.join("10-a.rhai")).unwrap();
    };
    let rig = Rig::new(|root| root.join("actions"), fill, false);
    rig.watch();
    rig.settle().await;
    for version in 1..=5 {
        let data = rig.path(&format!("..v{version}"));
        fs::create_dir(&data).unwrap();
        fs::write(data.join("10-a.rhai"), version.to_string()).unwrap();
        symlink(format!("..v{version}"), rig.path("..data_tmp")).unwrap();
        fs::rename(rig.path("..data_tmp"), rig.path("..data")).unwrap();
        eventually(|| rig.is_active(&[&format!("10-a.rhai={version}")])).await;
    }
    eventually(|| rig.switches() == 5).await;
    assert_eq!(rig.reports().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_a_storm_of_saves_costs_few_looks_and_a_change_in_it_is_used() {
    let rig = Rig::watched();
    rig.settle().await;
    let (loads, storm) = (rig.loads.load(Ordering::SeqCst), Instant::now());
    while storm.elapsed() < Duration::from_millis(800) {
        rig.save("10-a.rhai", "one");
        pause(5).await;
    }
    assert!(rig.loads.load(Ordering::SeqCst) - loads <= 4, "same content, no work");
    let storm = Instant::now();
    for n in 0..150 {
        rig.save("10-a.rhai.new", &format!("storm {n}"));
        fs::rename(rig.path("10-a.rhai.new"), rig.path("10-a.rhai")).unwrap();
        pause(10).await;
    }
    // Every 400 ms, and after each lull of a busy machine, which 150 saves in more than their time had.
    let (switches, elapsed) = (rig.switches(), storm.elapsed());
    assert!(switches >= 1 && (switches <= 8 || elapsed > Duration::from_secs(3)), "{switches} in {elapsed:?}");
    eventually(|| rig.is_active(&["10-a.rhai=storm 149"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r09_thirty_thousand_files_at_once_end_in_the_right_set() {
    let rig = Rig::watched();
    rig.settle().await;
    // Only the number of events matters; the names are no scripts until the last.
    for n in 0..30_000 {
        fs::write(rig.path(&format!("{n}.txt")), "").unwrap();
    }
    rig.save("10-a.rhai", "after");
    eventually(|| rig.is_active(&["10-a.rhai=after"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r10_r11_without_events_changes_are_found_by_looking() {
    let mut rig = Rig::new(|root| root.join("actions"), one_action, false);
    let reloader = Arc::into_inner(std::mem::replace(&mut rig.reloader, Arc::new(idle()))).unwrap();
    rig.reloader = Arc::new(reloader.without_events());
    rig.watch();
    rig.settle().await;
    assert_eq!(rig.reloader.state().events, Some(false));
    rig.save("10-a.rhai", "two");
    eventually(|| rig.is_active(&["10-a.rhai=two"])).await;
}

/// A reloader that has nothing to do.
fn idle() -> Reloader {
    Reloader::with(|_| Err("idle".into()), || (String::new(), 0), Settings::default, false)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_configuration_is_seen() {
    let rig = Rig::watched();
    rig.settle().await;
    rig.settings.lock().unwrap().limits.deadline_ms = 77;
    eventually(|| rig.history.lock().unwrap().last().is_some_and(|hash| hash.ends_with("/77"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reloading_by_hand_answers_with_the_set_or_the_error() {
    let rig = Rig::new(|root| root.join("actions"), one_action, false);
    assert!(matches!(rig.reloader.reload_now().await, Reload::Unchanged { .. }));
    rig.save("10-a.rhai", "two");
    let Reload::Switched { hash, previous, .. } = rig.reloader.reload_now().await else { panic!("not switched") };
    assert_eq!((hash.as_str(), previous.as_str()), ("10-a.rhai=two/2000", "10-a.rhai=one/2000"));
    rig.save("10-a.rhai", "broken");
    let Reload::Kept { hash, reason } = rig.reloader.reload_now().await else { panic!("not kept") };
    assert_eq!((hash.as_str(), reason.as_str()), ("10-a.rhai=two/2000", "error: 10-a.rhai is broken"));
    for n in 0..300 {
        rig.save("10-a.rhai", &n.to_string());
        assert!(matches!(rig.reloader.reload_now().await, Reload::Switched { .. }));
    }
    assert_eq!((rig.reloader.state().switched, rig.reloader.state().refused), (301, 1));
    assert_eq!(rig.reloader.state().events, None, "nobody watches");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn r17_production_refuses_code_that_everybody_may_write() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = Rig::new(|root| root.join("actions"), one_action, true);
    assert!(matches!(rig.reloader.reload_now().await, Reload::Unchanged { .. }));
    rig.save("10-a.rhai", "two");
    fs::set_permissions(&rig.directory, fs::Permissions::from_mode(0o777)).unwrap();
    let Reload::Kept { reason, .. } = rig.reloader.reload_now().await else { panic!("not kept") };
    assert!(reason.contains("is writable by every user") && rig.is_active(&["10-a.rhai=one"]), "{reason}");
    fs::set_permissions(&rig.directory, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(rig.reloader.reload_now().await, Reload::Switched { .. }));
}

/// An action that sets one claim.
fn claim(value: &str) -> String {
    format!("fn onExecutePostLogin(event, api) {{\n    api.idToken.setCustomClaim(\"plan\", \"{value}\");\n}}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_use_the_saved_action_and_never_a_broken_one() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("actions");
    fs::create_dir(&directory).unwrap();
    let file = directory.join("10-plan.rhai");
    fs::write(&file, claim("free")).unwrap();
    let settings = Settings { directory, display: "actions".into(), ..Settings::default() };
    let host = Host { clock: Clock::fixed(0), random: Random::seeded(1), cache: Arc::default(), http: Http::Network };
    let flow = Arc::new(Flow::new(FlowSet::load(&settings).unwrap(), &settings.limits, host));
    let reloader = Arc::new(Reloader::new(Arc::clone(&flow), move || settings.clone(), true));
    let (reports, shutdown) = (Arc::new(Mutex::new(Vec::new())), CancellationToken::new());
    let (kept, stop) = (Arc::clone(&reports), shutdown.clone());
    let watching = Arc::clone(&reloader);
    let watch = tokio::spawn(async move { watching.watch(|reload| kept.lock().unwrap().push(reload.clone()), stop).await });
    eventually(|| reloader.state().events.is_some()).await;
    pause(150).await;

    let first = flow.current().hash().to_owned();
    fs::write(&file, claim("pro")).unwrap();
    eventually(|| flow.current().hash() != first).await;
    assert_eq!(plan(&flow).await, "pro");

    fs::write(&file, "fn onExecutePostLogin(event, api) {\n    api.idToken.setCustomClaim(\"plan\" \"x\");\n}\n").unwrap();
    eventually(|| reloader.state().last_error.is_some()).await;
    assert_eq!(plan(&flow).await, "pro");
    let error = reloader.state().last_error.unwrap();
    assert!(error.contains("actions/10-plan.rhai:2:"), "{error}");

    fs::write(&file, claim("team")).unwrap();
    eventually(|| reloader.state().last_error.is_none()).await;
    assert_eq!(plan(&flow).await, "team");
    assert_eq!(reloader.state().hash, flow.current().hash());
    assert!(matches!(&reports.lock().unwrap()[0], Reload::Switched { actions, .. } if actions == &["10-plan"]));
    shutdown.cancel();
    watch.await.unwrap();
}

/// The claim of a login.
async fn plan(flow: &Flow) -> String {
    let decision = flow.decide(Trigger::PostLogin, Event::default()).await.unwrap();
    decision.id_token["plan"].value.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_action_leaves_the_flow_although_it_has_settings() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().to_owned();
    for name in ["10-plan.rhai", "11-plan.rhai"] {
        fs::write(directory.join(name), claim("free")).unwrap();
    }
    let own = [("10-plan".to_owned(), ActionSettings::default())];
    let settings =
        Settings { directory: directory.clone(), display: "actions".into(), actions: own.into(), ..Settings::default() };
    let host = Host { clock: Clock::fixed(0), random: Random::seeded(1), cache: Arc::default(), http: Http::Network };
    let flow = Arc::new(Flow::new(FlowSet::load(&settings).unwrap(), &settings.limits, host));
    let reloader = Arc::new(Reloader::new(Arc::clone(&flow), move || settings.clone(), false));
    fs::remove_file(directory.join("10-plan.rhai")).unwrap();
    let Reload::Switched { removed, .. } = reloader.reload_now().await else { panic!("not switched") };
    assert_eq!(removed, ["10-plan.rhai"]);
    fs::write(directory.join("11-plan.rhai"), claim("pro")).unwrap();
    assert!(matches!(reloader.reload_now().await, Reload::Switched { .. }), "and later saves are used");
    fs::remove_file(directory.join("11-plan.rhai")).unwrap();
    let Reload::Kept { reason, .. } = reloader.reload_now().await else { panic!("not kept") };
    assert!(reason.contains("no action is left"), "{reason}");
}
