//! `vestibule try`: one login without HTTP, through the same event, decide and minting code as a real one.
//!
//! It runs on a throw-away database in memory that is seeded from the configuration, so it never writes anything.

use std::path::PathBuf;
use std::process::ExitCode;

use super::failure::bad_input;
use super::{Settings, logging, print, try_event, try_report};
use crate::app::{App, Surroundings};
use crate::config::{Config, did_you_mean};
use crate::domain::JsonMap;
use crate::domain::client::{Client, GrantType, RotationType};
use crate::domain::decision::Decision;
use crate::domain::grant;
use crate::domain::resource_server::ResourceServer;
use crate::domain::scope::Scopes;
use crate::domain::session::AuthenticationMethod;
use crate::domain::user::{User, login_key};
use crate::flow::Event;
use crate::kit::event::{self, Stage};
use crate::kit::login::{self, Attempt, Grant};
use crate::kit::project::Project;
use crate::oauth::error::Error;
use crate::oauth::event::Place;
use crate::oauth::mint::{self, Minted, Order};
use crate::oauth::{RequestContext, refresh_grant};

/// Who logs in where, and for what.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The user: id, e-mail address or username; the first declared user by default
    #[arg(long)]
    pub(super) user: Option<String>,
    /// The client id; the first client that has the grant by default
    #[arg(long)]
    pub(super) client: Option<String>,
    /// Requested scopes, separated by spaces
    #[arg(long)]
    pub(super) scope: Option<String>,
    /// The API that the access token is for
    #[arg(long)]
    pub(super) audience: Option<String>,
    /// How the tokens are asked for; `authorization_code` by default, `client_credentials` for a machine client
    #[arg(long, value_enum)]
    pub(super) grant: Option<Grant>,
    /// A further parameter of the request, for `event.request`; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    pub(super) parameters: Vec<String>,
    /// A JSON file with an `event`, or the parts of it that shall differ
    #[arg(long, value_name = "FILE.json")]
    pub(super) event: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(super) json: bool,
}

/// How it went.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) decision: Decision,
    /// Error code and description, as the client would read them.
    pub(super) refused: Option<(String, String)>,
    pub(super) scope: Scopes,
    pub(super) minted: Minted,
    pub(super) response: JsonMap,
    pub(super) userinfo: Option<JsonMap>,
}

/// Tries the login and prints how it went. Exit code 0: allowed; 1: denied or failed; 2: wrong input.
pub(super) async fn run(settings: &Settings, options: Options) -> anyhow::Result<ExitCode> {
    logging::init(logging::Format::Human, "off");
    let mut config = settings.load()?;
    config.database = "sqlite::memory:".to_owned();
    let file = try_event::EventFile::read(options.event.as_deref())?;
    let attempt = find(&config, &options, &file)?;
    let app = App::build(&config, Surroundings::system(true)).await?;
    let stage = Stage { place: Place::from(&*app), lifetimes: &app.lifetimes, clock: &app.clock, random: &app.random };
    let (attempt, event) = file.apply(stage, attempt)?;
    let outcome = perform(&app, &Project::new(&config), &attempt, event).await?;
    app.database.close().await;
    match options.json {
        true => print::line(&try_report::json(&attempt, &outcome)),
        false => print::line(&try_report::text(&attempt, &outcome)),
    }
    Ok(if outcome.refused.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Looks up what the options and the event file name.
fn find(config: &Config, options: &Options, file: &try_event::EventFile) -> anyhow::Result<Attempt> {
    let wanted = options.client.as_deref().or_else(|| file.text("client", "client_id"));
    let grant = options.grant.or_else(|| file.grant()).unwrap_or_else(|| default_grant(config, options, wanted));
    let client = find_client(config, wanted, grant)?;
    let user = match grant {
        Grant::ClientCredentials => None,
        _ => Some(find_user(config, options.user.as_deref(), file)?),
    };
    let audience = options.audience.as_deref().or_else(|| file.text("resource_server", "identifier"));
    let api = match (audience, grant) {
        (Some(audience), _) => Some(find_api(config, audience)?),
        (None, Grant::ClientCredentials) => Some(granted_api(config, &client)?),
        (None, _) => None,
    };
    let asked = options.scope.as_deref().map(Scopes::parse).or_else(|| file.requested_scopes());
    let mut attempt = Attempt { grant, client, user, api, asked, context: RequestContext::default() };
    attempt.context = login::context(&attempt, try_event::parameters(&options.parameters)?);
    Ok(attempt)
}

/// A machine client without a user asks in its own name; everything else is a login in the browser.
fn default_grant(config: &Config, options: &Options, client: Option<&str>) -> Grant {
    let machine = client.and_then(|id| config.clients.iter().find(|declared| declared.client.client_id == id));
    match machine {
        Some(declared)
            if options.user.is_none()
                && declared.client.grant_types.iter().all(|grant| *grant == GrantType::ClientCredentials) =>
        {
            Grant::ClientCredentials
        }
        _ => Grant::AuthorizationCode,
    }
}

fn find_client(config: &Config, wanted: Option<&str>, grant: Grant) -> anyhow::Result<Client> {
    let grant_type = grant.grant_type();
    let ids = || config.clients.iter().map(|declared| declared.client.client_id.as_str());
    let client = match wanted {
        Some(id) => config.clients.iter().find(|declared| declared.client.client_id == id),
        None => config.clients.iter().find(|declared| declared.client.allows(grant_type)),
    };
    let Some(declared) = client else {
        let message = match wanted {
            Some(id) => format!("there is no client `{id}`"),
            None => format!("no client has the grant `{}`", grant_type.as_str()),
        };
        return Err(bad_input(message, known(wanted.unwrap_or_default(), &ids().collect::<Vec<_>>(), "client")));
    };
    if !declared.client.allows(grant_type) {
        let has: Vec<_> = declared.client.grant_types.iter().map(|grant| grant.as_str()).collect();
        let message = format!("client `{}` may not use the grant `{}`", declared.client.client_id, grant_type.as_str());
        return Err(bad_input(message, format!("its grant_types are {}", has.join(", "))));
    }
    Ok(declared.client.clone())
}

fn find_user(config: &Config, wanted: Option<&str>, file: &try_event::EventFile) -> anyhow::Result<User> {
    let from_file = file.text("user", "user_id");
    let Some(login) = wanted.or(from_file) else {
        let first = config.users.first().map(|declared| declared.user.clone());
        return first.or_else(|| file.has("user").then(User::default)).ok_or_else(|| {
            bad_input("the configuration declares no user", "add [[users]], or describe one with --event FILE.json")
        });
    };
    let fits = |user: &User| {
        let named = |name: &Option<String>| name.as_ref().is_some_and(|name| login_key(name) == login_key(login));
        user.user_id == login || named(&user.email) || named(&user.username)
    };
    let found = config.users.iter().map(|declared| &declared.user).find(|user| fits(user));
    match found {
        Some(user) => Ok(user.clone()),
        // The event file may describe somebody whom the configuration does not know.
        None if wanted.is_none() => Ok(User { user_id: login.to_owned(), ..User::default() }),
        None => {
            let users = config.users.iter().map(|declared| &declared.user);
            let names: Vec<_> = users.flat_map(|user| user.email.as_deref().or(Some(&user.user_id))).collect();
            Err(bad_input(format!("there is no user `{login}`"), known(login, &names, "user")))
        }
    }
}

fn find_api(config: &Config, audience: &str) -> anyhow::Result<ResourceServer> {
    let found = config.resource_servers.iter().find(|api| api.identifier == audience);
    found.cloned().ok_or_else(|| {
        let identifiers: Vec<_> = config.resource_servers.iter().map(|api| api.identifier.as_str()).collect();
        bad_input(format!("there is no resource server `{audience}`"), known(audience, &identifiers, "resource server"))
    })
}

/// The first API that the machine has a grant for.
fn granted_api(config: &Config, client: &Client) -> anyhow::Result<ResourceServer> {
    let grant = config.client_grants.iter().find(|grant| grant.client_id == client.client_id);
    let missing = || bad_input(format!("client `{}` has no client grant", client.client_id), "add [[client_grants]] for it");
    find_api(config, &grant.ok_or_else(missing)?.audience)
}

fn known(wanted: &str, names: &[&str], what: &str) -> String {
    match did_you_mean(wanted, names.iter().copied()) {
        Some(hint) => hint,
        None if names.is_empty() => format!("the configuration declares no {what}"),
        None => format!("the configuration declares {}", names.join(", ")),
    }
}

/// Decides and mints, as the grant's use case does.
async fn perform(app: &App, project: &Project, attempt: &Attempt, event: Event) -> anyhow::Result<Outcome> {
    let granted = attempt.granted(project).map_err(|error| bad_input(error.message, error.hint))?;
    let event = match attempt.grant {
        Grant::ClientCredentials => event::with_scopes(event, &granted),
        _ => event,
    };
    let decision = match attempt.is_blocked() {
        true => Decision::default(),
        false => app.flow.decide(attempt.grant.trigger(), event).await?,
    };
    let login::Outcome { decision, refused, scope, .. } = attempt.conclude(&granted, decision);
    let grant = grant(app, attempt, scope.clone(), decision);
    let mut outcome = Outcome {
        refused,
        scope,
        minted: Minted::default(),
        response: JsonMap::new(),
        userinfo: None,
        decision: grant.decision.clone(),
    };
    if outcome.refused.is_none() {
        mint_into(app, attempt, &grant, &mut outcome)?;
    }
    Ok(outcome)
}

fn mint_into(app: &App, attempt: &Attempt, grant: &grant::Grant, outcome: &mut Outcome) -> Result<(), Error> {
    match (&attempt.user, &attempt.api) {
        (Some(user), api) => {
            outcome.minted = mint::mint(app, order(attempt, grant, user, api.as_ref()))?;
            outcome.response = outcome.minted.response(&grant.scope, grant);
            let stays = attempt.grant == Grant::RefreshToken
                && attempt.client.refresh_token.rotation_type == RotationType::NonRotating;
            if let Some(token) = refresh_grant::issue(app, &attempt.client, grant, &attempt.context, None).filter(|_| !stays)
            {
                outcome.response.insert("refresh_token".to_owned(), token.secret.into());
            }
            outcome.userinfo = grant.scope.contains("openid").then(|| mint::userinfo(grant, user, &grant.scope));
        }
        (None, Some(api)) => {
            outcome.minted = mint::mint_for_machine(app, &attempt.client, api, &grant.scope, &grant.decision)?;
            outcome.response = outcome.minted.response_of(&grant.scope, !grant.requested_scope.is_empty(), &grant.decision);
        }
        (None, None) => {}
    }
    Ok(())
}

fn grant(app: &App, attempt: &Attempt, scope: Scopes, decision: Decision) -> grant::Grant {
    let now = app.clock.now_ms();
    grant::Grant {
        id: app.random.id(),
        client_id: attempt.client.client_id.clone(),
        user_id: attempt.user.as_ref().map(|user| user.user_id.clone()).unwrap_or_default(),
        session_id: (attempt.grant == Grant::AuthorizationCode).then(|| app.random.id()),
        scope,
        requested_scope: attempt.requested(),
        audience: attempt.api.as_ref().map(|api| api.identifier.clone()),
        authenticated_at: now,
        methods: vec![AuthenticationMethod { name: "pwd".to_owned(), timestamp: now }],
        nonce: None,
        acr_values: Vec::new(),
        protocol: attempt.grant.protocol().unwrap_or_default().to_owned(),
        decision,
        created_at: now,
    }
}

fn order<'a>(attempt: &'a Attempt, grant: &'a grant::Grant, user: &'a User, api: Option<&'a ResourceServer>) -> Order<'a> {
    Order {
        grant,
        client: &attempt.client,
        user,
        api,
        scope: &grant.scope,
        gty: match attempt.grant {
            Grant::AuthorizationCode => None,
            Grant::RefreshToken => Some("refresh_token"),
            Grant::Password => Some("password"),
            Grant::ClientCredentials => Some("client-credentials"),
        },
        front_channel: false,
        code: None,
        access_token: true,
        id_token: true,
        session_claims: attempt.grant != Grant::RefreshToken,
    }
}
