//! `grant_type=client_credentials` (RFC 6749 section 4.4): a machine asks for a token in its own name.
//!
//! No user, no session, no refresh token, no ID token. What it may ask for stands in its client grant; actions of
//! credentials-exchange may add what the API defines.

use std::sync::Arc;

use crate::app::App;
use crate::domain::client::{Client, GrantType};
use crate::domain::resource_server::{ClientGrant, ResourceServer};
use crate::domain::scope::Scopes;
use crate::flow::Event;
use crate::flow::event::{AccessTokenPart, Tenant, Transaction};

use super::error::{Error, Result};
use super::fold::Party;
use super::parameters::Parameters;
use super::token::{self, Answer};
use super::verdict::{self, Question};
use super::{RequestContext, event, mint, scopes};

/// Answers a machine.
///
/// # Errors
/// `unauthorized_client` for a public client, `access_denied` for an API that the client has no grant for, `invalid_scope`;
/// what the actions decided; `Busy`.
pub async fn exchange(app: &App, client: &Client, parameters: &Parameters, context: &RequestContext) -> Result<Answer> {
    if client.is_public() {
        return Err(token::not_allowed(GrantType::ClientCredentials));
    }
    let audience = parameters.required("audience")?;
    let (api, allowed) = find(app, client, audience).await?;
    let asked = parameters.scope();
    let granted = granted(asked.as_ref(), &scopes::of_client_grant(&allowed, &api))?;

    let asked = asked.unwrap_or_default();
    let event = build_event(app, client, &api, (&asked, &granted), context);
    let question = Question { event, granted: &granted, party: Party::Machine { api: &api }, subject: None };
    let (decision, scope) = verdict::reach(app, question).await?.allowed()?;
    let minted = mint::mint_for_machine(app, client, &api, &scope, &decision)?;
    Ok(Answer::of(minted.response_of(&scope, !asked.is_empty(), &decision), decision.trace))
}

async fn find(app: &App, client: &Client, audience: &str) -> Result<(Arc<ResourceServer>, Arc<ClientGrant>)> {
    let Some(api) = app.store.resource_server(audience).await? else {
        return Err(denied(format!("Service not found: {audience}")));
    };
    let Some(allowed) = app.store.client_grant(&client.client_id, audience).await? else {
        return Err(denied(format!(
            "Client is not authorized to access '{audience}': it needs a client grant for this API."
        )));
    };
    Ok((api, allowed))
}

fn build_event(
    app: &App,
    client: &Client,
    api: &ResourceServer,
    (asked, granted): (&Scopes, &Scopes),
    context: &RequestContext,
) -> Event {
    Event {
        access_token: Some(AccessTokenPart { scope: granted.to_vec(), ..AccessTokenPart::default() }),
        client: event::client(client),
        request: event::request(app, context),
        resource_server: event::resource_server(Some(&api.identifier)),
        tenant: Tenant { id: app.tenant.clone() },
        transaction: Some(Transaction { requested_scopes: asked.to_vec(), ..Transaction::default() }),
        ..Event::default()
    }
}

/// Everything that is allowed, or the part of it that was asked for.
fn granted(asked: Option<&Scopes>, allowed: &Scopes) -> Result<Scopes> {
    let Some(asked) = asked else { return Ok(allowed.clone()) };
    let known = allowed.lookup();
    let missing: Vec<&str> = asked.iter().filter(|word| !known.contains(word)).collect();
    if missing.is_empty() {
        return Ok(asked.clone());
    }
    let description = format!("Client has not been granted scopes: {}", missing.join(", "));
    Err(Error::protocol("invalid_scope", description))
}

fn denied(reason: String) -> Error {
    Error::Denied { code: "access_denied".to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_gets_all_its_scopes_or_the_part_it_asks_for() {
        let allowed = Scopes::parse("read:things write:things");
        assert_eq!(granted(None, &allowed).unwrap(), allowed);
        assert_eq!(granted(Some(&Scopes::parse("read:things")), &allowed).unwrap().to_string(), "read:things");
        let error = granted(Some(&Scopes::parse("read:things admin")), &allowed).unwrap_err();
        assert_eq!(error.to_string(), "invalid_scope: Client has not been granted scopes: admin");
    }
}
