//! Names that actions cannot set: claims of the protocol, members of the token response, keys of app metadata.

use crate::domain::claims::is_restricted;
use crate::domain::user::RESERVED_APP_METADATA;

/// Hosts whose claims Auth0 keeps for itself.
const NAMESPACES: [&str; 3] = ["auth0.com", "webtask.io", "webtask.run"];

/// Members of the token response that RFC 6749, OpenID Connect, RFC 8693, 9207 and 9396 define; case-sensitive.
const PARAMETERS: [&str; 17] = [
    "access_token",
    "token_type",
    "expires_in",
    "refresh_token",
    "refresh_token_expires_in",
    "scope",
    "id_token",
    "issued_token_type",
    "authorization_details",
    "state",
    "code",
    "iss",
    "session_state",
    "response",
    "c_nonce",
    "c_nonce_expires_in",
    "expires_at",
];

/// Why a claim of this name is refused; `None`: it may be set.
pub(crate) fn refuse_claim(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("a claim needs a name".to_owned());
    }
    if name.starts_with('$') {
        return Some("names that begin with `$` are reserved".to_owned());
    }
    if is_restricted(name) {
        return Some(format!("`{name}` belongs to the protocol"));
    }
    refuse_namespace(name)
}

fn refuse_namespace(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if lower == "urn:auth0" || lower.starts_with("urn:auth0:") {
        return Some("the namespace `urn:auth0` is reserved".to_owned());
    }
    if !lower.starts_with("http:") && !lower.starts_with("https:") {
        return None;
    }
    // Almost every name: nothing is hidden in it, and a reserved host does not stand in it. Parsing costs much more.
    let plain = lower.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%');
    if plain && !NAMESPACES.into_iter().any(|own| lower.contains(own)) {
        return None;
    }
    let parsed = url::Url::parse(name).ok();
    let host = parsed.as_ref().and_then(url::Url::host_str)?;
    let reserved = NAMESPACES.into_iter().find(|own| host == *own || host.ends_with(&format!(".{own}")))?;
    Some(format!("namespaces under `{reserved}` are reserved"))
}

/// Why a token-response parameter of this name is refused; `None`: it may be set.
pub(crate) fn refuse_parameter(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("a parameter needs a name".to_owned());
    }
    if PARAMETERS.contains(&name) || name.starts_with("error") {
        return Some(format!("`{name}` belongs to the protocol"));
    }
    None
}

/// Why a root key of `app_metadata` is refused; `None`: it may be set.
pub(crate) fn refuse_app_metadata(key: &str) -> Option<String> {
    if RESERVED_APP_METADATA.contains(&key) {
        return Some(format!("`{key}` is reserved in app_metadata"));
    }
    refuse_user_metadata(key)
}

/// Why a root key of `user_metadata` is refused; `None`: it may be set.
pub(crate) fn refuse_user_metadata(key: &str) -> Option<String> {
    if key.is_empty() {
        return Some("a metadata key cannot be empty".to_owned());
    }
    key.contains(['.', '$']).then(|| "metadata keys cannot contain `.` or `$`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocol_claims_are_refused_and_rfc_9068_ones_are_not() {
        for name in ["sub", "iss", "aud", "scope", "permissions", "x5t#S256", "", "$x"] {
            assert!(refuse_claim(name).is_some(), "{name}");
        }
        for name in ["roles", "groups", "entitlements", "email", "plan", "Sub", "https://example.com/roles", "urn:example:x"]
        {
            assert_eq!(refuse_claim(name), None, "{name}");
        }
    }

    #[test]
    fn reserved_namespaces_are_refused_however_they_are_spelt() {
        for name in [
            "https://auth0.com/x",
            "HTTPS://Tenant.AUTH0.com:443/x",
            "http://a.webtask.io",
            "https://webtask.run/",
            "urn:auth0:x",
            "URN:AUTH0:x",
            "https://user@auth0.com/x",
            "https://auth%30.com/x",
            "https://au\tth0.com/x",
            "https://ａuth0.com/x",
        ] {
            assert!(refuse_claim(name).is_some(), "{name}");
        }
        for name in ["https://notauth0.com/x", "https://example.com/auth0.com", "urn:auth0x:y"] {
            assert_eq!(refuse_claim(name), None, "{name}");
        }
    }

    #[test]
    fn protocol_parameters_are_refused() {
        for name in ["access_token", "iss", "error", "error_description", "errors", "code", ""] {
            assert!(refuse_parameter(name).is_some(), "{name}");
        }
        for name in ["region", "patient", "Scope", "not_error"] {
            assert_eq!(refuse_parameter(name), None, "{name}");
        }
    }

    #[test]
    fn the_servers_metadata_keys_are_refused() {
        for key in ["blocked", "a.b", "$set", ""] {
            assert!(refuse_app_metadata(key).is_some(), "{key}");
        }
        assert_eq!(refuse_app_metadata("plan"), None);
        assert_eq!(refuse_user_metadata("blocked"), None);
    }
}
