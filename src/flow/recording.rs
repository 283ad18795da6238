//! A decision that can be made again: its trigger, its event, and what it had from outside.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Cache, Event, Host, Http, HttpAnswers, Trigger};
use crate::clock::{Clock, Random};
use crate::domain::outside::{HttpAnswer, HttpExchange, HttpRequest, Outside};

/// What stands in the place of a value that was redacted; fits any value when a call is compared with a recorded one.
pub const REDACTED: &str = "[redacted]";

/// Everything that [`super::decide`] was given, but the actions. One JSON object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Which handlers ran.
    pub trigger: Trigger,
    /// Their argument.
    pub event: Arc<Event>,
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
            None => Err(format!("no recorded answer for {} {}", request.method, request.url)),
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
        (Ok(recorded), Ok(body)) => is_same_json(&recorded, &body),
        _ => fits(recorded, body),
    }
}

fn is_same_json(recorded: &Value, value: &Value) -> bool {
    match (recorded, value) {
        (Value::String(text), _) if text == REDACTED => true,
        (Value::String(recorded), Value::String(text)) => fits(recorded, text),
        (Value::Array(recorded), Value::Array(items)) => {
            recorded.len() == items.len() && recorded.iter().zip(items).all(|(recorded, item)| is_same_json(recorded, item))
        }
        (Value::Object(recorded), Value::Object(members)) => {
            recorded.len() == members.len()
                && recorded.iter().all(|(key, recorded)| members.get(key).is_some_and(|value| is_same_json(recorded, value)))
        }
        _ => recorded == value,
    }
}

/// Whether the text is the recorded one, where what was redacted may be anything. In a URL the mark is escaped.
fn fits(recorded: &str, text: &str) -> bool {
    let recorded = recorded.replace("%5Bredacted%5D", REDACTED);
    let mut pieces = recorded.split(REDACTED);
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_redacted_fits_anything_and_the_rest_only_itself() {
        assert!(fits("https://a/?k=[redacted]&x=1", "https://a/?k=secret&x=1"));
        assert!(fits("https://a/?k=%5Bredacted%5D", "https://a/?k=secret"));
        assert!(fits("a[redacted]b[redacted]c", "a1b2c"));
        assert!(!fits("https://a/?k=[redacted]&x=1", "https://a/?k=secret&x=2"));
        assert!(!fits("https://a/", "https://a/b") && !fits("https://a/b", "https://a/"));
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
