//! What a token costs: the token endpoint over loopback beside a bare axum endpoint that parses the form, builds 20 claims and
//! signs, both measured in the same run. `cargo bench --bench token` prints the tables of `docs/performance.md`.
//!
//! Each server is a process of its own (this binary again, with arguments), so that its processor time and memory can be
//! read from `/proc`. Three actions run at each request, the log goes to `/dev/null` as JSON, SQLite writes to a file.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark that fails may panic")]

mod child;
mod load;
mod server;

use std::io::Write as _;
use std::time::{Duration, Instant};

use child::Child;
use load::{Figures, Target};
use server::Size;

/// Requests in flight when processor time is measured.
const IN_FLIGHT: usize = 8;
/// Logins of each server: more than are ever in flight.
const FAMILIES: usize = 64;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(8 * 1024 * 1024).build().unwrap();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [kind @ ("serve" | "watch"), alg, actions, users] => {
            let size = Size { actions: actions.parse().unwrap(), users: users.parse().unwrap() };
            runtime.block_on(server::vestibule(alg, size, *kind == "watch"));
        }
        ["bare", alg] => runtime.block_on(server::bare(alg)),
        ["only", alg, what, in_flight] => runtime.block_on(only(alg, what, in_flight.parse().unwrap())),
        ["shared", alg] => runtime.block_on(shared_commits(alg)),
        // `cargo bench` hands its own flags over.
        _ => runtime.block_on(measure()),
    }
}

/// One load for as long as a profiler needs: `perf record -p` finds the server by the process id that is printed.
async fn only(alg: &str, what: &str, in_flight: usize) {
    let ours = Child::ours(alg, Size::USUAL);
    println!("process {}", ours.id());
    let families = load::families(&ours.url, in_flight, 1).await;
    let target = if what == "refresh" { Target::refresh(&ours.url, &families) } else { Target::machine(&ours.url) };
    for _ in 0..6 {
        println!("{}", row(&load::run(&ours, &target, in_flight).await));
    }
}

/// What sharing a commit brings: the more, the longer a disk takes. See `slow_disk.c`.
async fn shared_commits(alg: &str) {
    println!("A write of 8 KB and its fdatasync, median: {:.2} ms\n", sync_ms());
    let ours = Child::ours(alg, Size::USUAL);
    let families = load::families(&ours.url, FAMILIES, 1).await;
    println!("| {alg} | in flight | a second | median | p99 | processor time |\n|---|---:|---:|---:|---:|---:|");
    for n in [1, 8, 32, 64] {
        println!(
            "| refresh_token | {n} | {} |",
            row(&load::run(&ours, &Target::refresh(&ours.url, &families[..n]), n).await)
        );
    }
}

async fn measure() {
    println!("A write of 8 KB and its fdatasync, median: {:.2} ms\n", sync_ms());
    for alg in ["RS256", "ES256"] {
        usual(alg).await;
    }
    growth().await;
    saves().await;
}

/// What one algorithm costs, and what many requests in flight make of it.
async fn usual(alg: &str) {
    let (bare, ours) = (Child::bare(alg), Child::ours(alg, Size::USUAL));
    let idle = ours.memory_mb();
    let families = load::families(&ours.url, FAMILIES, 1).await;
    let machine = Target::machine(&ours.url);
    let refresh = |n: usize| Target::refresh(&ours.url, &families[..n]);
    load::run(&ours, &machine, IN_FLIGHT).await;
    load::run(&ours, &refresh(IN_FLIGHT), IN_FLIGHT).await;
    load::run(&bare, &Target::bare(&bare.url, 1), IN_FLIGHT).await;

    println!("| {alg}, processor time of a request | ours | bare | ratio |\n|---|---:|---:|---:|");
    let credentials = load::run(&ours, &machine, IN_FLIGHT).await;
    compare("client_credentials", &credentials, &load::run(&bare, &Target::bare(&bare.url, 1), IN_FLIGHT).await);
    let refreshed = load::run(&ours, &refresh(IN_FLIGHT), IN_FLIGHT).await;
    compare("refresh_token", &refreshed, &load::run(&bare, &Target::bare(&bare.url, 2), IN_FLIGHT).await);

    println!("\n| {alg} | in flight | a second | median | p99 | processor time |\n|---|---:|---:|---:|---:|---:|");
    for n in [1, 8, 64] {
        println!("| client_credentials | {n} | {} |", row(&load::run(&ours, &machine, n).await));
    }
    let mut rates = Vec::new();
    for n in [1, 8, 32, 64] {
        let figures = load::run(&ours, &refresh(n), n).await;
        println!("| refresh_token | {n} | {} |", row(&figures));
        rates.push(figures.rate);
    }
    println!("\n{alg}: 32 refreshes in flight reach {:.1} times the rate of one", rates[2] / rates[0]);
    println!("{alg}: start {} ms, with keys to make {} ms", ours.second_start.as_millis(), ours.first_start.as_millis());
    println!("{alg}: memory {idle:.1} MB idle, {:.1} MB after the load\n", ours.memory_mb());
}

/// How long a save takes to have an effect, under `dev` or `serve --watch`.
async fn saves() {
    let saves = load::saves(&Child::watching("ES256"), 40).await;
    let ms = |part: usize| saves[(saves.len() - 1) * part / 100].as_secs_f64() * 1e3;
    println!("From a save to its effect {:.0} ms, p95 {:.0} ms", ms(50), ms(95));
}

/// How the cost grows with actions and with users.
async fn growth() {
    println!("| ES256, processor time of a request | client_credentials | refresh_token |\n|---|---:|---:|");
    let sizes = [(1, 1), (3, 1), (10, 1), (100, 1), (3, 100_000)];
    for (actions, users) in sizes {
        let ours = Child::ours("ES256", Size { actions, users });
        let families = load::families(&ours.url, IN_FLIGHT, users).await;
        let (machine, refresh) = (Target::machine(&ours.url), Target::refresh(&ours.url, &families));
        load::run(&ours, &machine, IN_FLIGHT).await;
        let credentials = load::run(&ours, &machine, IN_FLIGHT).await;
        let refreshed = load::run(&ours, &refresh, IN_FLIGHT).await;
        println!("| {actions} actions, {users} users | {:.0} us | {:.0} us |", credentials.cpu_us, refreshed.cpu_us);
    }
    println!();
}

fn compare(what: &str, ours: &Figures, bare: &Figures) {
    println!("| {what} | {:.0} us | {:.0} us | {:.2} |", ours.cpu_us, bare.cpu_us, ours.cpu_us / bare.cpu_us);
}

fn row(figures: &Figures) -> String {
    let Figures { rate, median_ms, p99_ms, cpu_us } = figures;
    format!("{rate:.0} | {median_ms:.2} ms | {p99_ms:.2} ms | {cpu_us:.0} us")
}

/// What a commit has to wait for at least.
fn sync_ms() -> f64 {
    let mut file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&[7; 8192]).unwrap();
            file.sync_data().unwrap();
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
