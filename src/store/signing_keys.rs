//! Signing keys. They are parsed once by [`crate::keys::Keys`]; this is only where they lie.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Result, Store, Tx, sql};

/// A signing key as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Key id.
    pub kid: String,
    /// `RSA`, `RSA-RS512`, `RSA-PS256`, `EC` or `OKP`: one key is for one algorithm.
    pub kind: String,
    /// PKCS#8 DER; as stored, sealed (see `keys`).
    pub pkcs8: Vec<u8>,
    /// Self-signed certificate in DER for `x5c` (RSA only).
    pub certificate: Option<Vec<u8>>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// When another key takes over signing; still published afterwards.
    pub retired_at: Option<i64>,
}

impl std::fmt::Debug for StoredKey {
    /// Without the private key: it must not end in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredKey")
            .field("kid", &self.kid)
            .field("kind", &self.kind)
            .field("created_at", &self.created_at)
            .field("retired_at", &self.retired_at)
            .finish_non_exhaustive()
    }
}

/// `kid`, `kind`, `pkcs8`, `certificate`, `created_at`, `retired_at`.
type KeyRow = (String, String, String, Option<String>, i64, Option<i64>);

impl Store {
    /// All signing keys, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn signing_keys(&self) -> Result<Vec<StoredKey>> {
        let rows: Vec<KeyRow> = sql::query_as(
            "SELECT kid, kind, pkcs8, certificate, created_at, retired_at FROM signing_keys
             WHERE tenant = $1 ORDER BY created_at DESC, kid",
        )
        .bind(&*self.tenant)
        .fetch_all(&self.database.readers)
        .await?;
        rows.into_iter().map(from_row).collect()
    }
}

impl Tx {
    /// Stores a signing key.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_signing_key(&mut self, key: &StoredKey) -> Result<()> {
        sql::query(
            "INSERT INTO signing_keys (tenant, kid, kind, pkcs8, certificate, created_at, retired_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&*self.tenant)
        .bind(&key.kid)
        .bind(&key.kind)
        .bind(STANDARD.encode(&key.pkcs8))
        .bind(key.certificate.as_ref().map(|der| STANDARD.encode(der)))
        .bind(key.created_at)
        .bind(key.retired_at)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }

    /// Stores the first key of a kind; `false` if another replica was faster (then read [`Store::signing_keys`] again).
    ///
    /// # Errors
    /// The database's.
    pub async fn insert_first_signing_key(&mut self, key: &StoredKey) -> Result<bool> {
        let claimed = sql::query("INSERT INTO first_signing_keys (tenant, kind) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(&*self.tenant)
            .bind(&key.kind)
            .execute(&mut self.inner)
            .await?;
        if claimed == 0 {
            return Ok(false);
        }
        self.insert_signing_key(key).await?;
        Ok(true)
    }

    /// Replaces a private key as it lies in the database: the same key, sealed with another.
    ///
    /// # Errors
    /// The database's.
    pub async fn reseal_signing_key(&mut self, key: &StoredKey) -> Result<()> {
        sql::query("UPDATE signing_keys SET pkcs8 = $3 WHERE tenant = $1 AND kid = $2")
            .bind(&*self.tenant)
            .bind(&key.kid)
            .bind(STANDARD.encode(&key.pkcs8))
            .execute(&mut self.inner)
            .await?;
        Ok(())
    }

    /// Every key of `kind` except `kid` retires at `at`, unless it does so earlier already.
    ///
    /// # Errors
    /// The database's.
    pub async fn retire_signing_keys(&mut self, kind: &str, kid: &str, at: i64) -> Result<()> {
        sql::query(
            "UPDATE signing_keys SET retired_at = $4
             WHERE tenant = $1 AND kind = $2 AND kid <> $3 AND (retired_at IS NULL OR retired_at > $4)",
        )
        .bind(&*self.tenant)
        .bind(kind)
        .bind(kid)
        .bind(at)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}

fn from_row((kid, kind, pkcs8, certificate, created_at, retired_at): KeyRow) -> Result<StoredKey> {
    let decode = |text: &str| STANDARD.decode(text).map_err(|reason| sqlx::Error::Decode(reason.into()));
    Ok(StoredKey {
        pkcs8: decode(&pkcs8)?,
        certificate: certificate.as_deref().map(decode).transpose()?,
        kid,
        kind,
        created_at,
        retired_at,
    })
}
