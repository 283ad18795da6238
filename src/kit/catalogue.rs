//! The actions as an operator sees them: what runs, in which order, for whom, with which settings.

use serde::Serialize;

use super::statistics::{self, Runs};
use crate::config::{Config, DeclaredClient};
use crate::domain::client::{Client, GrantType};
use crate::domain::trace::Trace;
use crate::flow::{ActionInfo, FlowSet, OnError, Trigger};

/// A set of actions with the clients of a configuration.
#[derive(Clone, Debug, Serialize)]
pub struct Catalogue {
    /// Content hash of the set.
    pub set: String,
    /// In order of execution.
    pub actions: Vec<Entry>,
    /// Files that take no part.
    pub inactive: Vec<Inactive>,
    /// Clients with `bypass_actions`.
    pub bypassing: Vec<String>,
}

/// An action that takes part.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// File stem.
    pub name: String,
    /// `actions/10-roles.rhai`.
    pub file: String,
    /// Lines of the file.
    pub lines: usize,
    /// Content hash of the file.
    pub hash: String,
    /// `onExecutePostLogin`, `onExecuteCredentialsExchange`.
    pub handlers: Vec<&'static str>,
    /// The clients whose logins it runs in.
    pub clients: Vec<String>,
    /// Whether `clients` of its settings says so.
    pub restricted: bool,
    /// What an error means for the login.
    pub on_error: OnError,
    /// Configured names of `event.secrets`; the values are nobody's business.
    pub secrets: Vec<String>,
    /// Those that its text reads.
    pub secrets_used: Vec<String>,
    /// Claims and parameters that its text sets, unless their names are computed.
    pub sets: Vec<String>,
    /// Hosts that `http::` may reach.
    pub allow_hosts: Vec<String>,
    /// How it fared in the logins that are remembered; absent if it did not run in them.
    pub runs: Option<Runs>,
}

/// A file that takes no part.
#[derive(Clone, Debug, Serialize)]
pub struct Inactive {
    /// File stem.
    pub name: String,
    /// `parked` or `enabled = false`.
    pub reason: &'static str,
}

impl Catalogue {
    /// The actions of `set`, loaded with the settings of `config`.
    #[must_use]
    pub fn of(config: &Config, set: &FlowSet) -> Self {
        Self {
            set: set.hash().to_owned(),
            actions: set.actions().iter().map(|action| entry(config, set, action)).collect(),
            inactive: inactive(config, set),
            bypassing: config.bypassing().map(str::to_owned).collect(),
        }
    }

    /// Adds how the actions fared in these logins.
    pub fn remember<'a>(&mut self, logins: impl IntoIterator<Item = &'a Trace>) {
        let mut runs = statistics::by_action(logins.into_iter().flat_map(|trace| &trace.actions));
        for entry in &mut self.actions {
            entry.runs = runs.remove(&entry.name);
        }
    }

    /// Every name, those that take no part included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let active = self.actions.iter().map(|entry| entry.name.as_str());
        active.chain(self.inactive.iter().map(|file| file.name.as_str()))
    }
}

fn entry(config: &Config, set: &FlowSet, action: &ActionInfo) -> Entry {
    let settings = config.actions.actions.get(&action.name).cloned().unwrap_or_default();
    let source = set.source(&action.file).unwrap_or_default();
    let clients = config.clients.iter().map(|declared: &DeclaredClient| &declared.client);
    Entry {
        name: action.name.clone(),
        file: action.file.clone(),
        lines: source.lines().count(),
        hash: crate::domain::hash::sha256_hex(source)[..12].to_owned(),
        handlers: action.triggers.iter().map(|trigger| trigger.handler()).collect(),
        clients: clients.filter(|client| runs_for(action, client)).map(|client| client.client_id.clone()).collect(),
        restricted: action.clients.is_some(),
        on_error: settings.on_error,
        secrets: settings.secrets.into_keys().collect(),
        secrets_used: action.secrets.clone(),
        sets: action.writes.clone(),
        allow_hosts: settings.allow_hosts,
        runs: None,
    }
}

/// Whether a login of the client can come to the action.
fn runs_for(action: &ActionInfo, client: &Client) -> bool {
    let named = action.clients.as_ref().is_none_or(|clients| clients.contains(&client.client_id));
    let machine = |grant: &GrantType| *grant == GrantType::ClientCredentials;
    let can = |trigger: &Trigger| match trigger {
        Trigger::CredentialsExchange => client.grant_types.iter().any(machine),
        Trigger::PostLogin => !client.grant_types.iter().all(machine),
    };
    named && !client.bypass_actions && action.triggers.iter().any(can)
}

fn inactive(config: &Config, set: &FlowSet) -> Vec<Inactive> {
    let running = set.actions();
    let file = |stem: &str| {
        if stem.starts_with('_') {
            return Some(Inactive { name: stem.to_owned(), reason: "parked" });
        }
        let off = running.iter().all(|action| action.name != stem);
        off.then(|| Inactive { name: stem.to_owned(), reason: "enabled = false" })
    };
    let prefix = format!("{}/", config.actions.display.trim_end_matches('/'));
    let names = set.files().filter_map(|shown| shown.strip_prefix(&prefix)?.strip_suffix(".rhai"));
    names.filter(|name| !name.contains('/')).filter_map(file).collect()
}
