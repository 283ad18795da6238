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

/// Why a redirect URI cannot be registered (RFC 6749 section 3.1.2, RFC 8252 section 7, RFC 9700 section 2.1).
pub(super) fn redirect_problem(uri: &str, native: bool) -> Option<(&'static str, Option<&'static str>)> {
    let problem = |message, hint| Some((message, hint));
    if uri.contains('*') {
        return problem("must not contain a wildcard", Some("list every URI: they are compared byte for byte"));
    }
    let Ok(url) = Url::parse(uri) else {
        return problem("must be an absolute URI", Some("start it with `https://` and the host"));
    };
    if DANGEROUS.contains(&url.scheme()) {
        return problem("must not run script or read local files", Some("use an https URI"));
    }
    if uri.contains('#') {
        return problem("must not have a fragment", Some("leave out what follows `#`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return problem("must not contain credentials", None);
    }
    if uri.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return problem("must not contain white space, control characters or backslashes", None);
    }
    if url.query_pairs().any(|(name, _)| ANSWERED.contains(&&*name)) {
        return problem("must not contain a parameter of our answers", Some("a client could take it for ours: rename it"));
    }
    match url.scheme() {
        "http" | "https" => None,
        _ if !native => problem("must be an http or https URI", Some("private-use schemes are for `app_type = \"native\"`")),
        _ => None,
    }
}

/// Whether a URI sends the answer in clear text over a network.
pub(super) fn is_clear_text(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url))
}

/// Why an origin cannot be registered (RFC 6454): scheme, host and port, and nothing else.
pub(super) fn origin_problem(origin: &str) -> Option<(&'static str, Option<String>)> {
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
pub(super) fn issuer_problem(issuer: &str) -> Option<(&'static str, Option<String>)> {
    let Ok(url) = Url::parse(issuer) else {
        return Some(("must be an absolute URL", Some("for example `https://login.example.com/`".to_owned())));
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Some(("must be an http or https URL", None));
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
        ];
        assert_eq!(redirect_problem("https://a.example/cb?tenant=x&codes=1", false), None);
        for uri in bad {
            assert!(redirect_problem(uri, true).is_some(), "{uri}");
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
