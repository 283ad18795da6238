//! What `vestibule dev` offers and production does not.

use reqwest::Url;
use scraper::{Html, Selector};

use crate::support::server::{Arrived, login_form};
use crate::support::{Browser, PASSWORD, Server};

fn authorize(server: &Server) -> Url {
    let mut url = server.url("/authorize");
    url.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", "demo-web"),
        ("redirect_uri", "http://localhost:3000/callback"),
        ("scope", "openid"),
        ("state", "s"),
    ]);
    url
}

async fn page(browser: &Browser, url: &Url) -> (Url, String) {
    match browser.open(url).await {
        Arrived::Page(page, html) => (page, html),
        Arrived::Callback(url) => panic!("no page but {url}"),
    }
}

fn count(html: &str, selector: &str) -> usize {
    Html::parse_document(html).select(&Selector::parse(selector).unwrap()).count()
}

/// The page's form with one field in place of whatever the page has for it.
fn with(form: Vec<(String, String)>, name: &str, value: &str) -> Vec<(String, String)> {
    let mut form: Vec<_> = form.into_iter().filter(|(have, _)| have != name).collect();
    form.push((name.to_owned(), value.to_owned()));
    form
}

#[tokio::test]
async fn the_login_page_is_one_form_and_demo_users_of_the_file_log_in_by_one_click() {
    let server = Server::start_dev().await;
    let browser = Browser::new();
    let (at, html) = page(&browser, &authorize(&server)).await;
    assert_eq!(count(&html, "form"), 1);
    assert_eq!(count(&html, "button[name=demo_user]"), 2, "{html}");
    let (action, form) = login_form(&at, &html);
    let Arrived::Callback(url) = browser.submit(action, &with(form, "demo_user", "auth0|bob")).await else {
        panic!("still at the login page");
    };
    assert!(url.query_pairs().any(|(name, _)| name == "code"), "{url}");
    server.stop().await;
}

#[tokio::test]
async fn outside_dev_nobody_logs_in_by_one_click() {
    let server = Server::start(&[]).await;
    let browser = Browser::new();
    let (at, html) = page(&browser, &authorize(&server)).await;
    assert_eq!(count(&html, "[name=demo_user]"), 0);
    let (action, form) = login_form(&at, &html);
    assert!(matches!(browser.submit(action, &with(form, "demo_user", "auth0|bob")).await, Arrived::Page(..)));
    server.stop().await;
}

#[tokio::test]
async fn dev_does_not_throttle_loopback_logins() {
    let server = Server::start_dev().await;
    let ask = async |password: &str| {
        let form = [
            ("grant_type", "password"),
            ("client_id", "demo-web"),
            ("client_secret", "demo-web-secret"),
            ("username", "ada@example.com"),
            ("password", password),
        ];
        server.token(&form).await.0
    };
    for _ in 0..12 {
        assert_eq!(ask("wrong").await, 400);
    }
    assert_eq!(ask(PASSWORD).await, 200);
    server.stop().await;
}
