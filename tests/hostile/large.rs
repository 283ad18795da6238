//! Files as large as they may be, full of one thing: each is compiled or refused at its place, with the memory of a run and
//! without the hours that a parser takes whose work grows with the square of the file.

use std::time::{Duration, Instant};

use vestibule::flow::{FlowSet, measured};

use crate::corpus::{self, MEMORY};

/// What stands before, again and again with its number in the place of `#`, and behind.
const SHAPES: &[(&str, &str, &str, &str)] = &[
    ("s25 blocks", "fn onExecutePostLogin(event, api) {", "{}", "}"),
    ("s26 statements", "fn onExecutePostLogin(event, api) {", "1+1;", "}"),
    ("s26 semicolons", "fn onExecutePostLogin(event, api) {", ";", "}"),
    ("s26 properties", "fn onExecutePostLogin(event, api) {", "event.a#;", "}"),
    ("s26 interpolation", "fn onExecutePostLogin(event, api) { let a = 1; let x = `", "${a}", "`; }"),
    ("s26 top level", "fn onExecutePostLogin(event, api) {}", "1;\n", ""),
    ("s27 comments", "", "/// x\n", "fn onExecutePostLogin(event, api) {}"),
    ("s28 parameters", "fn f(", "p#,", "z) {} fn onExecutePostLogin(event, api) {}"),
    ("s28 parameters of a closure", "fn onExecutePostLogin(event, api) { [].map(|", "p#,", "z| 1) }"),
    ("s28 arguments", "fn onExecutePostLogin(event, api) { f(", "1,", "1) }"),
    ("s29 cases", "fn onExecutePostLogin(event, api) { switch 1 {", "#=>0,", "} }"),
    ("s29 ranges", "fn onExecutePostLogin(event, api) { switch 1 {", "#..99999=>0,", "} }"),
    ("s30 variables", "fn onExecutePostLogin(event, api) {", "let v#=1;", "}"),
    ("s30 variables that are used", "fn onExecutePostLogin(event, api) { let a = 1;", "let v#=a;", "}"),
    ("s30 constants", "", "const V#=1;", "fn onExecutePostLogin(event, api) {}"),
    ("s30 functions", "", "fn f#(){}", "fn onExecutePostLogin(event, api) {}"),
    ("s30 closures", "fn onExecutePostLogin(event, api) { let y = 1;", "[].map(|x|x+y);", "}"),
    ("s30 unknown names", "fn onExecutePostLogin(event, api) {", "z#();\n", "}"),
    ("s30 unknown members", "fn onExecutePostLogin(event, api) {", "json::z#();", "}"),
    ("s48 assignments", "const X = 1; fn onExecutePostLogin(event, api) {", "X=1;\n", "}"),
];

fn source(before: &str, unit: &str, behind: &str, bytes: usize) -> String {
    let mut text = before.to_owned();
    for number in 0.. {
        let next = unit.replace('#', &number.to_string());
        if text.len() + next.len() + behind.len() > bytes {
            break;
        }
        text += &next;
    }
    text + behind
}

/// A constant of eight thousand characters that is doubled in every line: an optimizer would keep each result.
fn folding() -> String {
    let before = format!("const X = \"{}\"; fn onExecutePostLogin(event, api) {{", "x".repeat(8_000));
    source(&before, "let a=X+X;", "}", 60_000)
}

/// Every shape, full size and as many words as are just allowed.
fn files() -> Vec<(String, String)> {
    let sizes = [65_536, 32_000, 16_000];
    let shapes = SHAPES.iter().flat_map(|(name, before, unit, behind)| {
        sizes.map(|bytes| (format!("{name}, {bytes} bytes"), source(before, unit, behind, bytes)))
    });
    shapes.chain([("s32 folding".to_owned(), folding())]).collect()
}

#[test]
fn s26_s28_s29_s30_s32_large_files_are_compiled_or_refused_at_their_place() {
    for (name, text) in files() {
        let (set, memory) = measured(|| FlowSet::from_sources(&corpus::settings(), &[("10-a.rhai", &text)]));
        assert!(memory.most < MEMORY, "{name}: {} bytes", memory.most);
        if let Err(error) = set {
            assert!(error.problems.len() <= 50, "{name}: {} problems", error.problems.len());
            let first = &error.problems[0];
            assert!(first.line > 0 && first.column > 0, "{name}: {}", first.one_line());
        }
    }
}

/// Real times; see `wall_times_of_the_corpus`.
#[test]
#[ignore = "looks at the clock; `.ci/run` names it"]
fn wall_times_of_large_files() {
    let mut rows: Vec<(Duration, String)> = Vec::new();
    for (name, text) in files() {
        let time = || {
            let begun = Instant::now();
            drop(FlowSet::from_sources(&corpus::settings(), &[("10-a.rhai", &text)]));
            begun.elapsed()
        };
        rows.push((time().min(time()).min(time()), name));
    }
    rows.sort_by(|a, b| b.cmp(a));
    rows.iter().take(10).for_each(|(time, name)| println!("{name:45} {time:>10.1?}"));
    assert!(rows[0].0 < Duration::from_millis(250), "{} took {:?}", rows[0].1, rows[0].0);
}
