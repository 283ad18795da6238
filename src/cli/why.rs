//! `vestibule why`: who set a claim.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::failure::bad_input;
use super::traces::{first_of_all, one, open, summary, unreadable};
use super::{Settings, logging, print};
use crate::config::Config;
use crate::domain::decision::Provenance;
use crate::domain::text::one_line;
use crate::domain::trace::TraceFilter;
use crate::flow::FlowSet;
use crate::kit::traces::Source;
use crate::kit::why;
use crate::traces::Record;

/// How far back a trace is looked for that knows the name.
const LOOK_BACK: usize = 200;

/// What to explain, and by which login.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// A claim, a member of the token response, a scope, `scope`, `app_metadata.key`, `user_metadata.key` or `deny`
    name: String,
    /// The login: its trace's id; the newest one that knows the name by default
    #[arg(long, value_name = "ID")]
    trace: Option<String>,
    /// Only logins at this client
    #[arg(long, value_name = "CLIENT_ID", conflicts_with = "trace")]
    client: Option<String>,
    /// Only logins of this user
    #[arg(long, value_name = "USER_ID", conflicts_with = "trace")]
    user: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Explains.
pub(super) async fn run(settings: &Settings, options: &Options) -> anyhow::Result<ExitCode> {
    logging::init(logging::Format::Human, "warn");
    let config = settings.load()?;
    let source = open(&config).await?;
    let found = find(&source, options).await;
    source.close().await;
    let (record, newer) = found?;
    let lines = Lines::of(&config, &record);
    let answer = why::explain(&options.name, &record);
    if options.json {
        let mut told = serde_json::to_value(&answer)?;
        if let Value::Object(members) = &mut told {
            members.insert("login".to_owned(), summary(&record));
            members.insert("actions_changed".to_owned(), json!(lines.0.is_none()));
        }
        print::line(&serde_json::to_string_pretty(&told)?);
    } else {
        let mut text = why::text::render(&answer, &record, &|by| lines.line(by));
        if lines.0.is_none() && !(answer.found.is_empty() && answer.refused.is_empty()) {
            text.push_str("\n\nthe actions have changed since: the lines above are those of then");
        }
        if let Some(newest) = newer {
            let _ = write!(
                text,
                "\n\nlogins since then have nothing of `{0}`; for the newest: vestibule why {0} --trace {newest}",
                one_line(&options.name)
            );
        }
        print::line(&text);
    }
    Ok(ExitCode::SUCCESS)
}

/// The login to explain by, and a newer one of the same trigger that knows nothing of the name.
async fn find(source: &Source, options: &Options) -> anyhow::Result<(Record, Option<String>)> {
    if let Some(id) = &options.trace {
        return Ok((one(source, id).await?, None));
    }
    let (client_id, user_id) = (options.client.clone(), options.user.clone());
    let filter = TraceFilter { client_id, user_id, limit: LOOK_BACK, ..TraceFilter::default() };
    let mut records = source.find(&filter).await.map_err(|error| unreadable(&error))?;
    let known = records.iter().position(|record| why::explain(&options.name, record).is_relevant());
    if records.is_empty() {
        return Err(bad_input(format!("there is no trace yet ({})", source.place()), first_of_all(source)));
    }
    let index = known.unwrap_or(0);
    let trigger = records[index].recording.trigger;
    let newest = records[..index].iter().find(|record| record.recording.trigger == trigger).map(|record| record.id.clone());
    Ok((records.swap_remove(index), newest))
}

/// The sources of the actions, if they are still what ran.
struct Lines(Option<FlowSet>);

impl Lines {
    fn of(config: &Config, record: &Record) -> Self {
        Self(FlowSet::load(&config.actions).ok().filter(|set| set.hash() == record.decision.trace.set))
    }

    fn line(&self, by: &Provenance) -> Option<String> {
        self.0.as_ref()?.source(&by.file)?.lines().nth(by.line.checked_sub(1)?).map(str::to_owned)
    }
}
