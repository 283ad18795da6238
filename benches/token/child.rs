//! A server in a process of its own, so that its processor time and memory can be read from `/proc`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::server::Size;

/// A running server; killed when dropped.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) url: String,
    /// With an empty directory, the key to be made.
    pub(crate) first_start: Duration,
    /// With everything there.
    pub(crate) second_start: Duration,
    directory: tempfile::TempDir,
}

impl Child {
    /// Ours.
    pub(crate) fn ours(alg: &str, size: Size) -> Self {
        Self::start(&["serve", alg, &size.actions.to_string(), &size.users.to_string()])
    }

    /// Ours, and it reloads.
    pub(crate) fn watching(alg: &str) -> Self {
        let size = Size::USUAL;
        Self::start(&["watch", alg, &size.actions.to_string(), &size.users.to_string()])
    }

    /// The bare endpoint.
    pub(crate) fn bare(alg: &str) -> Self {
        Self::start(&["bare", alg])
    }

    fn start(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (mut first, _, first_start) = spawn(arguments, directory.path());
        end(&mut first);
        let (process, url, second_start) = spawn(arguments, directory.path());
        Self { process, url, first_start, second_start, directory }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// A path below the directory that the server works in.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// User and system time so far.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }

    /// Resident memory.
    pub(crate) fn memory_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn end(process: &mut std::process::Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

/// Until the server has said where it listens.
fn spawn(arguments: &[&str], directory: &Path) -> (std::process::Child, String, Duration) {
    let began = Instant::now();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut process = command.args(arguments).current_dir(directory).stdout(Stdio::piped()).spawn().unwrap();
    let url = BufReader::new(process.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    (process, url, began.elapsed())
}
