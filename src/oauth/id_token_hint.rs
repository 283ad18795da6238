//! `id_token_hint`: an ID token of ours, perhaps expired, that says whom a client means (OpenID Connect Core section 3.1.2.1).

use serde_json::Value;

use crate::app::App;
use crate::domain::JsonMap;
use crate::keys::Keys;

/// The claims of a hint; `None` if it is no ID token of ours. One signed with a client's secret counts for that client alone.
pub(super) fn verify(app: &App, hint: &str) -> Option<JsonMap> {
    let now = app.clock.now();
    if let Ok((_, claims)) = app.keys.load().verify(hint, &app.issuer, now, true) {
        return Some(claims);
    }
    app.hs256_secrets.load().iter().find_map(|(client_id, secret)| {
        let (_, claims) = Keys::verify_hs256(hint, secret, &app.issuer, now, true).ok()?;
        (claims.get("aud").and_then(Value::as_str) == Some(client_id)).then_some(claims)
    })
}
