//! A login with an independent client library (`openidconnect`) against the running server, over TCP.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::collections::BTreeMap;

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EndpointNotSet, ExtraTokenFields,
    HttpRequest, HttpResponse, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, RedirectUrl, Scope,
    StandardErrorResponse, StandardTokenResponse, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Whatever else is in an ID token, `/userinfo` or token response.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Custom(BTreeMap<String, Value>);
impl AdditionalClaims for Custom {}
impl ExtraTokenFields for Custom {}

type Fields = IdTokenFields<Custom, Custom, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type RelyingParty = Client<
    Custom,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
>;

const ACTION: &str = r#"
fn onExecutePostLogin(event, api) {
    let roles = event.authorization.roles.filter(|role| role != "intern");
    api.idToken.setCustomClaim("https://example.com/roles", roles);
    api.accessToken.setCustomClaim("https://example.com/roles", roles);
    api.tokenResponse.setCustomParameter("patient", event.user.app_metadata.patient);
    api.tokenResponse.setCustomParameter("protocol", event.transaction.protocol);
}
"#;

async fn http(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let answer = client.execute(request.try_into()?).await?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?.to_vec();
    Ok(response)
}

#[tokio::test]
async fn an_independent_client_library_logs_in_and_sees_what_the_actions_decided() {
    let server = support::Server::start(&[("10-claims", ACTION)]).await;
    let metadata = CoreProviderMetadata::discover_async(IssuerUrl::new(server.issuer.clone()).unwrap(), &http)
        .await
        .expect("discovery and JWKS are understood");
    let client = RelyingParty::new(ClientId::new("demo-web".into()), metadata.issuer().clone(), metadata.jwks().clone())
        .set_client_secret(ClientSecret::new("demo-web-secret".into()))
        .set_auth_uri(metadata.authorization_endpoint().clone())
        .set_token_uri(metadata.token_endpoint().expect("a token endpoint").clone())
        .set_user_info_url(metadata.userinfo_endpoint().expect("a userinfo endpoint").clone())
        .set_redirect_uri(RedirectUrl::new("http://localhost:3000/callback".into()).unwrap());

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(["profile", "email", "offline_access"].map(|scope| Scope::new(scope.into())))
        .add_extra_param("audience", "https://api.example.com/")
        .set_pkce_challenge(challenge)
        .url();

    let callback = support::Browser::new().log_in(&url, "ada@example.com", support::PASSWORD).await;
    let answer: BTreeMap<String, String> = callback.query_pairs().into_owned().collect();
    assert_eq!(answer["state"], *state.secret());
    assert_eq!(answer["iss"], server.issuer);

    let tokens = client
        .exchange_code(AuthorizationCode::new(answer["code"].clone()))
        .set_pkce_verifier(verifier)
        .request_async(&http)
        .await
        .expect("the code is redeemed");
    assert_eq!(tokens.extra_fields().extra_fields().0["patient"], json!("p-17"));
    assert_eq!(tokens.extra_fields().extra_fields().0["protocol"], json!("oidc-basic-profile"));
    let id_token = tokens.extra_fields().id_token().expect("an ID token");
    let claims = id_token.claims(&client.id_token_verifier(), &nonce).expect("signature, issuer, audience, nonce, times");
    assert_eq!(claims.subject().as_str(), "auth0|ada");
    assert_eq!(claims.email().expect("the email scope was granted").as_str(), "ada@example.com");
    assert_eq!(claims.additional_claims().0["https://example.com/roles"], json!(["admin"]));

    let userinfo: UserInfoClaims<Custom, CoreGenderClaim> = client
        .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
        .request_async(&http)
        .await
        .expect("userinfo answers for the same subject");
    assert_eq!(userinfo.additional_claims().0["https://example.com/roles"], json!(["admin"]));

    let refreshed = client
        .exchange_refresh_token(tokens.refresh_token().expect("offline_access was granted"))
        .request_async(&http)
        .await
        .expect("the refresh token is exchanged");
    assert_eq!(refreshed.extra_fields().extra_fields().0["protocol"], json!("oauth2-refresh-token"));
    assert_ne!(refreshed.refresh_token().unwrap().secret(), tokens.refresh_token().unwrap().secret(), "it rotates");
    let no_nonce = |_: Option<&Nonce>| Ok(());
    let claims = refreshed.id_token().unwrap().claims(&client.id_token_verifier(), no_nonce).expect("a valid ID token");
    assert_eq!(claims.additional_claims().0["https://example.com/roles"], json!(["admin"]));
    server.stop().await;
}
