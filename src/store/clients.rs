//! Applications.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::client::Client;

use super::{Result, Store, Tx, document, sql};

impl Store {
    /// A client by id; another replica's change is seen within a second.
    ///
    /// # Errors
    /// The database's.
    pub async fn client(&self, client_id: &str) -> Result<Option<Arc<Client>>> {
        self.remembered.clients.get(client_id.to_owned(), self.stored_client(client_id)).await
    }

    async fn stored_client(&self, client_id: &str) -> Result<Option<Client>> {
        let found: Option<(String,)> = sql::query_as("SELECT document FROM clients WHERE tenant = $1 AND client_id = $2")
            .bind(&*self.tenant)
            .bind(client_id)
            .fetch_optional(&self.database.readers)
            .await?;
        found.map(|(text,)| document::read("client", &text)).transpose()
    }

    /// The origins of all clients, which `of` takes from one; another replica's change is seen within a second.
    ///
    /// # Errors
    /// The database's.
    pub async fn origins(&self, of: impl Fn(&Client) -> Vec<String>) -> Result<Arc<HashSet<String>>> {
        let read = async { Ok(Some(self.clients().await?.iter().flat_map(of).collect())) };
        Ok(self.remembered.origins.get((), read).await?.unwrap_or_default())
    }

    /// Every client, by id.
    ///
    /// # Errors
    /// The database's.
    pub async fn clients(&self) -> Result<Vec<Client>> {
        let found: Vec<(String,)> = sql::query_as("SELECT document FROM clients WHERE tenant = $1 ORDER BY client_id")
            .bind(&*self.tenant)
            .fetch_all(&self.database.readers)
            .await?;
        found.iter().map(|(text,)| document::read("client", text)).collect()
    }
}

impl Tx {
    /// Inserts or replaces a declared client.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_client(&mut self, client: &Client) -> Result<()> {
        self.forget = true;
        sql::query(
            "INSERT INTO clients (tenant, client_id, document, declared) VALUES ($1, $2, $3, 1)
             ON CONFLICT (tenant, client_id) DO UPDATE SET document = excluded.document, declared = 1",
        )
        .bind(&*self.tenant)
        .bind(&client.client_id)
        .bind(document::write("client", client)?)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
