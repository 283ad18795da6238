//! `url::`: taking URLs apart and putting queries together, after the WHATWG standard.

use ::url::form_urlencoded;
use rhai::{Array, Dynamic, ImmutableString, Map, NativeCallContext};

use super::arguments::{Fallible, bounded, fail, kind, map, room_for_text, text};
use super::description::{Family, Function, Registrar, example};

pub(super) const FAMILY: Family = Family { namespace: Some("url"), functions: FUNCTIONS, register };

const FUNCTIONS: &[Function] = &[
    Function::new(
        "parse",
        "url::parse(text) -> map",
        "The parts of an absolute URL: `href`, `protocol`, `origin`, `host`, `hostname`, `port`, `pathname`, `search`, `hash`, `username`, and `query` as a map.",
    )
    .limits("a text that is no absolute URL is an error; a password in it is not given out")
    .examples(&[
        example(r#"url::parse("https://Example.com:8443/a/b?x=1&y=%C3%BC#top").hostname"#, r#""example.com""#),
        example(r#"let u = url::parse("https://example.com:8443/a?x=1#top"); [u.protocol, u.host, u.port, u.pathname, u.search, u.hash]"#, r##"["https:","example.com:8443","8443","/a","?x=1","#top"]"##),
        example(r#"url::parse("https://example.com/?a=1&a=2&b=").query"#, r#"{"a":["1","2"],"b":""}"#),
        example(r#"url::parse("/relative")"#, "error: url::parse: relative URL without a base"),
    ]),
    Function::new("is_valid", "url::is_valid(text) -> boolean", "Whether the text is an absolute URL.")
        .also(&["isValid", "canParse"])
        .examples(&[example(r#"url::is_valid("https://example.com")"#, "true"), example(r#"url::is_valid("ada")"#, "false")]),
    Function::new(
        "encode",
        "url::encode(text) -> string",
        "The text for use within a URL: everything but letters, digits and `-_.!~*'()` as `%XX` (JavaScript's `encodeURIComponent`).",
    )
    .also(&["encodeURIComponent"])
    .limits("refuses a result longer than `max_string_size`")
    .examples(&[
        example(r#"url::encode("a b&c=ü/")"#, r#""a%20b%26c%3D%C3%BC%2F""#),
        example(r#"url::encode("ü".repeat(4000))"#, "error: url::encode: the result is longer than"),
    ]),
    Function::new("decode", "url::decode(text) -> string", "The text that was encoded.")
        .also(&["decodeURIComponent"])
        .limits("bytes that are not UTF-8 are an error")
        .examples(&[
            example(r#"url::decode("a%20b%26c+%C3%BC")"#, r#""a b&c+ü""#),
            example(r#"url::decode("%FF")"#, "error: url::decode: the bytes are no UTF-8 text"),
        ]),
    Function::new(
        "build_query",
        "url::build_query(map) -> string",
        "A query of the members; an array yields its name several times, `()` is left out.",
    )
    .also(&["buildQuery"])
    .limits("refuses nested maps, and a result longer than `max_string_size`")
    .examples(&[
        example(r#"url::build_query(#{ q: "a b", n: 1, tag: ["x", "y"], none: () })"#, r#""n=1&q=a+b&tag=x&tag=y""#),
        example("url::build_query(#{ a: #{} })", "error: url::build_query: a map cannot be a parameter"),
    ]),
    Function::new(
        "parse_query",
        "url::parse_query(text) -> map",
        "The parameters of a query, with or without `?`; one that occurs several times is an array.",
    )
    .also(&["parseQuery"])
    .examples(&[
        example(r#"url::parse_query("?a=1&b=x+y&a=2")"#, r#"{"a":["1","2"],"b":"x y"}"#),
        example(r#"url::parse_query("")"#, "{}"),
    ]),
    Function::new(
        "with_query",
        "url::with_query(text, map) -> string",
        "An absolute URL with more parameters at the end of its query.",
    )
    .also(&["withQuery"])
    .examples(&[example(
        r##"url::with_query("https://example.com/cb?a=1#top", #{ state: "x y" })"##,
        r##""https://example.com/cb?a=1&state=x+y#top""##,
    )]),
];

fn register(library: &mut Registrar<'_>) {
    library.add("parse", parse);
    library.add("is_valid", |value: Dynamic| text("", &value).is_ok_and(|value| ::url::Url::parse(&value).is_ok()));
    library.add("encode", encode);
    library.add("decode", decode);
    library.add("build_query", |context: NativeCallContext, parameters: Dynamic| -> Fallible<ImmutableString> {
        let parameters = map("url::build_query", &parameters)?;
        bounded(&context, "url::build_query", query_of(&context, "url::build_query", &parameters)?)
    });
    library.add("parse_query", |query: Dynamic| -> Fallible<Map> {
        let query = text("url::parse_query", &query)?;
        Ok(parameters(query.strip_prefix('?').unwrap_or(&query)))
    });
    library.add("with_query", with_query);
}

fn absolute(function: &str, value: &Dynamic) -> Fallible<::url::Url> {
    ::url::Url::parse(&text(function, value)?).or_else(|error| fail(function, error))
}

fn parse(value: Dynamic) -> Fallible<Map> {
    let url = absolute("url::parse", &value)?;
    let port = url.port().map(|port| port.to_string()).unwrap_or_default();
    let hostname = url.host_str().unwrap_or_default();
    let host = if port.is_empty() { hostname.to_owned() } else { format!("{hostname}:{port}") };
    let prefixed = |prefix: &str, part: Option<&str>| {
        part.filter(|part| !part.is_empty()).map(|part| format!("{prefix}{part}")).unwrap_or_default()
    };
    let mut shown = url.clone();
    // It fails for URLs that cannot have a password.
    let _ = shown.set_password(None);
    Ok(Map::from([
        ("href".into(), shown.as_str().into()),
        ("protocol".into(), format!("{}:", url.scheme()).into()),
        ("origin".into(), url.origin().ascii_serialization().into()),
        ("host".into(), host.into()),
        ("hostname".into(), hostname.into()),
        ("port".into(), port.into()),
        ("pathname".into(), url.path().into()),
        ("search".into(), prefixed("?", url.query()).into()),
        ("hash".into(), prefixed("#", url.fragment()).into()),
        ("username".into(), url.username().into()),
        ("query".into(), parameters(url.query().unwrap_or_default()).into()),
    ]))
}

/// Parameters by name; one that occurs several times becomes an array.
fn parameters(query: &str) -> Map {
    let mut parameters = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = Dynamic::from(value.into_owned());
        match parameters.get_mut(name.as_ref()) {
            None => {
                parameters.insert(name.as_ref().into(), value);
            }
            Some(earlier) => {
                let mut values = if earlier.is_array() {
                    earlier.take().into_array().unwrap_or_default()
                } else {
                    Array::from([earlier.take()])
                };
                values.push(value);
                *earlier = values.into();
            }
        }
    }
    parameters
}

fn encode(context: NativeCallContext, value: Dynamic) -> Fallible<ImmutableString> {
    use std::fmt::Write as _;
    let value = text("url::encode", &value)?;
    let mut encoded = String::with_capacity(value.len());
    for &byte in value.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    bounded(&context, "url::encode", encoded)
}

fn decode(value: Dynamic) -> Fallible<ImmutableString> {
    let value = text("url::decode", &value)?;
    match String::from_utf8(percent_decoded(value.as_bytes())) {
        Ok(text) => Ok(text.into()),
        Err(_) => fail("url::decode", "the bytes are no UTF-8 text"),
    }
}

/// `%XX` becomes a byte; a `%` that is not followed by two digits stays.
fn percent_decoded(encoded: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [first, tail @ ..] = rest {
        let byte = match tail {
            [high, low, ..] if *first == b'%' => hexadecimal(*high).zip(hexadecimal(*low)),
            _ => None,
        };
        if let Some((high, low)) = byte {
            bytes.push(high * 16 + low);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    bytes
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn with_query(context: NativeCallContext, value: Dynamic, parameters: Dynamic) -> Fallible<ImmutableString> {
    let mut url = absolute("url::with_query", &value)?;
    let added = query_of(&context, "url::with_query", &map("url::with_query", &parameters)?)?;
    let query = match url.query() {
        Some(query) if !query.is_empty() && !added.is_empty() => format!("{query}&{added}"),
        Some(query) if added.is_empty() => query.to_owned(),
        _ => added,
    };
    url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
    bounded(&context, "url::with_query", url.into())
}

fn query_of(context: &NativeCallContext, function: &str, parameters: &Map) -> Fallible<String> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let mut length = 0;
    for (name, value) in parameters {
        let values = value.as_array_ref().map_or_else(|_| vec![value.clone()], |values| values.to_vec());
        for value in values.iter().filter(|value| !value.is_unit()) {
            if value.is_map() || value.is_array() || value.is_fnptr() {
                return fail(function, format_args!("{} cannot be a parameter", kind(value)));
            }
            let value = value.to_string();
            length += name.len() + value.len();
            room_for_text(context, function, Some(length))?;
            query.append_pair(name, &value);
        }
    }
    Ok(query.finish())
}
