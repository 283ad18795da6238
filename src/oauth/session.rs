//! The single sign-on session of a browser: found by the hash of its cookie, replaced at every login, moved on at every use.

use crate::app::{App, Lifetimes};
use crate::domain::hash;
use crate::domain::session::{AuthenticationMethod, Session};
use crate::store::Tx;

use super::RequestContext;
use super::authorization_request::{AuthorizationRequest, Prompt};
use super::error::Result;

/// The secrets that a browser presents in cookies.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// Of the session.
    pub session: Option<String>,
    /// Those that tie logins under way to this browser: several, if it opened several tabs at once before it had any.
    pub bindings: Vec<String>,
}

impl Browser {
    /// The oldest binding, which stays: what the browser is known by.
    #[must_use]
    pub fn own_binding(&self) -> Option<&str> {
        self.bindings.first().map(String::as_str)
    }
}

/// What the answer does with the session cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SessionChange {
    /// Nothing.
    #[default]
    Keep,
    /// A new session with this secret.
    Start(String),
    /// The session has ended.
    End,
}

/// The browser's live session.
///
/// # Errors
/// The database's.
pub async fn find(app: &App, browser: &Browser) -> Result<Option<Session>> {
    let Some(secret) = &browser.session else { return Ok(None) };
    Ok(app.store.session(&hash::sha256(secret), app.clock.now_ms()).await?)
}

/// Whether the session answers the request without the user: nobody asked for credentials, they are fresh enough, and they
/// are those of the expected user.
#[must_use]
pub fn satisfies(session: &Session, request: &AuthorizationRequest, now: i64) -> bool {
    let asks = [Prompt::Login, Prompt::SelectAccount, Prompt::Create].into_iter().any(|prompt| request.prompts(prompt));
    let fresh = request.max_age.is_none_or(|max| max > 0 && now - session.authenticated_at <= max.saturating_mul(1000));
    let expected = request.expected_subject.as_ref().is_none_or(|subject| *subject == session.user_id);
    !asks && fresh && expected
}

/// Begins a session for a user who just gave credentials and ends the browser's old one, so that no cookie from before the
/// login is worth anything after it. The clients of an old session of the same user stay known.
///
/// # Errors
/// The database's.
pub async fn begin(
    app: &App,
    tx: &mut Tx,
    user_id: &str,
    old: Option<&Session>,
    context: &RequestContext,
) -> Result<(String, Session)> {
    let now = app.clock.now_ms();
    if let Some(old) = old {
        tx.revoke_session(&old.id, false, now).await?;
    }
    let clients = old.filter(|old| old.user_id == user_id).map(|old| old.clients.clone()).unwrap_or_default();
    let session = Session {
        id: app.random.id(),
        user_id: user_id.to_owned(),
        methods: vec![AuthenticationMethod { name: "pwd".into(), timestamp: now }],
        authenticated_at: now,
        created_at: now,
        last_interacted_at: now,
        expires_at: now + app.lifetimes.session * 1000,
        idle_expires_at: now + app.lifetimes.idle_session.min(app.lifetimes.session) * 1000,
        clients,
        initial_ip: context.ip.clone(),
        initial_user_agent: context.user_agent.clone(),
    };
    let secret = app.random.secret();
    tx.insert_session(&hash::sha256(&secret), &session).await?;
    Ok((secret, session))
}

/// The session after it was used for a client: its idle end moves, its absolute end does not.
#[must_use]
pub fn used(mut session: Session, client_id: &str, lifetimes: &Lifetimes, now: i64) -> Session {
    session.last_interacted_at = now;
    session.idle_expires_at = session.expires_at.min(now + lifetimes.idle_session * 1000);
    if !session.clients.iter().any(|known| known == client_id) {
        session.clients.push(client_id.to_owned());
    }
    session
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session {
            id: "sid".into(),
            user_id: "auth0|ada".into(),
            methods: Vec::new(),
            authenticated_at: 0,
            created_at: 0,
            last_interacted_at: 0,
            expires_at: 100_000,
            idle_expires_at: 10_000,
            clients: vec!["a".into()],
            initial_ip: String::new(),
            initial_user_agent: None,
        }
    }

    #[test]
    fn use_moves_the_idle_end_but_never_past_the_absolute_one() {
        let lifetimes = Lifetimes { idle_session: 10, ..Lifetimes::default() };
        let moved = used(session(), "b", &lifetimes, 50_000);
        assert_eq!((moved.idle_expires_at, moved.expires_at), (60_000, 100_000));
        assert_eq!(moved.clients, ["a", "b"]);
        assert_eq!(used(moved, "b", &lifetimes, 95_000).idle_expires_at, 100_000);
    }
}
