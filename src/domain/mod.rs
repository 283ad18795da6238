//! Pure types and rules of the provider: no input or output, no clock, no SQL, no HTTP.

pub mod claims;
pub mod client;
pub mod decision;
pub mod difference;
pub mod grant;
pub mod hash;
pub mod lifetimes;
pub mod needles;
pub mod outside;
pub mod redaction;
pub mod resource_server;
pub mod scope;
pub mod session;
pub mod shadow;
pub mod text;
pub mod trace;
pub mod user;

/// A JSON object, keys in alphabetical order.
pub type JsonMap = serde_json::Map<String, serde_json::Value>;
