//! HTTP answers that a test sets, in the place of the network; a call that nobody expects is an error of the action.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::flow::{Http, HttpAnswer, HttpAnswers, HttpRequest};

/// The answers of one test, and the calls that were made.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<Exchange>);

#[derive(Debug, Default)]
struct Exchange {
    expected: Vec<Expected>,
    made: Vec<HttpRequest>,
}

/// What a call gets. Of several answers to the same call each is given once, in order, and the last again and again.
#[derive(Debug)]
struct Expected {
    method: String,
    url: String,
    answer: HttpAnswer,
    given: bool,
}

impl Answers {
    /// Where the calls of the actions go.
    pub(super) fn http(self: &Arc<Self>) -> Http {
        Http::Answers(Arc::clone(self) as Arc<dyn HttpAnswers>)
    }

    /// Answers calls of the method to the URL.
    pub(super) fn expect(&self, method: &str, url: &str, answer: HttpAnswer) {
        let expected = Expected { method: method.to_uppercase(), url: url.to_owned(), answer, given: false };
        self.lock().expected.push(expected);
    }

    /// The calls so far, answered or not.
    pub(super) fn made(&self) -> Vec<HttpRequest> {
        self.lock().made.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpAnswers for Answers {
    fn answer(&self, request: &HttpRequest) -> Result<HttpAnswer, String> {
        let mut exchange = self.lock();
        exchange.made.push(request.clone());
        let fits = |expected: &Expected| expected.method == request.method && expected.url == request.url;
        let mut fitting: Vec<&mut Expected> = exchange.expected.iter_mut().filter(|expected| fits(expected)).collect();
        let next = fitting.iter().position(|expected| !expected.given).or(fitting.len().checked_sub(1));
        let Some(expected) = next.map(|index| &mut fitting[index]) else {
            return Err(format!(
                "this test has no answer for {} {}\nhint: `set_http(\"{}\", \"{}\", #{{ status: 200, json: #{{…}} }})` gives one",
                request.method, request.url, request.method, request.url
            ));
        };
        expected.given = true;
        Ok(expected.answer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> HttpRequest {
        HttpRequest { method: "GET".into(), url: url.into(), ..HttpRequest::default() }
    }

    #[test]
    fn answers_are_given_in_order_and_the_last_one_stays() {
        let answers = Answers::default();
        for status in [503, 200] {
            answers.expect("get", "https://a.example/", HttpAnswer { status, ..HttpAnswer::default() });
        }
        let status = || answers.answer(&request("https://a.example/")).map(|answer| answer.status);
        assert_eq!([status(), status(), status()], [Ok(503), Ok(200), Ok(200)]);
        assert_eq!(answers.made().len(), 3);
    }

    #[test]
    fn a_call_that_nobody_expects_is_told_how_to_be_expected() {
        let answers = Answers::default();
        let error = answers.answer(&request("https://a.example/x")).unwrap_err();
        assert!(error.starts_with("this test has no answer for GET https://a.example/x"), "{error}");
        assert_eq!(answers.made().len(), 1);
    }
}
