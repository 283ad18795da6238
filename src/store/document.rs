//! JSON documents in TEXT columns.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, Result};

/// The text of a document.
pub(super) fn write<T: Serialize>(what: &str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|source| Error::Inconsistent { what: what.to_owned(), source })
}

/// The document of a text; `what` names table and key in the error.
pub(super) fn read<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| Error::Inconsistent { what: what.to_owned(), source })
}
