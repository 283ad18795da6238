//! `http::`: calls to hosts that the operator listed for the action. Redirects are answers, not followed.
//!
//! A call runs on the server's own runtime while the action's thread waits, never longer than the trigger's deadline.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use rhai::{Dynamic, Map, NativeCallContext};

use super::arguments::{Fallible, fail, handle, integer, map, text};
use super::description::{Family, Function, Registrar, example};
use super::egress::{Allowed, Resolver};
use crate::domain::outside::{HttpAnswer, HttpExchange, HttpRequest};
use crate::flow::{Http, value};

pub(super) const FAMILY: Family = Family { namespace: Some("http"), functions: FUNCTIONS, register };

/// Calls of one run.
const MAX_CALLS: usize = 3;
/// Bytes of a response body.
const MAX_BODY: usize = 256 * 1024;
/// Lists of hosts for which a client, with its open connections, is kept.
const MAX_CLIENTS: usize = 64;
const LIMITS: &str = "hosts in `allow_hosts` only; https, or http to this machine; 3 calls for each run; 256 KiB, and what is too long for a text of a script (`max_string_size`) is in `json` alone or refused; the trigger's deadline";

const FUNCTIONS: &[Function] = &[
    Function::new(
        "get",
        "http::get(url, options = #{}) -> map",
        "The answer of a server: `status`, `ok` (2xx), `headers`, `body`, and `json` if the body is JSON. Options: `headers` (map), `timeout` (milliseconds).",
    )
    .limits(LIMITS)
    .examples(&[
        example(r#"http::get("https://example.com/")"#, "error: http::get: the host `example.com` is not in this action's `allow_hosts`"),
        example(r#"http::get("example.com")"#, "error: http::get: relative URL without a base"),
        example(r#"http::get("https://a.example/", #{ timout: 5 })"#, "error: http::get: unknown option `timout`; options are `headers` and `timeout`"),
    ]),
    Function::new(
        "post",
        "http::post(url, body, options = #{}) -> map",
        "Sends a text, or any other value as JSON, and yields the answer as `get` does.",
    )
    .limits(LIMITS)
    .examples(&[example(
        r#"http::post("https://example.com/", #{ a: 1 })"#,
        "error: http::post: the host `example.com` is not in this action's `allow_hosts`",
    )]),
    Function::new(
        "request",
        "http::request(method, url, body, options = #{}) -> map",
        "Any other method (`PUT`, `PATCH`, `DELETE` …); the body is `()` for none.",
    )
    .limits(LIMITS)
    .examples(&[example(
        r#"http::request("DELETE", "https://example.com/1", ())"#,
        "error: http::request: the host `example.com` is not in this action's `allow_hosts`",
    )]),
];

/// Headers by name in lower case.
type Headers = BTreeMap<String, String>;

/// The calls that one run has made.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<AtomicUsize>);

impl Calls {
    /// Counts one more; `false` if there were enough.
    fn take(&self) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst) < MAX_CALLS
    }
}

/// Clients by list of hosts: a client keeps connections open, and its resolver knows the list.
#[derive(Clone, Default)]
struct Clients(Arc<Mutex<BTreeMap<Arc<[String]>, Client>>>);

fn register(library: &mut Registrar<'_>) {
    let clients = Clients::default();
    let (get, get_with) = (clients.clone(), clients.clone());
    library.add("get", move |context: NativeCallContext, url: Dynamic| {
        get.call(&context, "http::get", Method::GET, &url, &Dynamic::UNIT, &Dynamic::from(Map::new()))
    });
    library.add("get", move |context: NativeCallContext, url: Dynamic, options: Dynamic| {
        get_with.call(&context, "http::get", Method::GET, &url, &Dynamic::UNIT, &options)
    });
    let (post, post_with) = (clients.clone(), clients.clone());
    library.add("post", move |context: NativeCallContext, url: Dynamic, body: Dynamic| {
        post.call(&context, "http::post", Method::POST, &url, &body, &Dynamic::from(Map::new()))
    });
    library.add("post", move |context: NativeCallContext, url: Dynamic, body: Dynamic, options: Dynamic| {
        post_with.call(&context, "http::post", Method::POST, &url, &body, &options)
    });
    let (request, request_with) = (clients.clone(), clients);
    library.add("request", move |context: NativeCallContext, name: Dynamic, url: Dynamic, body: Dynamic| {
        request.call(&context, "http::request", method(&name)?, &url, &body, &Dynamic::from(Map::new()))
    });
    library.add(
        "request",
        move |context: NativeCallContext, name: Dynamic, url: Dynamic, body: Dynamic, options: Dynamic| {
            request_with.call(&context, "http::request", method(&name)?, &url, &body, &options)
        },
    );
}

fn method(name: &Dynamic) -> Fallible<Method> {
    let name = text("http::request", name)?.to_uppercase();
    match Method::from_bytes(name.as_bytes()) {
        Ok(method) if method != Method::CONNECT && method != Method::TRACE => Ok(method),
        _ => fail("http::request", format_args!("unknown method `{name}`")),
    }
}

impl Clients {
    fn call(
        &self,
        context: &NativeCallContext,
        function: &'static str,
        method: Method,
        url: &Dynamic,
        body: &Dynamic,
        options: &Dynamic,
    ) -> Fallible<Map> {
        let run = handle(context, function)?;
        let options = Options::read(function, options)?;
        let url = url::Url::parse(&text(function, url)?).or_else(|error| fail(function, error))?;
        let allowed = Allowed(Arc::clone(&run.allow_hosts));
        allowed.check(&url).or_else(|reason| fail(function, reason))?;
        if !run.calls.take() {
            return fail(function, format_args!("an action may make {MAX_CALLS} calls"));
        }
        let patience = options.timeout.min(run.deadline.saturating_duration_since(Instant::now()));
        let (method, url) = (method.as_str().to_owned(), url.into());
        let mut request = HttpRequest { method, url, headers: options.headers, body: None };
        if !body.is_unit() {
            let (content, kind) = content(context, function, body)?;
            request.headers.entry(CONTENT_TYPE.as_str().to_owned()).or_insert_with(|| kind.to_owned());
            request.body = Some(content);
        }
        let answer = match run.witness.http() {
            Http::Network => self.client(&allowed).and_then(|client| wait(&client, &request, patience)),
            Http::Answers(answers) => answers.answer(&request).and_then(bounded),
        };
        run.witness.called(HttpExchange { request, answer: answer.clone() });
        answer_as_map(context, function, &answer.or_else(|reason| fail(function, reason))?)
    }

    fn client(&self, allowed: &Allowed) -> Result<Client, String> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&allowed.0) {
            return Ok(client.clone());
        }
        let builder = Client::builder()
            .user_agent(concat!("vestibule/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Resolver(allowed.clone())));
        let client = builder.build().map_err(|error| format!("no client: {}", chain(&error)))?;
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        clients.insert(Arc::clone(&allowed.0), client.clone());
        Ok(client)
    }
}

/// The options of a call.
struct Options {
    headers: Headers,
    timeout: Duration,
}

impl Options {
    fn read(function: &str, options: &Dynamic) -> Fallible<Self> {
        let mut read = Self { headers: Headers::new(), timeout: Duration::from_secs(10) };
        for (name, value) in &map(function, options)? {
            match name.as_str() {
                "headers" => read.headers = headers(function, value)?,
                "timeout" => {
                    let milliseconds = integer(function, value)?.max(1);
                    read.timeout = Duration::from_millis(milliseconds.unsigned_abs());
                }
                _ => return fail(function, format_args!("unknown option `{name}`; options are `headers` and `timeout`")),
            }
        }
        Ok(read)
    }
}

fn headers(function: &str, value: &Dynamic) -> Fallible<Headers> {
    let mut headers = Headers::new();
    for (name, value) in &map(function, value)? {
        // Those that say where a message ends and whom it is for are the client's own.
        let reserved = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"];
        let header = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| !reserved.contains(&name.as_str()));
        let Some(header) = header else { return fail(function, format_args!("the header `{name}` cannot be set")) };
        let value = value.to_string();
        if HeaderValue::from_str(&value).is_err() {
            return fail(function, format_args!("the value of the header `{name}` has characters that no header may have"));
        }
        headers.insert(header.as_str().to_owned(), value);
    }
    Ok(headers)
}

/// A text is sent as it is, everything else as JSON.
fn content(context: &NativeCallContext, function: &str, body: &Dynamic) -> Fallible<(String, &'static str)> {
    if body.is_string() || body.is_char() {
        return Ok((text(function, body)?.into_owned(), "text/plain; charset=utf-8"));
    }
    Ok((super::json::stringify(context, function, body, 0)?, "application/json"))
}

/// Sends on the runtime, waits here. (Not `block_on`: that panics where somebody runs actions on a runtime's own thread.)
fn wait(client: &Client, request: &HttpRequest, patience: Duration) -> Result<HttpAnswer, String> {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return Err("not available here".to_owned()) };
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|error| error.to_string())?;
    let mut sending = client.request(method, &request.url).timeout(patience);
    for (name, value) in &request.headers {
        sending = sending.header(name, value);
    }
    if let Some(body) = &request.body {
        sending = sending.body(body.clone());
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let task = runtime.spawn(async move {
        // Nobody listens any more if the time is over.
        let _ = sender.send(send(sending).await);
    });
    receiver.recv_timeout(patience).unwrap_or_else(|_| {
        task.abort();
        Err(format!("no answer within {} ms", patience.as_millis()))
    })
}

async fn send(request: reqwest::RequestBuilder) -> Result<HttpAnswer, String> {
    let mut response = request.send().await.map_err(|error| chain(&error.without_url()))?;
    let mut answer = HttpAnswer { status: response.status().as_u16(), ..HttpAnswer::default() };
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        let joined = match answer.headers.get(name.as_str()) {
            Some(before) => format!("{before}, {value}"),
            None => value.into_owned(),
        };
        answer.headers.insert(name.as_str().to_owned(), joined);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error.without_url()))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    answer.body = String::from_utf8(body).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok(answer)
}

/// An answer that did not come from the network keeps to the same bound.
fn bounded(answer: HttpAnswer) -> Result<HttpAnswer, String> {
    if answer.body.len() > MAX_BODY { Err(too_long()) } else { Ok(answer) }
}

fn too_long() -> String {
    format!("the answer is longer than {MAX_BODY} bytes")
}

/// An error with its causes: the first alone says little.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The whole is as large as a value of a script may be: of JSON that is too long with its text, the value alone is left.
fn answer_as_map(context: &NativeCallContext, function: &str, answer: &HttpAnswer) -> Fallible<Map> {
    let is_json = answer.headers.get(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("json"));
    let json = is_json.then(|| serde_json::from_str(&answer.body).ok()).flatten().map(|json| value::to_script(&json));
    let has_json = json.is_some();
    let header = |(name, value): (&String, &String)| (name.into(), value.into());
    let mut whole = Dynamic::from_map(Map::from([
        ("status".into(), i64::from(answer.status).into()),
        ("ok".into(), (200..300).contains(&answer.status).into()),
        ("headers".into(), answer.headers.iter().map(header).collect::<Map>().into()),
        ("body".into(), answer.body.as_str().into()),
        ("json".into(), json.unwrap_or(Dynamic::UNIT)),
    ]));
    let fits = |whole: &Dynamic| context.engine().ensure_data_size_within_limits(whole).is_ok();
    if !fits(&whole)
        && has_json
        && let Some(mut map) = whole.write_lock::<Map>()
    {
        map.insert("body".into(), Dynamic::UNIT);
    }
    if !fits(&whole) {
        return fail(function, too_large(has_json, answer.body.len()));
    }
    Ok(whole.cast::<Map>())
}

fn too_large(is_json: bool, length: usize) -> String {
    if is_json {
        return "the JSON of the answer holds more than a value of a script may\nhint: ask for less of it; the limits are \
                `max_string_size`, `max_array_size` and `max_map_size`"
            .to_owned();
    }
    format!(
        "the answer is a text of {length} bytes, more than a text of a script may have\nhint: the limit is `max_string_size`; \
         JSON may be longer: `json` is its value"
    )
}
