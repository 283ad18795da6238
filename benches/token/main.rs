//! What a token costs: the token endpoint over loopback beside a bare axum endpoint that parses the form, builds 20 claims and
//! signs, both measured in the same run. `cargo bench --bench token`.
//!
//! Each server is a process of its own (this binary again, with arguments), so that its processor time and memory can be
//! read from `/proc`. Three actions run at each request, the log goes to `/dev/null` as JSON, SQLite writes to a file.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark that fails may panic")]

mod load;
mod server;

use load::{Figures, Target};
use server::Child;

/// Requests in flight when processor time is measured.
const IN_FLIGHT: usize = 8;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", alg] => runtime.block_on(server::vestibule(alg)),
        ["bare", alg] => runtime.block_on(server::bare(alg)),
        ["only", alg, what, in_flight] => runtime.block_on(only(alg, what, in_flight.parse().unwrap())),
        // `cargo bench` hands its own flags over.
        _ => runtime.block_on(measure()),
    }
}

/// One load for as long as a profiler needs: `perf record -p` finds the server by the process id that is printed.
async fn only(alg: &str, what: &str, in_flight: usize) {
    let ours = Child::start("serve", alg);
    println!("process {}", ours.id());
    let families = load::families(&ours.url, in_flight).await;
    let target = if what == "refresh" { Target::refresh(&ours.url, &families) } else { Target::machine(&ours.url) };
    for _ in 0..6 {
        row(alg, what, in_flight, &load::run(&ours, &target, in_flight).await);
    }
}

async fn measure() {
    for alg in ["RS256", "ES256"] {
        let (bare, ours) = (Child::start("bare", alg), Child::start("serve", alg));
        println!(
            "{alg}: start to first answer {} ms, {} ms once the key exists; idle memory {:.1} MB",
            ours.first_start.as_millis(),
            ours.second_start.as_millis(),
            ours.memory_mb()
        );
        let families = load::families(&ours.url, 64).await;
        let machine = Target::machine(&ours.url);
        let refresh = |n: usize| Target::refresh(&ours.url, &families[..n]);
        load::run(&ours, &machine, IN_FLIGHT).await;
        load::run(&ours, &refresh(IN_FLIGHT), IN_FLIGHT).await;

        let one = load::run(&bare, &Target::bare(&bare.url, 1), IN_FLIGHT).await;
        let credentials = load::run(&ours, &machine, IN_FLIGHT).await;
        compare(alg, "client_credentials", &credentials, &one);
        let two = load::run(&bare, &Target::bare(&bare.url, 2), IN_FLIGHT).await;
        let refreshed = load::run(&ours, &refresh(IN_FLIGHT), IN_FLIGHT).await;
        compare(alg, "refresh_token", &refreshed, &two);

        for n in [1, 8, 64] {
            row(alg, "client_credentials", n, &load::run(&ours, &machine, n).await);
        }
        let single = load::run(&ours, &refresh(1), 1).await;
        row(alg, "refresh_token", 1, &single);
        for n in [8, 32, 64] {
            let figures = load::run(&ours, &refresh(n), n).await;
            row(alg, "refresh_token", n, &figures);
            println!("      {:.1} x the rate of one in flight", figures.rate / single.rate);
        }
        println!("{alg}: memory after the load {:.1} MB\n", ours.memory_mb());
    }
}

fn compare(alg: &str, what: &str, ours: &Figures, bare: &Figures) {
    println!(
        "{alg} {what}: {:.0} us of processor time a request, bare {:.0} us: {:.2} x",
        ours.cpu_us,
        bare.cpu_us,
        ours.cpu_us / bare.cpu_us
    );
}

fn row(alg: &str, what: &str, in_flight: usize, figures: &Figures) {
    println!(
        "{alg} {what}, {in_flight} in flight: {:.0}/s, median {:.2} ms, p99 {:.2} ms, {:.0} us of processor time",
        figures.rate, figures.median_ms, figures.p99_ms, figures.cpu_us
    );
}
