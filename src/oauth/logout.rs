//! Ending the session: Auth0's `/v2/logout` and RP-Initiated Logout 1.0 at `/oidc/logout`. Return addresses are compared
//! exactly; whoever cannot show an ID token of the session's user is asked first.

use serde_json::Value;
use url::form_urlencoded;

use crate::app::App;
use crate::domain::client::Client;
use crate::domain::hash;
use crate::domain::session::Session;

use super::error::Result;
use super::id_token_hint;
use super::parameters::Parameters;
use super::session::{self, Browser};

/// What the browser sees next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The session is over; back to this registered address.
    Redirect(String),
    /// The session is over.
    LoggedOut,
    /// The session is over, but the return address is not registered.
    LoggedOutWithoutReturn,
    /// The user decides; these go into the form.
    Confirm(Confirmation),
    /// The request is wrong and nothing happened.
    Refused(&'static str),
}

/// The form that asks the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// Ties the form to the session.
    pub csrf: String,
    /// `client_id`, `post_logout_redirect_uri` and `state` to come back with; validated again then.
    pub fields: Vec<(&'static str, String)>,
}

/// `/v2/logout?client_id&returnTo`: ends the session at once, as Auth0 does.
///
/// # Errors
/// The database's.
pub async fn v2(app: &App, parameters: &Parameters, browser: &Browser) -> Result<Outcome> {
    if parameters.first_unusable().is_some() {
        return Ok(Outcome::Refused("a parameter was sent twice or is no UTF-8 text"));
    }
    let return_to = parameters.get("returnTo");
    let target = match (parameters.get("client_id"), return_to) {
        (Some(client_id), return_to) => match (app.store.client(client_id).await?, return_to) {
            (None, _) => return Ok(Outcome::Refused("unknown `client_id`")),
            (Some(client), None) => client.allowed_logout_urls.first().cloned(),
            (Some(client), Some(url)) if allows(&client, url) => Some(url.to_owned()),
            (Some(_), Some(_)) => return Ok(Outcome::Refused("`returnTo` is not among the client's `allowed_logout_urls`")),
        },
        (None, Some(url)) if app.store.clients().await?.iter().any(|client| allows(client, url)) => Some(url.to_owned()),
        (None, Some(_)) => return Ok(Outcome::Refused("`returnTo` is not among any client's `allowed_logout_urls`")),
        (None, None) => None,
    };
    let session = session::find(app, browser).await?;
    end(app, session.as_slice()).await?;
    Ok(target.map_or(Outcome::LoggedOut, Outcome::Redirect))
}

/// `/oidc/logout` as a client sends the browser there.
///
/// # Errors
/// The database's.
pub async fn rp_initiated(app: &App, parameters: &Parameters, browser: &Browser) -> Result<Outcome> {
    if parameters.first_unusable().is_some() {
        return Ok(Outcome::Refused("a parameter was sent twice or is no UTF-8 text"));
    }
    let session = session::find(app, browser).await?;
    let hint = Hint::read(app, parameters);
    let trusted = match &hint {
        Hint::Valid { subject, .. } => session.as_ref().is_none_or(|session| session.user_id == *subject),
        Hint::Absent => session.as_ref().is_some_and(|session| parameters.get("logout_hint") == Some(&session.id)),
        Hint::Invalid => false,
    };
    let client_id = hint.client_id(parameters);
    if !trusted {
        return Ok(Outcome::Confirm(confirmation(parameters, client_id, browser)));
    }
    let named = match &hint {
        Hint::Valid { session_id: Some(id), subject, .. } => {
            app.store.session_by_id(id).await?.filter(|session| session.user_id == *subject)
        }
        _ => None,
    };
    let sessions: Vec<Session> = session.into_iter().chain(named).collect();
    end(app, &sessions).await?;
    back(app, parameters, client_id.as_deref()).await
}

/// The user said yes. The form's fields are not believed: the address must be registered now.
///
/// # Errors
/// The database's.
pub async fn confirmed(app: &App, parameters: &Parameters, browser: &Browser) -> Result<Outcome> {
    if !parameters.get("csrf").is_some_and(|csrf| hash::equal(csrf, &csrf_token(browser))) {
        return Ok(Outcome::Refused("this form was not made for this browser"));
    }
    let session = session::find(app, browser).await?;
    end(app, session.as_slice()).await?;
    back(app, parameters, parameters.get("client_id")).await
}

/// What `id_token_hint` proves.
#[derive(Debug)]
enum Hint {
    Absent,
    /// Forged, foreign, or in conflict with `client_id`.
    Invalid,
    Valid {
        subject: String,
        client_id: String,
        session_id: Option<String>,
    },
}

impl Hint {
    fn read(app: &App, parameters: &Parameters) -> Self {
        let Some(token) = parameters.get("id_token_hint") else { return Self::Absent };
        let Some(claims) = id_token_hint::verify(app, token) else { return Self::Invalid };
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        match (text("sub"), text("aud")) {
            (Some(subject), Some(client_id)) if parameters.get("client_id").is_none_or(|asked| asked == client_id) => {
                Self::Valid { subject, client_id, session_id: text("sid") }
            }
            _ => Self::Invalid,
        }
    }

    /// Whose return addresses count.
    fn client_id(&self, parameters: &Parameters) -> Option<String> {
        match self {
            Self::Valid { client_id, .. } => Some(client_id.clone()),
            Self::Absent => parameters.owned("client_id"),
            Self::Invalid => None,
        }
    }
}

fn confirmation(parameters: &Parameters, client_id: Option<String>, browser: &Browser) -> Confirmation {
    let mut fields = Vec::new();
    if let Some(client_id) = client_id {
        fields.push(("client_id", client_id));
        for name in ["post_logout_redirect_uri", "state"] {
            fields.extend(parameters.owned(name).map(|value| (name, value)));
        }
    }
    Confirmation { csrf: csrf_token(browser), fields }
}

fn csrf_token(browser: &Browser) -> String {
    hash::sha256(&format!("logout {}", browser.session.as_deref().unwrap_or_default()))
}

async fn end(app: &App, sessions: &[Session]) -> Result<()> {
    if sessions.is_empty() {
        return Ok(());
    }
    let mut tx = app.store.begin().await?;
    for session in sessions {
        tx.revoke_session(&session.id, false, app.clock.now_ms()).await?;
    }
    Ok(tx.commit().await?)
}

/// The return address with `state`, if it is registered.
async fn back(app: &App, parameters: &Parameters, client_id: Option<&str>) -> Result<Outcome> {
    let Some(url) = parameters.get("post_logout_redirect_uri") else { return Ok(Outcome::LoggedOut) };
    let client = match client_id {
        Some(client_id) => app.store.client(client_id).await?,
        None => None,
    };
    Ok(match client {
        Some(client) if allows(&client, url) => Outcome::Redirect(with_state(url, parameters.get("state"))),
        _ => Outcome::LoggedOutWithoutReturn,
    })
}

fn allows(client: &Client, url: &str) -> bool {
    client.allowed_logout_urls.iter().any(|allowed| allowed == url)
}

fn with_state(url: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return url.to_owned() };
    let (base, fragment) = url.split_once('#').map_or((url, None), |(base, fragment)| (base, Some(fragment)));
    let separator = if base.contains('?') { '&' } else { '?' };
    let encoded: String = form_urlencoded::byte_serialize(state.as_bytes()).collect::<String>().replace('+', "%20");
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{base}{separator}state={encoded}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::fixtures::web_application;

    #[test]
    fn logout_addresses_match_exactly() {
        let client = web_application();
        assert!(allows(&client, "https://rp.example/"));
        for url in
            ["https://rp.example", "https://rp.example/?a=1", "https://rp.example/#", "//rp.example/", "https://RP.example/"]
        {
            assert!(!allows(&client, url), "{url}");
        }
    }

    #[test]
    fn state_is_echoed_encoded() {
        assert_eq!(with_state("https://rp.example/", None), "https://rp.example/");
        assert_eq!(with_state("https://rp.example/", Some("a b&c\r\n")), "https://rp.example/?state=a%20b%26c%0D%0A");
        assert_eq!(with_state("https://rp.example/?a=1#f", Some("s")), "https://rp.example/?a=1&state=s#f");
    }

    #[test]
    fn the_confirmation_belongs_to_one_session() {
        let browser = |secret: &str| Browser { session: Some(secret.into()), ..Browser::default() };
        assert_ne!(csrf_token(&browser("a")), csrf_token(&browser("b")));
        assert_ne!(csrf_token(&browser("a")), csrf_token(&Browser::default()));
    }
}
