//! Where the command line finds traces: a running `vestibule dev` has them in memory, `vestibule serve` in its database.

pub mod text;

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::config::{Config, sqlite_file};
use crate::domain::trace::TraceFilter;
use crate::http::traces::{HEADER, PATH};
use crate::store::{self, Database, Store};
use crate::traces::Record;

/// How long a server on this machine may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Traces that are read from the table at once.
const PAGE: usize = 200;

/// Where traces are.
#[derive(Debug)]
pub enum Source {
    /// In the memory of a running `vestibule dev`.
    Server {
        /// The endpoint.
        url: Url,
        /// Asks it.
        client: reqwest::Client,
    },
    /// In the table that `vestibule serve` writes.
    Table {
        /// To be closed.
        database: Database,
        /// The tenant's.
        store: Store,
    },
    /// No server answers, and there is no database yet.
    Nowhere,
}

/// Why traces cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server of this address does not tell them.
    #[error("{url} does not tell its traces: {reason}")]
    Refused {
        /// Whom we asked.
        url: Url,
        /// What it said.
        reason: String,
    },
    /// It ended, or speaks another language.
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    /// The database's.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A stored trace is of another version.
    #[error("a trace cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Told {
    issuer: String,
    traces: Vec<Record>,
}

impl Source {
    /// The running `dev` of this configuration, or else the database.
    ///
    /// # Errors
    /// A server that refuses, a database that cannot be used.
    pub async fn open(config: &Config) -> Result<Self, Error> {
        if let Some(server) = Self::server(config).await? {
            return Ok(server);
        }
        // Looking for traces makes no database.
        if sqlite_file(&config.database).is_some_and(|file| !file.exists()) {
            return Ok(Self::Nowhere);
        }
        let database = Database::connect(&config.database).await?;
        let store = database.tenant(&config.tenant);
        Ok(Self::Table { database, store })
    }

    async fn server(config: &Config) -> Result<Option<Self>, Error> {
        let Some(url) = endpoint(&config.listen) else { return Ok(None) };
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let nothing = TraceFilter { limit: 0, ..TraceFilter::default() };
        let Ok(answer) = ask(&client, &url, &nothing).await else { return Ok(None) };
        match answer.status().as_u16() {
            200 => {}
            403 => return Err(Error::Refused { url, reason: answer.text().await.unwrap_or_default() }),
            // `serve`, or somebody else's server.
            _ => return Ok(None),
        }
        let told = serde_json::from_str::<Told>(&answer.text().await?);
        Ok(told.is_ok_and(|told| told.issuer == config.issuer).then_some(Self::Server { url, client }))
    }

    /// The traces that fit, newest first.
    ///
    /// # Errors
    /// The server's or the database's; a trace that another version wrote.
    pub async fn find(&self, filter: &TraceFilter) -> Result<Vec<Record>, Error> {
        match self {
            Self::Nowhere => Ok(Vec::new()),
            Self::Server { url, client } => {
                let answer = ask(client, url, filter).await?.error_for_status()?;
                Ok(serde_json::from_str::<Told>(&answer.text().await?)?.traces)
            }
            Self::Table { store, .. } => {
                let rows = store.traces(filter).await?;
                Ok(rows.iter().map(Record::try_from).collect::<Result<_, _>>()?)
            }
        }
    }

    /// The next page of documents, newest first, as recordings are read; `filter` moves on. None: there are no more.
    ///
    /// # Errors
    /// As for [`Source::find`].
    pub async fn page(&self, filter: &mut TraceFilter) -> Result<Vec<String>, Error> {
        let Self::Table { store, .. } = self else {
            // Memory is bounded: it is one page.
            let all = if filter.before.is_none() { self.find(filter).await? } else { Vec::new() };
            filter.before = Some(Default::default());
            return Ok(all.iter().map(serde_json::to_string).collect::<Result<_, _>>()?);
        };
        let limit = filter.limit.min(PAGE);
        let rows = store.traces(&TraceFilter { limit, ..filter.clone() }).await?;
        filter.limit -= rows.len();
        filter.before = rows.last().map(|row| (row.at, row.id.clone())).or(filter.before.take());
        Ok(rows.into_iter().map(|row| row.document).collect())
    }

    /// For people: where was looked.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Server { url, .. } => format!("the server at {}", url.authority()),
            Self::Table { .. } => "the database (no `vestibule dev` answers)".to_owned(),
            Self::Nowhere => "no `vestibule dev` answers, and there is no database yet".to_owned(),
        }
    }

    /// Ends the connection.
    pub async fn close(self) {
        if let Self::Table { database, .. } = self {
            database.close().await;
        }
    }
}

async fn ask(client: &reqwest::Client, url: &Url, filter: &TraceFilter) -> reqwest::Result<reqwest::Response> {
    let mut url = url.clone();
    url.set_query(serde_urlencoded::to_string(filter).ok().as_deref());
    client.get(url).header(HEADER.as_str(), "traces").send().await
}

/// The endpoint of a server that listens there; one that listens everywhere listens on this machine, too.
fn endpoint(listen: &str) -> Option<Url> {
    let authority = match listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() => format!("localhost:{}", address.port()),
        _ => listen.to_owned(),
    };
    Url::parse(&format!("http://{authority}{PATH}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_asked_on_this_machine() {
        assert_eq!(endpoint("0.0.0.0:80").unwrap().as_str(), "http://localhost/_dev/traces");
        assert_eq!(endpoint("[::]:8484").unwrap().as_str(), "http://localhost:8484/_dev/traces");
        assert_eq!(endpoint("127.0.0.1:8484").unwrap().as_str(), "http://127.0.0.1:8484/_dev/traces");
    }
}
