//! What an author of actions looks up: `event`, `api` and the script library, as Markdown for people ([`markdown`]) and as
//! definitions for the Rhai language server ([`definitions`]). Both are made of the tables that the registrations are held
//! against, so that neither can say what is not there.

mod definitions;
mod markdown;
mod signature;

pub use definitions::definitions;
pub use markdown::markdown;

use crate::flow::Trigger;
use crate::flow::event::description::{Holds, Member, Presence};

/// When a part of `event` is there, in words.
fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Always => "always",
        Presence::Login => "post-login",
        Presence::SomeLogins => "some post-logins, otherwise `()`",
        Presence::Machine => "credentials-exchange",
        Presence::WithApi => "credentials-exchange, and post-logins for an API",
    }
}

/// `post-login, credentials-exchange`.
fn triggers(triggers: &[Trigger]) -> String {
    triggers.iter().map(|trigger| trigger.as_str()).collect::<Vec<_>>().join(", ")
}

/// The members that may hold something.
fn filled(members: &[Member]) -> impl Iterator<Item = &Member> {
    members.iter().filter(|member| member.holds != Holds::Nothing)
}
