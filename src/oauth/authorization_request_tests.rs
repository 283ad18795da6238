//! Validation without a database: one table of requests and their errors.

use super::*;
use crate::domain::client::{AppType, GrantType};
use crate::oauth::fixtures::web_application;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn check(client: Client, query: &str) -> Result<AuthorizationRequest, Wrong> {
    let parameters = Parameters::from_pairs(url::form_urlencoded::parse(query.as_bytes()).into_owned());
    let destination = destination(&client, "https://rp.example/cb".into(), &parameters, "http://localhost:8484/");
    parse(client.into(), destination, parameters)
}

fn implicit() -> Client {
    let mut client = web_application();
    client.grant_types.push(GrantType::Implicit);
    client
}

fn code(result: Result<AuthorizationRequest, Wrong>) -> &'static str {
    result.unwrap_err().0
}

#[test]
fn a_plain_code_request_is_accepted() {
    let request = check(web_application(), "response_type=code&scope=openid+profile&state=x&foo=bar").unwrap();
    assert!(request.response_type.code && !request.response_type.has_tokens());
    assert_eq!(request.destination.mode, ResponseMode::Query);
    assert_eq!(request.parameters.get("foo"), Some("bar"));
    assert_eq!(request.response_type.protocol(), "oidc-basic-profile");
}

#[test]
fn unknown_repeated_and_unsupported_parameters_have_their_codes() {
    for (query, expected) in [
        ("scope=openid", "invalid_request"),
        ("response_type=code&state=a&state=b", "invalid_request"),
        ("response_type=magic", "unsupported_response_type"),
        ("response_type=code+code", "unsupported_response_type"),
        ("response_type=none", "unsupported_response_type"),
        ("response_type=token", "unauthorized_client"),
        ("response_type=code+id_token&nonce=n&scope=openid", "unauthorized_client"),
        ("response_type=code&request=x", "request_not_supported"),
        ("response_type=code&request_uri=http://169.254.169.254/", "request_uri_not_supported"),
        ("response_type=code&registration={}", "registration_not_supported"),
        ("response_type=code&response_mode=pigeon", "invalid_request"),
        ("response_type=code&response_mode=web_message", "invalid_request"),
        ("response_type=code&prompt=none+login", "invalid_request"),
        ("response_type=code&prompt=maybe", "invalid_request"),
        ("response_type=code&max_age=-1", "invalid_request"),
        ("response_type=code&max_age=abc", "invalid_request"),
        ("response_type=code&max_age=%2B1", "invalid_request"),
        ("response_type=code&max_age=99999999999999999999", "invalid_request"),
    ] {
        assert_eq!(code(check(web_application(), query)), expected, "{query}");
    }
}

#[test]
fn pkce_is_s256_or_an_error() {
    for (query, accepted) in [
        (format!("code_challenge={CHALLENGE}&code_challenge_method=S256"), true),
        (String::new(), true),
        ("code_challenge=".to_owned(), true),
        (format!("code_challenge={CHALLENGE}"), false),
        (format!("code_challenge={CHALLENGE}&code_challenge_method=plain"), false),
        (format!("code_challenge={CHALLENGE}&code_challenge_method=s256"), false),
        (format!("code_challenge={CHALLENGE}x&code_challenge_method=S256"), false),
        ("code_challenge=short&code_challenge_method=S256".to_owned(), false),
        (format!("code_challenge={}%20&code_challenge_method=S256", &CHALLENGE[1..]), false),
        ("code_challenge_method=S256".to_owned(), false),
    ] {
        assert_eq!(check(web_application(), &format!("response_type=code&{query}")).is_ok(), accepted, "{query}");
    }
}

#[test]
fn public_clients_and_those_that_require_it_need_pkce() {
    let mut public = web_application();
    (public.secret_hash, public.app_type) = (None, AppType::Spa);
    assert_eq!(code(check(public, "response_type=code&code_challenge=")), "invalid_request");
    let mut strict = web_application();
    strict.require_pkce = true;
    assert_eq!(code(check(strict, "response_type=code")), "invalid_request");
}

#[test]
fn tokens_from_the_authorization_endpoint_need_the_implicit_grant_a_nonce_and_no_query() {
    let request = check(implicit(), "response_type=id_token+token&nonce=n&scope=openid").unwrap();
    assert_eq!(request.destination.mode, ResponseMode::Fragment);
    assert_eq!(request.response_type.protocol(), "oidc-implicit-profile");
    assert_eq!(check(implicit(), "response_type=code+token").unwrap().response_type.protocol(), "oidc-hybrid-profile");
    assert_eq!(code(check(implicit(), "response_type=id_token&scope=openid")), "invalid_request");
    assert_eq!(code(check(implicit(), "response_type=id_token&nonce=n")), "invalid_request");
    assert_eq!(code(check(implicit(), "response_type=token&response_mode=query")), "invalid_request");
    assert!(check(implicit(), "response_type=id_token&nonce=n&scope=openid&response_mode=form_post").is_ok());
    let mut only_implicit = implicit();
    only_implicit.grant_types = vec![GrantType::Implicit];
    assert_eq!(code(check(only_implicit, "response_type=code+token")), "unauthorized_client");
}

#[test]
fn web_message_is_for_registered_origins() {
    let mut client = web_application();
    client.web_origins = vec!["https://rp.example".into()];
    let request = check(client, "response_type=code&response_mode=web_message&prompt=none").unwrap();
    assert_eq!(request.destination.mode, ResponseMode::WebMessage);
    assert!(request.prompts(Prompt::None));
}

#[test]
fn errors_about_tokens_in_a_query_travel_in_the_fragment() {
    let parameters = Parameters::from_pairs([
        ("response_type".to_owned(), "token".to_owned()),
        ("response_mode".to_owned(), "query".to_owned()),
    ]);
    let chosen = destination(&implicit(), "https://rp.example/cb".into(), &parameters, "i");
    assert_eq!(chosen.mode, ResponseMode::Fragment);
}
