//! How long `vestibule check` takes for a hundred actions: loading, compiling and analysing them, from a directory.

use std::path::Path;
use std::time::{Duration, Instant};

use vestibule::flow::{FlowSet, Settings};

const ACTIONS: usize = 100;
const ROUNDS: usize = 20;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/realistic/actions");
    let directory = std::env::temp_dir().join(format!("vestibule-check-{}", std::process::id()));
    let lines = fill(&root, &directory)?;
    let settings = Settings { directory: directory.clone(), display: "actions".to_owned(), ..Settings::default() };
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| load(&settings)).collect();
    std::fs::remove_dir_all(&directory)?;
    times.sort_unstable();
    let text = format!(
        "check of {ACTIONS} actions, {lines} lines: median {:.1?}, slowest {:.1?}",
        times[ROUNDS / 2],
        times[ROUNDS - 1]
    );
    std::io::Write::write_all(&mut std::io::stdout(), format!("{text}\n").as_bytes())
}

/// Copies of the realistic actions under a hundred names; the number of their lines.
fn fill(root: &Path, directory: &Path) -> std::io::Result<usize> {
    std::fs::create_dir_all(directory.join("lib"))?;
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let path = entry?.path();
        if path.is_file() {
            sources.push(std::fs::read_to_string(&path)?);
        }
    }
    for entry in std::fs::read_dir(root.join("lib"))? {
        let path = entry?.path();
        std::fs::copy(&path, directory.join("lib").join(path.file_name().unwrap_or_default()))?;
    }
    let mut lines = 0;
    for (number, source) in sources.iter().cycle().take(ACTIONS).enumerate() {
        lines += source.lines().count();
        std::fs::write(directory.join(format!("{number}-copy.rhai")), source)?;
    }
    Ok(lines)
}

fn load(settings: &Settings) -> Duration {
    let begun = Instant::now();
    let set = FlowSet::load(settings);
    let time = begun.elapsed();
    assert!(set.is_ok_and(|set| set.actions().len() == ACTIONS), "the actions load");
    time
}
