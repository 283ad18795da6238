//! What a script may learn or reach by being loaded, checked or run.

use std::sync::Arc;

use vestibule::domain::decision::Outcome;
use vestibule::flow::{FlowSet, Http, HttpAnswer, HttpAnswers, HttpRequest};

use crate::corpus;

/// Nobody may call.
#[derive(Debug)]
struct Nobody;

impl HttpAnswers for Nobody {
    fn answer(&self, request: &HttpRequest) -> Result<HttpAnswer, String> {
        panic!("{} was called", request.url)
    }
}

#[test]
fn s68_checking_a_script_runs_none_of_its_handlers_and_nothing_of_the_host() {
    let handler = "fn onExecutePostLogin(event, api) { http::get(\"https://api.example.com/\"); loop {} }";
    assert!(FlowSet::from_sources(&corpus::settings(), &[("10-a.rhai", handler)]).is_ok());
    for call in [
        "http::get(\"https://api.example.com/\")",
        "time::now()",
        "crypto::random_uuid()",
        "event.user",
        "api.cache.get(\"x\")",
    ] {
        let source = format!("const X = {call};\nfn onExecutePostLogin(event, api) {{}}");
        let error = FlowSet::from_sources(&corpus::settings(), &[("10-a.rhai", &source)]).unwrap_err();
        assert!(corpus::names_its_place(&error.to_string()), "{error}");
    }
}

#[test]
fn s55_time_stands_still_within_a_decision() {
    let source = "fn onExecutePostLogin(event, api) {
        let before = time::now();
        for i in 0..50000 { }
        if time::now() != before { throw \"a clock\"; }
    }";
    let set = FlowSet::from_sources(&corpus::settings(), &[("10-a.rhai", source), ("20-b.rhai", source)]).unwrap();
    let host = vestibule::flow::Host { http: Http::Answers(Arc::new(Nobody)), ..corpus::host() };
    assert_eq!(corpus::decide(&set, &host).outcome, Outcome::Allowed);
}
