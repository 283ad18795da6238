//! `vestibule.toml`: sections, defaults, environment overrides; all problems reported at once.
//!
//! The file becomes a tree whose values know their place ([`tree`]); variables and flags are laid over it
//! ([`environment`]); each section reads its part with a typed reader that collects problems ([`reader`]); at the end
//! [`references`] checks what needs more than one section. What is merely insecure is kept apart: `serve` refuses it, `dev`
//! does not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

mod actions;
mod apis;
mod clients;
mod database;
mod environment;
mod metadata;
mod problem;
mod reader;
mod references;
mod refresh_tokens;
mod secret;
mod secrets;
mod server;
#[cfg(test)]
mod tests;
mod traces;
mod tree;
mod uri;
mod users;

pub use apis::Role;
pub use clients::DeclaredClient;
pub use database::sqlite_file;
pub use problem::{At, Invalid, Place, Problem, did_you_mean};
pub use secret::{Secret, open_to_others};
pub use secrets::Secrets;
pub use server::Server;
pub use uri::is_loopback;
pub use users::DeclaredUser;

use reader::{Context, Section};
use references::{Declared, unique};

use crate::domain::lifetimes::Lifetimes;
use crate::domain::resource_server::{ClientGrant, ResourceServer};
use crate::flow;

/// A valid configuration: every reference resolved, every secret read.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file, as the user named it.
    pub path: PathBuf,
    /// Byte for byte.
    pub issuer: String,
    /// Address and port to listen on.
    pub listen: String,
    /// The tenant's name.
    pub tenant: String,
    /// `sqlite://…` or `postgres://…`.
    pub database: String,
    /// `[secrets]`.
    pub secrets: Secrets,
    /// `[actions]`.
    pub actions: flow::Settings,
    /// `[lifetimes]`.
    pub lifetimes: Lifetimes,
    /// `[server]`.
    pub server: Server,
    /// `[traces]`.
    pub traces: crate::traces::Settings,
    /// `[[clients]]`.
    pub clients: Vec<DeclaredClient>,
    /// `[[resource_servers]]`.
    pub resource_servers: Vec<ResourceServer>,
    /// `[[client_grants]]`.
    pub client_grants: Vec<ClientGrant>,
    /// `[[roles]]`.
    pub roles: Vec<Role>,
    /// `[[users]]`.
    pub users: Vec<DeclaredUser>,
    /// What `serve` refuses, each with a remedy.
    pub insecure: Vec<Problem>,
}

impl Config {
    /// The host of the issuer.
    #[must_use]
    pub fn hostname(&self) -> Option<String> {
        url::Url::parse(&self.issuer).ok()?.host_str().map(str::to_owned)
    }

    /// The clients with `bypass_actions`: nothing that an action would refuse is refused to them.
    pub fn bypassing(&self) -> impl Iterator<Item = &str> {
        self.clients
            .iter()
            .filter(|declared| declared.client.bypass_actions)
            .map(|declared| declared.client.client_id.as_str())
    }
}

/// Where a configuration comes from: file < environment < flags.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// Every environment variable of the process.
    pub environment: BTreeMap<String, String>,
    /// `--listen`.
    pub listen: Option<String>,
    /// `--database`.
    pub database: Option<String>,
    /// `--actions`.
    pub actions: Option<String>,
    /// `--shadow`.
    pub shadow: Option<String>,
    /// Whether secrets are replaced by their names: no secret is read, and none need be there.
    pub stand_in_secrets: bool,
}

impl Source {
    /// For commands that need no secret and shall see none: tests of actions run in CI.
    #[must_use]
    pub fn with_stand_in_secrets(self) -> Self {
        Self { stand_in_secrets: true, ..self }
    }

    /// Reads and checks everything.
    ///
    /// # Errors
    /// Every problem of the file, the variables and the flags.
    pub fn load(&self) -> Result<Config, Invalid> {
        self.parse(&self.text()?)
    }

    /// A missing file is empty when the environment gives the one setting that has no default.
    fn text(&self) -> Result<String, Invalid> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(text),
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && self.environment.contains_key("VESTIBULE_ISSUER") =>
            {
                Ok(String::new())
            }
            Err(error) => {
                let hint = match error.kind() {
                    std::io::ErrorKind::NotFound => "name another file with --config PATH".to_owned(),
                    std::io::ErrorKind::InvalidData => "save it with the encoding UTF-8".to_owned(),
                    _ => "check the path and its permissions".to_owned(),
                };
                let at = At { path: String::new(), place: Place::Whole };
                let message = format!("the configuration file cannot be read: {error}");
                Err(Invalid {
                    problems: vec![Problem { file: self.file(), at, message, source_line: None, hint: Some(hint) }],
                })
            }
        }
    }

    /// Checks a configuration's text as if it stood in the file.
    ///
    /// # Errors
    /// Every problem of the text, the variables and the flags.
    pub fn parse(&self, text: &str) -> Result<Config, Invalid> {
        let base = self.path.parent().unwrap_or(Path::new(""));
        let mut context = Context::new(self.file(), text, base, &self.environment);
        context.stand_in_secrets = self.stand_in_secrets;
        let table = match tree::parse(text) {
            Ok(table) => table,
            Err(errors) => return Err(syntax(context, text, &errors)),
        };
        let mut root = tree::Node { value: tree::Value::Table(table), place: Place::Whole };
        environment::overlay(&mut root, &context);
        let flags = [
            ("--listen", &["listen"][..], &self.listen),
            ("--database", &["database", "url"], &self.database),
            ("--actions", &["actions", "directory"], &self.actions),
            ("--shadow", &["actions", "shadow"], &self.shadow),
        ];
        for (flag, path, value) in flags {
            if let Some(value) = value {
                environment::overlay_flag(&mut root, flag, path, value, &context);
            }
        }
        let tree::Value::Table(table) = &root.value else { return Err(finish(context)) };
        let config = self.read(&context, table);
        match config {
            Some(mut config) => match context.finish() {
                (problems, insecure) if problems.is_empty() => {
                    config.insecure = insecure;
                    Ok(config)
                }
                (problems, _) => Err(Invalid { problems }),
            },
            None => Err(finish(context)),
        }
    }

    fn file(&self) -> String {
        self.path.display().to_string()
    }

    fn read(&self, context: &Context<'_>, table: &tree::Table) -> Option<Config> {
        let root = Section::new(context, table, At { path: String::new(), place: Place::Whole });
        let issuer = issuer(&root);
        let listen = listen(&root);
        let tenant = root.text("tenant").map_or_else(|| "default".to_owned(), |tenant| tenant.value);
        let database = database::read(&root);
        let secrets = secrets::read(&root, &database);
        let (actions, action_clients) = actions::read(&root);
        let (lifetimes, server) = (server::lifetimes(&root), server::read(&root));
        let traces = traces::read(&root);
        let each = |key| root.sections(key);
        let declared = Declared {
            clients: each("clients").iter().filter_map(clients::read).collect(),
            apis: each("resource_servers").iter().filter_map(apis::resource_server).collect(),
            grants: each("client_grants").iter().filter_map(apis::client_grant).collect(),
            roles: each("roles").iter().filter_map(apis::role).collect(),
            users: each("users").iter().filter_map(users::read).collect(),
            action_clients,
        };
        root.finish();
        references::check(context, &declared);
        Some(Config {
            path: self.path.clone(),
            issuer: issuer?,
            listen,
            tenant,
            database,
            secrets,
            actions,
            lifetimes,
            server,
            traces,
            client_grants: declared.grants.iter().map(apis::DeclaredGrant::grant).collect(),
            clients: declared.clients.into_iter().map(|found| found.value).collect(),
            resource_servers: declared.apis.into_iter().map(|found| found.value).collect(),
            roles: declared.roles.into_iter().map(|found| found.value).collect(),
            users: declared.users.into_iter().map(|read| read.declared).collect(),
            insecure: Vec::new(),
        })
    }
}

fn finish(context: Context<'_>) -> Invalid {
    Invalid { problems: context.finish().0 }
}

fn syntax(context: Context<'_>, text: &str, errors: &[tree::SyntaxError]) -> Invalid {
    let lines = tree::Lines::of(text);
    for error in errors {
        let at = At { path: String::new(), place: lines.place(error.offset) };
        let hint = "the file is TOML: `key = \"text\"`, `[table]`, `[[one of several tables]]`".to_owned();
        context.problem(&at, error.message.clone(), hint);
    }
    finish(context)
}

fn issuer(root: &Section<'_>) -> Option<String> {
    let found = root.required("issuer", "the public URL of this server, for example `https://login.example.com/`")?;
    if let Some((message, hint)) = uri::issuer_problem(&found.value) {
        root.context.problem(&found.at, message, hint);
    } else if uri::is_clear_text(&found.value) {
        let remedy = "use an https URL and end TLS in front of this process";
        root.context.insecure(&found.at, "an http issuer sends passwords and tokens in clear text", remedy);
    }
    Some(found.value)
}

fn listen(root: &Section<'_>) -> String {
    let Some(found) = root.text("listen") else { return "127.0.0.1:8484".to_owned() };
    let fits = found.value.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if !fits {
        let hint = "write address:port, for example `127.0.0.1:8484` or `[::]:8484`".to_owned();
        root.context.problem(&found.at, format!("`{}` is no address to listen on", found.value), hint);
    }
    found.value
}
