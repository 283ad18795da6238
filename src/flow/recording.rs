//! A decision that can be made again: its trigger, its event, and what it had from outside.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Cache, Event, Host, Http, HttpAnswers, Trigger};
use crate::clock::{Clock, Random};
use crate::domain::outside::{HttpAnswer, HttpExchange, HttpRequest, NO_RECORDED_ANSWER, Outside};
pub use crate::domain::redaction::REDACTED;
use crate::domain::redaction::{fits, fits_json};

/// Everything that [`super::decide`] was given, but the actions. One JSON object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording<E = Arc<Event>> {
    /// Which handlers ran.
    pub trigger: Trigger,
    /// Their argument.
    pub event: E,
    /// What they had from outside.
    #[serde(default)]
    pub outside: Outside,
}

impl Host {
    /// A host that answers as it answered then, and does nothing outside. The cache is its own.
    #[must_use]
    pub fn replaying(recording: &Recording) -> Self {
        let outside = &recording.outside;
        let records = outside.cache.iter().filter_map(|entry| Some((entry.key.clone(), entry.record.clone()?)));
        let seed = outside.seed.map_or([0; 32], |seed| seed.0);
        Self {
            clock: Clock::fixed_ms(outside.now),
            random: Random::from_seed(seed),
            cache: Arc::new(Cache::of(recording.trigger, records)),
            http: Http::Answers(Arc::new(Recorded(Mutex::new(outside.http.clone())))),
        }
    }
}

/// Answers that are still to be given, in order.
#[derive(Debug)]
struct Recorded(Mutex<Vec<HttpExchange>>);

impl HttpAnswers for Recorded {
    fn answer(&self, request: &HttpRequest) -> Result<HttpAnswer, String> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match left.iter().position(|exchange| is_same_call(&exchange.request, request)) {
            Some(index) => left.remove(index).answer,
            None => Err(format!("{NO_RECORDED_ANSWER} {} {}", request.method, request.url)),
        }
    }
}

/// By method, URL and body.
fn is_same_call(recorded: &HttpRequest, call: &HttpRequest) -> bool {
    let body = match (&recorded.body, &call.body) {
        (Some(recorded), Some(body)) => is_same_body(recorded, body),
        (recorded, body) => recorded == body,
    };
    body && recorded.method == call.method && fits(&recorded.url, &call.url)
}

fn is_same_body(recorded: &str, body: &str) -> bool {
    match (serde_json::from_str(recorded), serde_json::from_str(body)) {
        (Ok(recorded), Ok(body)) => fits_json(&recorded, &body),
        _ => fits(recorded, body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_compared_as_json() {
        assert!(is_same_body(r#"{"b":[1,"[redacted]"],"a":1}"#, r#"{"a":1,"b":[1,{"c":2}]}"#));
        assert!(!is_same_body(r#"{"a":1}"#, r#"{"a":1,"b":2}"#));
    }

    #[test]
    fn a_recorded_answer_is_given_once_and_an_unknown_call_is_an_error() {
        let request = |url: &str| HttpRequest { method: "GET".to_owned(), url: url.to_owned(), ..HttpRequest::default() };
        let answer = HttpAnswer { status: 200, ..HttpAnswer::default() };
        let answers =
            Recorded(Mutex::new(vec![HttpExchange { request: request("https://a/"), answer: Ok(answer.clone()) }]));
        assert_eq!(answers.answer(&request("https://b/")), Err("no recorded answer for GET https://b/".to_owned()));
        assert_eq!(answers.answer(&request("https://a/")), Ok(answer));
        assert!(answers.answer(&request("https://a/")).is_err());
    }
}
