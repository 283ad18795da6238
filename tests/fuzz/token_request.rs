//! The token endpoint on arbitrary requests: an answer of the protocol, and tokens only for who knows the secret.

use axum::http::{HeaderMap, HeaderValue};

use super::provider::provider;

/// `Content-Type`, a line feed, `Authorization` (or nothing), a line feed, the body.
pub fn run(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let (media, authorization, body) = (parts.next(), parts.next(), parts.next());
    let mut headers = HeaderMap::new();
    let media = match media.unwrap_or_default() {
        b"j" => b"application/json".as_slice(),
        b"f" => b"application/x-www-form-urlencoded",
        other => other,
    };
    for (name, value) in [("content-type", media), ("authorization", authorization.unwrap_or_default())] {
        if let Ok(value) = HeaderValue::from_bytes(value)
            && !value.is_empty()
        {
            headers.insert(name, value);
        }
    }
    let (status, answer) = provider().token(headers, body.unwrap_or_default().to_vec());
    if status.is_success() {
        // The secret in clear, or in Base64, whose characters depend on where it begins.
        assert!(
            data.windows(8)
                .any(|part| [&b"the-secr"[..], b"secret-o", b"%", b"\\u"].iter().any(|own| part.starts_with(own)))
                || authorization.is_some_and(|header| header.len() > 40),
            "{answer}"
        );
    }
}
