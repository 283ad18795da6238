//! `vestibule dev`: serves for development and says everything that one needs for the first login.

use std::process::ExitCode;
use std::sync::Arc;

use url::Url;

use super::live::{Live, Voice};
use super::{Settings, logging, print, sealing, server, start_page};
use crate::app::{App, Surroundings};
use crate::config::{Config, is_loopback};

/// Serves until a signal comes.
pub(super) async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    logging::init(logging::Format::Human, "info,sqlx=warn,hyper=warn,notify=error");
    let source = settings.source();
    let config = source.load()?;
    let listener = server::listen(&config).await?;
    let _lock = server::lock(&config)?;
    let surroundings = Surroundings { seal: sealing::seal(&config).await?, ..Surroundings::system(true) };
    let app = App::build(&config, surroundings).await;
    let app = app.map_err(|error| server::explain_database(error, &config))?;

    print::line(&start_page::render(&config, &app.flow.current(), &listener.local_addr()?.to_string()));
    if let Some(warning) = unreachable_issuer(&config, listener.local_addr()?.port()) {
        print::error(&warning);
    }
    let live = Arc::new(Live::new(app, source, config, Voice::Terminal));
    live.show_findings();
    let reloading = server::Reloading { watch_actions: true, watch_configuration: true, accept: |_: &Config| Ok(()) };
    server::run(live, listener, reloading).await?;
    Ok(ExitCode::SUCCESS)
}

/// A warning if the issuer names this machine but another port: clients would look for the endpoints there.
fn unreachable_issuer(config: &Config, port: u16) -> Option<String> {
    let issuer = Url::parse(&config.issuer).ok().filter(is_loopback)?;
    if issuer.port_or_known_default() == Some(port) {
        return None;
    }
    let mut wanted = issuer.clone();
    wanted.set_port(Some(port)).ok()?;
    let hint = format!("set `issuer = \"{wanted}\"`, or the environment variable VESTIBULE_ISSUER={wanted}");
    Some(format!("warning: the issuer is {issuer}, but this process listens on port {port}\nhint: {hint}\n"))
}
