//! `vestibule matrix`: who gets what. Every declared client, grant and user, decided and folded as the server would, at a
//! fixed time, with fixed randomness, an empty cache and nobody to call; so the same actions yield the same matrix, and a
//! stored one shows what a change of them means.

mod stored;
mod table;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Random};
use crate::domain::JsonMap;
use crate::domain::client::Client;
use crate::domain::decision::{self, Decision};
use crate::domain::lifetimes::Lifetimes;
use crate::domain::resource_server::ResourceServer;
use crate::domain::user::User;
use crate::flow::{Cache, FlowSet, Host, Http, HttpAnswer, HttpAnswers, HttpRequest, decide};
use crate::kit::event::{self, Stage};
use crate::kit::login::{self, Attempt, Grant, Impossible, Outcome};
use crate::kit::project::Project;
use crate::oauth::RequestContext;
use crate::oauth::event::Place;

pub use stored::{Change, text};

/// 2026-01-15T12:00:00Z.
const NOON: i64 = 1_768_478_400;

/// Who gets what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// The API that users' tokens are for.
    pub audience: Option<String>,
    /// By client, user and grant, in the order of the configuration.
    pub rows: Vec<Row>,
}

/// One login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Who asks.
    pub client_id: String,
    /// Who logs in; absent for a machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// How.
    pub grant_type: String,
    /// What for; absent for an opaque token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Code and reason, if there are no tokens. Of an action that fails, what the operator reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Granted scopes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// Custom claims.
    #[serde(default, skip_serializing_if = "JsonMap::is_empty")]
    pub id_token: JsonMap,
    /// Custom claims.
    #[serde(default, skip_serializing_if = "JsonMap::is_empty")]
    pub access_token: JsonMap,
    /// Additional members.
    #[serde(default, skip_serializing_if = "JsonMap::is_empty")]
    pub token_response: JsonMap,
}

impl Matrix {
    /// Decides every login. Users' tokens are for `audience`, or for the first declared API.
    ///
    /// # Errors
    /// An audience that is not declared.
    pub fn of(project: &Project, set: &FlowSet, audience: Option<&str>) -> Result<Self, Impossible> {
        let api = match audience {
            Some(audience) => Some(project.api(audience).ok_or_else(|| unknown(project, audience))?),
            None => project.apis.first(),
        };
        let mut rows = Vec::new();
        for client in &project.clients {
            for user in &project.users {
                for grant in Grant::ALL {
                    if grant != Grant::ClientCredentials && client.allows(grant.grant_type()) {
                        rows.push(row(project, set, attempt(grant, client, Some(user), api)));
                    }
                }
            }
            if client.allows(Grant::ClientCredentials.grant_type()) {
                let granted = project.grants.iter().filter(|grant| grant.client_id == client.client_id);
                let apis = granted.filter_map(|grant| project.api(&grant.audience));
                rows.extend(apis.map(|api| row(project, set, attempt(Grant::ClientCredentials, client, None, Some(api)))));
            }
        }
        Ok(Self { audience: api.map(|api| api.identifier.clone()), rows })
    }
}

fn unknown(project: &Project, audience: &str) -> Impossible {
    let known: Vec<_> = project.apis.iter().map(|api| api.identifier.as_str()).collect();
    let hint = crate::config::did_you_mean(audience, known.iter().copied()).unwrap_or_else(|| {
        format!("the configuration declares {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })
    });
    Impossible { message: format!("there is no resource server `{audience}`"), hint }
}

fn attempt(grant: Grant, client: &Client, user: Option<&User>, api: Option<&ResourceServer>) -> Attempt {
    let (client, user, api) = (client.clone(), user.cloned(), api.cloned());
    let attempt = Attempt { grant, client, user, api, asked: None, context: RequestContext::default() };
    let context =
        RequestContext { user_agent: Some("vestibule-matrix".to_owned()), ..login::context(&attempt, JsonMap::new()) };
    Attempt { context, ..attempt }
}

fn row(project: &Project, set: &FlowSet, attempt: Attempt) -> Row {
    let row = Row {
        client_id: attempt.client.client_id.clone(),
        user_id: attempt.user.as_ref().map(|user| user.user_id.clone()),
        grant_type: attempt.grant.grant_type().as_str().to_owned(),
        audience: attempt.api.as_ref().map(|api| api.identifier.clone()),
        ..Row::default()
    };
    match conclude(project, set, attempt) {
        Ok(outcome) => Row {
            refused: refused(&outcome),
            scope: if outcome.refused.is_some() { String::new() } else { outcome.scope.to_string() },
            id_token: outcome.custom.id_token,
            access_token: outcome.custom.access_token,
            token_response: outcome.custom.token_response,
            ..row
        },
        Err(impossible) => Row { refused: Some(impossible.message), ..row },
    }
}

/// Each login has a world of its own, so that rows do not depend on each other.
fn conclude(project: &Project, set: &FlowSet, attempt: Attempt) -> Result<Outcome, Impossible> {
    let host = Host {
        clock: Clock::fixed(NOON),
        random: Random::seeded(1),
        cache: Arc::new(Cache::default()),
        http: Http::Answers(Arc::new(Nobody)),
    };
    let Project { hostname, tenant, .. } = project;
    let lifetimes: &Lifetimes = &project.lifetimes;
    let stage = Stage {
        place: Place { hostname: hostname.as_deref(), tenant },
        lifetimes,
        clock: &host.clock,
        random: &host.random,
    };
    let granted = attempt.granted(project)?;
    let (attempt, mut event) = event::build(stage, attempt);
    if attempt.grant == Grant::ClientCredentials {
        event = event::with_scopes(event, &granted);
    }
    let decision = match attempt.is_blocked() {
        true => Decision::default(),
        false => decide(set, attempt.grant.trigger(), event, &host),
    };
    Ok(attempt.conclude(&granted, decision))
}

/// Without references and lines, which change with every run and every edit.
fn refused(outcome: &Outcome) -> Option<String> {
    let (code, reason) = outcome.refused.as_ref()?;
    let decision::Outcome::Failed { message, .. } = &outcome.decision.outcome else {
        return Some(format!("{code}: {reason}"));
    };
    let action = outcome.decision.trace.actions.last().map_or("an action", |action| action.action.as_str());
    let text = message.split_once(": ").map_or(message.as_str(), |(_, text)| text);
    Some(format!("{action} failed: {text}"))
}

/// Nobody answers an action that calls somebody: a matrix that depends on others is none.
#[derive(Debug)]
struct Nobody;

impl HttpAnswers for Nobody {
    fn answer(&self, request: &HttpRequest) -> Result<HttpAnswer, String> {
        Err(format!("the matrix has no answer for {} {}", request.method, request.url))
    }
}
