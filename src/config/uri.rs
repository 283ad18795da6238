//! Which URIs and origins a client may register. They are compared byte for byte later, so nothing is rewritten here.

use url::{Host, Url};

/// Schemes that would run script or read local files in a browser.
const DANGEROUS: [&str; 7] = ["javascript", "data", "vbscript", "blob", "file", "about", "view-source"];

/// Whether a host is this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What stands behind `?` in answers: a registered one of the same name would be read instead of ours.
const ANSWERED: [&str; 8] = ["code", "state", "iss", "error", "error_description", "response", "access_token", "id_token"];

/// What is wrong, and what to do about it.
pub(super) type Problem = (&'static str, Option<String>);

/// Why a redirect URI cannot be registered (RFC 6749 section 3.1.2, RFC 8252 section 7, RFC 9700 section 2.1).
pub(super) fn redirect_problem(uri: &str, native: bool) -> Option<Problem> {
    let problem = |message, hint: &str| Some((message, Some(hint.to_owned())));
    if uri.contains('*') {
        return problem("must not contain a wildcard", "list every URI: they are compared byte for byte");
    }
    let Ok(url) = Url::parse(uri) else {
        return problem("must be an absolute URI", "start it with `https://` and the host");
    };
    if DANGEROUS.contains(&url.scheme()) {
        return problem("must not run script or read local files", "use an https URI");
    }
    if uri.contains('#') {
        return problem("must not have a fragment", "leave out what follows `#`");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some(("must not contain credentials", None));
    }
    if uri.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Some(("must not contain white space, control characters or backslashes", None));
    }
    if let Some(problem) = relative_problem(uri, &url) {
        return Some(problem);
    }
    if !uri.is_ascii() {
        return problem("must be ASCII, as it stands in a `Location` header", &format!("write `{url}`"));
    }
    if url.query_pairs().any(|(name, _)| ANSWERED.contains(&&*name)) {
        return problem("must not contain a parameter of our answers", "a client could take it for ours: rename it");
    }
    match url.scheme() {
        "http" | "https" => None,
        _ if !native => problem("must be an http or https URI", "private-use schemes are for `app_type = \"native\"`"),
        _ => None,
    }
}

/// `https:x/cb` names no host: at an https address of ours, a browser takes it for a path below that (WHATWG URL, "special
/// relative or authority state").
fn relative_problem(uri: &str, url: &Url) -> Option<Problem> {
    let authority = uri.get(url.scheme().len()..).and_then(|rest| rest.strip_prefix("://"));
    let has_host = authority.is_some_and(|authority| !authority.starts_with('/'));
    if has_host || !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    Some(("must have `//` and the host behind the scheme", Some(format!("write `{url}`"))))
}

/// Whether a URI sends the answer in clear text over a network.
pub(super) fn is_clear_text(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url))
}

/// Why an origin cannot be registered (RFC 6454): scheme, host and port, and nothing else.
pub(super) fn origin_problem(origin: &str) -> Option<Problem> {
    if origin.contains('*') || origin == "null" {
        return Some(("must name one origin", Some("wildcards and `null` are not allowed".to_owned())));
    }
    let Ok(url) = Url::parse(origin) else {
        return Some(("must be an origin", Some("for example `https://app.example.com`".to_owned())));
    };
    let serialized = url.origin().ascii_serialization();
    match serialized == origin {
        true => None,
        false if serialized == "null" => Some(("must be an http or https origin", None)),
        false => Some(("must be an origin: scheme, host and port only", Some(format!("write `{serialized}`")))),
    }
}

/// Why a string cannot be the issuer (OpenID Connect Discovery section 3).
pub(super) fn issuer_problem(issuer: &str) -> Option<Problem> {
    let Ok(url) = Url::parse(issuer) else {
        return Some(("must be an absolute URL", Some("for example `https://login.example.com/`".to_owned())));
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Some(("must be an http or https URL", None));
    }
    if let Some(problem) = relative_problem(issuer, &url) {
        return Some(problem);
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Some(("must have neither query, fragment nor credentials", None));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p006_dangerous_redirect_uris_are_refused() {
        let bad = [
            "javascript:alert(1)",
            "data:text/html,x",
            "/callback",
            "https://*.example.com/",
            "https://a.example/#x",
            "https://u@a.example/",
            "vbscript:x",
            "https://a.example/cb?code=x",
            "https://a.example/cb?x=1&s%74ate=y",
            "https://a.example/cb?iss=https://b.example/",
            "https://a.example/cb?response=x",
            "https:a.example/cb",
            "https:/a.example/cb",
            "https:///a.example/cb",
            "HTTPS:a.example/cb",
            "http:localhost/cb",
            "https://a.example/\u{fc}",
            "https://a.example/cb?x=\u{fc}",
            "https://b\u{fc}cher.example/cb",
            "com.example.app:/\u{fc}",
        ];
        assert_eq!(redirect_problem("https://a.example/cb?tenant=x&codes=1", false), None);
        for uri in bad {
            assert!(redirect_problem(uri, true).is_some(), "{uri}");
        }
    }

    #[test]
    fn p006_what_cannot_work_is_refused_with_what_to_write_instead() {
        for (uri, instead) in [
            ("https:a.example/cb", "write `https://a.example/cb`"),
            ("https:///a.example/cb", "write `https://a.example/cb`"),
            ("https://a.example/\u{fc}", "write `https://a.example/%C3%BC`"),
            ("https://b\u{fc}cher.example/cb", "write `https://xn--bcher-kva.example/cb`"),
        ] {
            assert_eq!(redirect_problem(uri, false).unwrap().1.as_deref(), Some(instead), "{uri}");
            let instead = instead.trim_start_matches("write `").trim_end_matches('`');
            assert_eq!(redirect_problem(instead, false), None, "{instead}");
        }
        for uri in ["HTTPS://a.example/cb", "https://a.example", "http://[::1]/cb", "https://a.example/%C3%BC"] {
            assert_eq!(redirect_problem(uri, false), None, "{uri}");
        }
        for (origin, instead) in [
            ("https:a.example", "write `https://a.example`"),
            ("https:///a.example", "write `https://a.example`"),
            ("https://b\u{fc}cher.example", "write `https://xn--bcher-kva.example`"),
            ("HTTPS://A.example", "write `https://a.example`"),
        ] {
            assert_eq!(origin_problem(origin).unwrap().1.as_deref(), Some(instead), "{origin}");
        }
    }

    #[test]
    fn private_use_schemes_belong_to_native_applications() {
        assert!(redirect_problem("com.example.app:/callback", true).is_none());
        assert!(redirect_problem("com.example.app:/callback", false).is_some());
    }

    #[test]
    fn an_origin_has_no_path() {
        assert!(origin_problem("https://app.example.com").is_none());
        assert_eq!(origin_problem("http://localhost:3000/").unwrap().1.as_deref(), Some("write `http://localhost:3000`"));
        assert!(origin_problem("https://*.example.com").is_some());
    }
}
