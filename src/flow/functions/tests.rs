//! The examples of the descriptions, run; and what holds for the library as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rhai::packages::{Package, StandardPackage};
use rhai::{Dynamic, Engine, EvalAltResult, Module};

use super::description::Registrar;
use super::{FAMILIES, RunHandle, catalogue, json, library, names};
use crate::clock::{Clock, Random};
use crate::flow::Host;

/// 2026-11-21T05:14:34Z.
const NOW: i64 = 1_795_238_074;

fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    engine.register_global_module(StandardPackage::new().as_shared_module());
    let library = library();
    engine.register_global_module(library.global);
    for (name, module) in library.namespaces {
        engine.register_static_module(name, module);
    }
    engine.set_max_string_size(16 * 1024).set_max_array_size(1_000).set_max_map_size(256).set_max_operations(500_000);
    engine.set_max_expr_depths(64, 32).set_max_call_levels(32).set_strict_variables(true);
    let host = Host { clock: Clock::fixed(NOW), random: Random::seeded(7), cache: Arc::default() };
    let deadline = Instant::now() + Duration::from_secs(2);
    engine.set_default_tag(Dynamic::from(RunHandle { host, allow_hosts: Arc::new([]), deadline }));
    engine
}

fn eval(engine: &Engine, script: &str) -> Result<serde_json::Value, Box<EvalAltResult>> {
    let value = engine.eval::<Dynamic>(script)?;
    json::to_json("test", &value)
}

#[test]
fn every_example_yields_what_it_says() {
    let engine = engine();
    let mut wrong = Vec::new();
    for (_, function) in catalogue() {
        for example in function.examples {
            let yielded = match eval(&engine, example.script) {
                Ok(value) => value.to_string(),
                Err(error) => format!("error: {error}"),
            };
            let right = match example.yields.strip_prefix("error: ") {
                Some(part) => yielded.starts_with("error: ") && yielded.contains(part),
                None => yielded == example.yields,
            };
            if !right {
                wrong.push(format!("{}\n  says   {}\n  yields {yielded}", example.script, example.yields));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_is_described_with_examples_and_implemented() {
    for family in FAMILIES {
        let mut module = Module::new();
        let mut registrar = Registrar::new(&mut module, family);
        (family.register)(&mut registrar);
        let described: BTreeSet<_> = family.functions.iter().map(|function| function.name).collect();
        assert_eq!(registrar.registered, described, "{:?}", family.namespace);
        for function in family.functions {
            assert!(!function.examples.is_empty(), "{} has no example", function.name);
            assert!(!function.summary.is_empty() && function.signature.contains(function.name), "{}", function.name);
        }
    }
}

#[test]
fn names_are_those_that_a_script_could_shadow() {
    let names: BTreeSet<_> = names().collect();
    assert!(names.contains("startsWith") && names.contains("String"));
    assert!(!names.contains("sha256") && !names.contains("length"));
}

#[test]
fn errors_carry_the_position_of_the_call() {
    let error = eval(&engine(), "let a = 1;\n  json::parse(\"{\")").unwrap_err();
    assert_eq!((error.position().line(), error.position().position()), (Some(2), Some(9)));
}

#[test]
fn a_missing_run_is_an_error() {
    let mut engine = engine();
    engine.set_default_tag(Dynamic::UNIT);
    let error = eval(&engine, "crypto::random_uuid()").unwrap_err();
    assert!(error.to_string().contains("crypto::random_uuid: not available here"), "{error}");
}

#[test]
fn captured_variables_are_no_danger() {
    let script = r#"
        let banned = "b";
        let seen = [];
        let roles = ["a", "b"].filter(|role| role != banned);
        roles.forEach(|role| seen.push(role));
        seen = seen.concat(roles);
        [seen, roles.join(banned), seen.includes(banned), json::stringify(seen), banned.trim()]
    "#;
    assert_eq!(eval(&engine(), script).unwrap().to_string(), r#"[["a","a"],"a",false,"[\"a\",\"a\"]","b"]"#);
}

#[test]
fn hostile_arguments_are_errors_or_values_and_never_panics() {
    let engine = engine();
    let values = [
        "()",
        "true",
        "0",
        "-1",
        "1",
        "9223372036854775807",
        "-9223372036854775807 - 1",
        "0.5",
        "1e300",
        "0.0 / 0.0",
        "1.0 / 0.0",
        "\"\"",
        "\"ü\"",
        "\"a,b\"",
        "'x'",
        "[]",
        "[1, [2]]",
        "#{}",
        "#{a: 1}",
        "blob(2, 255)",
        "|x| x",
    ];
    let mut calls = 0;
    for (namespace, function) in catalogue().filter(|(_, function)| !function.property) {
        let name = namespace.map_or(function.name.to_owned(), |namespace| format!("{namespace}::{}", function.name));
        for a in values {
            for b in values {
                for arguments in
                    [a.to_owned(), format!("{a}, {b}"), format!("\"äbc\", {a}, {b}"), format!("[1, 2], {a}, {b}")]
                {
                    // Whatever comes of it, it comes back.
                    let _ = engine.eval::<Dynamic>(&format!("{name}({arguments})"));
                    calls += 1;
                }
            }
        }
    }
    assert!(calls > 50_000, "{calls}");
}

#[test]
fn doubling_by_any_function_ends_at_the_limit() {
    let engine = engine();
    for step in [
        "t = t.concat(t)",
        "t = t.repeat(2)",
        "t = t.padEnd(t.length * 2)",
        "t = t.replaceAll(\"a\", \"aa\")",
        "t.replace('a', \"aa\")",
        "t = [t, t].join()",
        "t = json::stringify(t)",
        "t = base64::encode(t)",
        "t = url::encode(t + \"%\")",
    ] {
        let error = eval(&engine, &format!("let t = \"aaaa\"; loop {{ {step} }}")).unwrap_err();
        assert!(error.to_string().contains("longer than") || error.to_string().contains("too large"), "{step}: {error}");
    }
}
