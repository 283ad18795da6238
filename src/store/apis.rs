//! APIs (resource servers), and what machine clients may ask them for.

use std::sync::Arc;

use crate::domain::resource_server::{ClientGrant, ResourceServer};

use super::{Result, Store, Tx, document, sql};

impl Store {
    /// An API by identifier, compared exactly; another replica's change is seen within a second.
    ///
    /// # Errors
    /// The database's.
    pub async fn resource_server(&self, identifier: &str) -> Result<Option<Arc<ResourceServer>>> {
        self.remembered.resource_servers.get(identifier.to_owned(), self.stored_resource_server(identifier)).await
    }

    async fn stored_resource_server(&self, identifier: &str) -> Result<Option<ResourceServer>> {
        let found: Option<(String,)> =
            sql::query_as("SELECT document FROM resource_servers WHERE tenant = $1 AND identifier = $2")
                .bind(&*self.tenant)
                .bind(identifier)
                .fetch_optional(&self.database.readers)
                .await?;
        found.map(|(text,)| document::read("resource server", &text)).transpose()
    }

    /// Every API, by identifier.
    ///
    /// # Errors
    /// The database's.
    pub async fn resource_servers(&self) -> Result<Vec<ResourceServer>> {
        let found: Vec<(String,)> =
            sql::query_as("SELECT document FROM resource_servers WHERE tenant = $1 ORDER BY identifier")
                .bind(&*self.tenant)
                .fetch_all(&self.database.readers)
                .await?;
        found.iter().map(|(text,)| document::read("resource server", text)).collect()
    }

    /// The grant of a machine client to an API; another replica's change is seen within a second.
    ///
    /// # Errors
    /// The database's.
    pub async fn client_grant(&self, client_id: &str, audience: &str) -> Result<Option<Arc<ClientGrant>>> {
        let key = (client_id.to_owned(), audience.to_owned());
        self.remembered.client_grants.get(key, self.stored_client_grant(client_id, audience)).await
    }

    async fn stored_client_grant(&self, client_id: &str, audience: &str) -> Result<Option<ClientGrant>> {
        let found: Option<(String,)> =
            sql::query_as("SELECT document FROM client_grants WHERE tenant = $1 AND client_id = $2 AND audience = $3")
                .bind(&*self.tenant)
                .bind(client_id)
                .bind(audience)
                .fetch_optional(&self.database.readers)
                .await?;
        found.map(|(text,)| document::read("client grant", &text)).transpose()
    }
}

impl Tx {
    /// Inserts or replaces a declared API.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_resource_server(&mut self, api: &ResourceServer) -> Result<()> {
        self.forget = true;
        sql::query(
            "INSERT INTO resource_servers (tenant, identifier, document, declared) VALUES ($1, $2, $3, 1)
             ON CONFLICT (tenant, identifier) DO UPDATE SET document = excluded.document, declared = 1",
        )
        .bind(&*self.tenant)
        .bind(&api.identifier)
        .bind(document::write("resource server", api)?)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Inserts or replaces a machine's declared grant.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_client_grant(&mut self, grant: &ClientGrant) -> Result<()> {
        self.forget = true;
        sql::query(
            "INSERT INTO client_grants (tenant, client_id, audience, document, declared) VALUES ($1, $2, $3, $4, 1)
             ON CONFLICT (tenant, client_id, audience) DO UPDATE SET document = excluded.document, declared = 1",
        )
        .bind(&*self.tenant)
        .bind(&grant.client_id)
        .bind(&grant.audience)
        .bind(document::write("client grant", grant)?)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
