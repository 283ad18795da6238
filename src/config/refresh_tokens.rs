//! `refresh_token` of a client: rotation and lifetimes.

use crate::domain::client::{ExpirationType, RefreshTokenPolicy, RotationType};

use super::reader::Section;

/// Five years, the longest that Auth0 accepts.
const LONGEST: i64 = 157_788_000;

/// The policy; rotating and expiring by default.
pub(super) fn read(client: &Section<'_>) -> RefreshTokenPolicy {
    let default = RefreshTokenPolicy::default();
    let Some(table) = client.section("refresh_token") else { return default };
    let rotation = [("rotating", RotationType::Rotating), ("non-rotating", RotationType::NonRotating)];
    let expiration = [("expiring", ExpirationType::Expiring), ("non-expiring", ExpirationType::NonExpiring)];
    let token_lifetime = table.number("token_lifetime", 1..=LONGEST).unwrap_or(default.token_lifetime);
    // Without an own value the idle lifetime never exceeds a shorter absolute one.
    let idle = default.idle_token_lifetime.min(token_lifetime);
    let policy = RefreshTokenPolicy {
        rotation_type: table.choice("rotation_type", &rotation).unwrap_or(default.rotation_type),
        expiration_type: table.choice("expiration_type", &expiration).unwrap_or(default.expiration_type),
        token_lifetime,
        idle_token_lifetime: table.number("idle_token_lifetime", 1..=LONGEST).unwrap_or(idle),
        leeway: table.number("leeway", 0..=3_600).unwrap_or(default.leeway),
        infinite_token_lifetime: table.flag("infinite_token_lifetime").unwrap_or(default.infinite_token_lifetime),
        infinite_idle_token_lifetime: table
            .flag("infinite_idle_token_lifetime")
            .unwrap_or(default.infinite_idle_token_lifetime),
    };
    table.finish();
    if table.has("idle_token_lifetime")
        && !policy.infinite_token_lifetime
        && policy.idle_token_lifetime > policy.token_lifetime
    {
        table.problem("idle_token_lifetime", "must not be longer than token_lifetime", None);
    }
    policy
}
