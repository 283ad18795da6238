//! Authorization responses: what goes back to the client, in which of the four response modes (OAuth 2.0 Multiple Response
//! Types, Form Post Response Mode, `web_message`).

use serde_json::Value;
use url::form_urlencoded;

use crate::domain::JsonMap;

use super::error::described;

/// Bytes of an address that a browser is redirected to. Browsers take more; proxies and clients, for which it is a header of
/// the answer, often do not.
pub const MAX_LOCATION: usize = 32 * 1024;

/// `response_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the redirect URI; never for tokens.
    Query,
    /// In the fragment of the redirect URI.
    Fragment,
    /// A page that posts a form.
    FormPost,
    /// A page that posts a message to the window that opened or embeds it.
    WebMessage,
}

impl ResponseMode {
    /// Every mode, in the order of discovery.
    pub const ALL: [Self; 4] = [Self::Query, Self::Fragment, Self::FormPost, Self::WebMessage];

    /// The registered name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
            Self::WebMessage => "web_message",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// Where an answer goes, independent of what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Registered by the client.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// `state` of the request, echoed.
    pub state: Option<String>,
    /// `iss` of every answer (RFC 9207).
    pub issuer: String,
}

impl Destination {
    /// A successful answer with these members; `state` and `iss` are added and win.
    #[must_use]
    pub fn answer(&self, mut members: JsonMap) -> Response {
        if let Some(state) = &self.state {
            members.insert("state".into(), state.clone().into());
        }
        members.insert("iss".into(), self.issuer.clone().into());
        Response { redirect_uri: self.redirect_uri.clone(), mode: self.mode, members }
    }

    /// Whether an answer has room beside `state`: half of what a redirect carries.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.answer(JsonMap::new()).length() <= MAX_LOCATION / 2
    }

    /// An error answer (RFC 6749 section 4.1.2.1).
    #[must_use]
    pub fn error(&self, code: &str, description: &str) -> Response {
        let mut members = JsonMap::new();
        members.insert("error".into(), described(code).into());
        members.insert("error_description".into(), described(description).into());
        self.answer(members)
    }
}

/// An answer to the client, not yet in its HTTP form.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Where to.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// What.
    pub members: JsonMap,
}

impl Response {
    /// Names and values as text: strings as they are, everything else as JSON.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.members.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    /// The redirect URI with the members in its query or fragment.
    #[must_use]
    pub fn location(&self) -> String {
        let separator = match self.mode {
            ResponseMode::Query if self.redirect_uri.contains('?') => '&',
            ResponseMode::Query => '?',
            ResponseMode::Fragment | ResponseMode::FormPost | ResponseMode::WebMessage => '#',
        };
        format!("{}{separator}{}", self.redirect_uri, encode(&self.fields()))
    }

    /// Whether a redirect carries it. A form or a message has no such bound.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.length() <= MAX_LOCATION
    }

    /// Bytes of the redirect; none if there is none.
    fn length(&self) -> usize {
        match self.mode {
            ResponseMode::Query | ResponseMode::Fragment => self.location().len(),
            ResponseMode::FormPost | ResponseMode::WebMessage => 0,
        }
    }

    /// The `error` member, if this is an error.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.members.get("error").and_then(Value::as_str)
    }
}

/// Form encoding with `%20` for spaces, which every decoder of queries and fragments understands.
fn encode(fields: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn destination(redirect_uri: &str, mode: ResponseMode, state: &str) -> Destination {
        Destination {
            redirect_uri: redirect_uri.into(),
            mode,
            state: Some(state.into()),
            issuer: "http://localhost:8484/".into(),
        }
    }

    fn members(value: &Value) -> JsonMap {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_code_joins_the_query_of_the_redirect_uri() {
        let answer =
            destination("https://rp.example/cb?a=1", ResponseMode::Query, "s").answer(members(&json!({"code": "c"})));
        assert_eq!(answer.location(), "https://rp.example/cb?a=1&code=c&iss=http%3A%2F%2Flocalhost%3A8484%2F&state=s");
    }

    #[test]
    fn state_comes_back_byte_for_byte() {
        for state in ["\"><script>", "%0d%0aSet-Cookie: x=1", "ü + &=#/?", "\r\nLocation: x", &"x".repeat(2_000)] {
            let location =
                destination("https://rp.example/cb", ResponseMode::Query, state).error("access_denied", "no").location();
            let url = url::Url::parse(&location).unwrap();
            let echoed = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
            assert_eq!(echoed, state);
            assert!(location.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }

    #[test]
    fn values_that_are_no_strings_travel_as_json() {
        let answer = destination("https://rp.example/cb", ResponseMode::Fragment, "s")
            .answer(members(&json!({"expires_in": 7200, "api_region": "eu", "ctx": {"a": [1, true]}})));
        let location = answer.location();
        let (_, fragment) = location.split_once('#').unwrap();
        let pairs: Vec<_> = form_urlencoded::parse(fragment.as_bytes()).into_owned().collect();
        assert!(pairs.contains(&("expires_in".into(), "7200".into())));
        assert!(pairs.contains(&("api_region".into(), "eu".into())));
        assert!(pairs.contains(&("ctx".into(), r#"{"a":[1,true]}"#.into())));
    }

    #[test]
    fn members_cannot_replace_state_and_issuer() {
        let answer = destination("https://rp.example/cb", ResponseMode::Query, "s")
            .answer(members(&json!({"state": "x", "iss": "evil"})));
        assert_eq!(answer.members["state"], "s");
        assert_eq!(answer.members["iss"], "http://localhost:8484/");
    }
}
