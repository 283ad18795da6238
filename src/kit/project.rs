//! What the configuration declares, as far as logins are rehearsed with it: no database, no secrets.

use crate::config::Config;
use crate::domain::client::Client;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::resource_server::{ClientGrant, ResourceServer};
use crate::domain::user::User;

/// What the configuration declares.
#[derive(Clone, Debug)]
pub struct Project {
    /// That of the issuer.
    pub hostname: Option<String>,
    /// `event.tenant.id`.
    pub tenant: String,
    /// How long sessions last.
    pub lifetimes: Lifetimes,
    /// `[[clients]]`.
    pub clients: Vec<Client>,
    /// `[[resource_servers]]`.
    pub apis: Vec<ResourceServer>,
    /// `[[client_grants]]`.
    pub grants: Vec<ClientGrant>,
    /// `[[users]]`.
    pub users: Vec<User>,
}

impl Project {
    /// The declared entities of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            hostname: config.hostname(),
            tenant: config.tenant.clone(),
            lifetimes: config.lifetimes,
            clients: config.clients.iter().map(|declared| declared.client.clone()).collect(),
            apis: config.resource_servers.clone(),
            grants: config.client_grants.clone(),
            users: config.users.iter().map(|declared| declared.user.clone()).collect(),
        }
    }

    /// The client of the id.
    #[must_use]
    pub fn client(&self, client_id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.client_id == client_id)
    }

    /// The API of the audience.
    #[must_use]
    pub fn api(&self, identifier: &str) -> Option<&ResourceServer> {
        self.apis.iter().find(|api| api.identifier == identifier)
    }

    /// The user of the id.
    #[must_use]
    pub fn user(&self, user_id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.user_id == user_id)
    }

    /// What the machine may ask the API for.
    #[must_use]
    pub fn grant(&self, client_id: &str, audience: &str) -> Option<&ClientGrant> {
        self.grants.iter().find(|grant| grant.client_id == client_id && grant.audience == audience)
    }
}
