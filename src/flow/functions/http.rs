//! `http::`: calls to hosts that the operator listed for the action. Redirects are answers, not followed.
//!
//! A call runs on the server's own runtime while the action's thread waits, never longer than the trigger's deadline.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use rhai::{Dynamic, Map, NativeCallContext};

use super::arguments::{Fallible, fail, handle, integer, map, text};
use super::description::{Family, Function, Registrar, example};
use super::egress::{Allowed, Resolver};
use crate::flow::value;

pub(super) const FAMILY: Family = Family { namespace: Some("http"), functions: FUNCTIONS, register };

/// Calls of one run.
const MAX_CALLS: usize = 3;
/// Bytes of a response body.
const MAX_BODY: usize = 256 * 1024;
/// Lists of hosts for which a client, with its open connections, is kept.
const MAX_CLIENTS: usize = 64;
const LIMITS: &str =
    "hosts in `allow_hosts` only; https, or http to this machine; 3 calls for each run; 256 KiB; the trigger's deadline";

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

/// What an answer consists of, before it becomes a map.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
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
        let mut request = self.client(function, &allowed)?.request(method, url).headers(options.headers).timeout(patience);
        if !body.is_unit() {
            let (content, kind) = content(context, function, body)?;
            if !options.has_content_type {
                request = request.header(CONTENT_TYPE, kind);
            }
            request = request.body(content);
        }
        answer_as_map(context, function, wait(function, request, patience)?)
    }

    fn client(&self, function: &str, allowed: &Allowed) -> Fallible<Client> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&allowed.0) {
            return Ok(client.clone());
        }
        let builder = Client::builder()
            .user_agent(concat!("vestibule/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Resolver(allowed.clone())));
        let client = builder.build().or_else(|error| fail(function, format_args!("no client: {}", chain(&error))))?;
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        clients.insert(Arc::clone(&allowed.0), client.clone());
        Ok(client)
    }
}

/// The options of a call.
struct Options {
    headers: HeaderMap,
    has_content_type: bool,
    timeout: Duration,
}

impl Options {
    fn read(function: &str, options: &Dynamic) -> Fallible<Self> {
        let mut read = Self { headers: HeaderMap::new(), has_content_type: false, timeout: Duration::from_secs(10) };
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
        read.has_content_type = read.headers.contains_key(CONTENT_TYPE);
        Ok(read)
    }
}

fn headers(function: &str, value: &Dynamic) -> Fallible<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &map(function, value)? {
        // Those that say where a message ends and whom it is for are the client's own.
        let reserved = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"];
        let header = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| !reserved.contains(&name.as_str()));
        let Some(header) = header else { return fail(function, format_args!("the header `{name}` cannot be set")) };
        let Ok(value) = HeaderValue::from_str(&value.to_string()) else {
            return fail(function, format_args!("the value of the header `{name}` has characters that no header may have"));
        };
        headers.insert(header, value);
    }
    Ok(headers)
}

/// A text is sent as it is, everything else as JSON.
fn content(context: &NativeCallContext, function: &str, body: &Dynamic) -> Fallible<(Vec<u8>, &'static str)> {
    if body.is_string() || body.is_char() {
        return Ok((text(function, body)?.as_bytes().to_vec(), "text/plain; charset=utf-8"));
    }
    Ok((super::json::stringify(context, function, body, 0)?.into_bytes(), "application/json"))
}

/// Sends on the runtime, waits here. (Not `block_on`: that panics where somebody runs actions on a runtime's own thread.)
fn wait(function: &str, request: reqwest::RequestBuilder, patience: Duration) -> Fallible<Answer> {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return fail(function, "not available here") };
    let (sender, receiver) = mpsc::sync_channel(1);
    let task = runtime.spawn(async move {
        // Nobody listens any more if the time is over.
        let _ = sender.send(send(request).await);
    });
    match receiver.recv_timeout(patience) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(reason)) => fail(function, reason),
        Err(_) => {
            task.abort();
            fail(function, format_args!("no answer within {} ms", patience.as_millis()))
        }
    }
}

async fn send(request: reqwest::RequestBuilder) -> Result<Answer, String> {
    let mut response = request.send().await.map_err(|error| chain(&error.without_url()))?;
    let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error.without_url()))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(format!("the answer is longer than {MAX_BODY} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

/// An error with its causes: the first alone says little.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn answer_as_map(context: &NativeCallContext, function: &str, answer: Answer) -> Fallible<Map> {
    let json = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).filter(|kind| kind.contains("json"));
    let json = json.and_then(|_| serde_json::from_slice(&answer.body).ok()).map(|json| value::to_script(&json));
    let limit = context.engine().max_string_size();
    let body = if limit == 0 || answer.body.len() <= limit {
        String::from_utf8_lossy(&answer.body).into_owned().into()
    } else if json.is_some() {
        // The text is too long for a string of a script; its value may not be.
        Dynamic::UNIT
    } else {
        return fail(function, format_args!("the answer is longer than {limit} bytes"));
    };
    let mut headers = Map::new();
    for (name, value) in &answer.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let member = headers.entry(name.as_str().into()).or_insert(Dynamic::UNIT);
        *member = if member.is_unit() { value.into_owned().into() } else { format!("{member}, {value}").into() };
    }
    Ok(Map::from([
        ("status".into(), i64::from(answer.status).into()),
        ("ok".into(), (200..300).contains(&answer.status).into()),
        ("headers".into(), headers.into()),
        ("body".into(), body),
        ("json".into(), json.unwrap_or(Dynamic::UNIT)),
    ]))
}
