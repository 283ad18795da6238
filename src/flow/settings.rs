//! `[actions]` of the configuration, resolved.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Limits;

/// What the loader needs to know.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The directory that holds the `.rhai` files (absolute, or relative to the working directory).
    pub directory: PathBuf,
    /// How the directory is called in messages and provenance: `actions`.
    pub display: String,
    /// Another directory, whose actions decide beside these and are never applied; and how it is called.
    pub shadow: Option<(PathBuf, String)>,
    /// What a run may use.
    pub limits: Limits,
    /// By file stem. A stem without a file is a warning of the set.
    pub actions: BTreeMap<String, ActionSettings>,
}

impl Settings {
    /// The same settings for the other directory.
    #[must_use]
    pub fn of_shadow(&self) -> Option<Self> {
        let (directory, display) = self.shadow.clone()?;
        Some(Self { directory, display, shadow: None, ..self.clone() })
    }
}

/// `[actions.settings."stem"]`, secrets resolved.
#[derive(Clone)]
pub struct ActionSettings {
    /// What an error of the action means for the login.
    pub on_error: OnError,
    /// Only for these clients; `None`: for all.
    pub clients: Option<Vec<String>>,
    /// `event.secrets`.
    pub secrets: BTreeMap<String, String>,
    /// Hosts that `http::` may reach; none by default.
    pub allow_hosts: Vec<String>,
    /// `false` takes the action out of the flow.
    pub enabled: bool,
}

impl Default for ActionSettings {
    fn default() -> Self {
        Self { on_error: OnError::Deny, clients: None, secrets: BTreeMap::new(), allow_hosts: Vec::new(), enabled: true }
    }
}

/// Names the secrets, never their values: settings get logged.
impl std::fmt::Debug for ActionSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ActionSettings")
            .field("on_error", &self.on_error)
            .field("clients", &self.clients)
            .field("secrets", &self.secrets.keys().collect::<Vec<_>>())
            .field("allow_hosts", &self.allow_hosts)
            .field("enabled", &self.enabled)
            .finish()
    }
}

/// What an error of an action means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The login fails with `server_error`.
    #[default]
    Deny,
    /// The effects of this action are dropped and the login goes on.
    Skip,
}
