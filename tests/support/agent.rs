//! A browser without magic: keeps cookies, follows nothing, so that every answer can be looked at.

use std::collections::BTreeMap;

use reqwest::{StatusCode, Url};

use super::server::login_form;
use super::{PASSWORD, Server};

/// Where `demo-web` receives its answers.
pub const CALLBACK: &str = "http://localhost:3000/callback";

/// Cookies, no redirects: every answer is looked at.
pub struct Agent(pub reqwest::Client);

impl Agent {
    /// Without cookies.
    pub fn new() -> Self {
        let builder = reqwest::Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none());
        Self(builder.build().unwrap())
    }

    /// One request, no redirect followed.
    pub async fn get(&self, url: Url) -> reqwest::Response {
        self.0.get(url).send().await.unwrap()
    }

    /// `/authorize` with `client_id=demo-web`, its callback, `response_type=code` and these parameters; empty ones are left out.
    pub async fn authorize(&self, server: &Server, parameters: &[(&str, &str)]) -> reqwest::Response {
        self.get(authorize_url(server, parameters)).await
    }

    /// The login page behind an authorization request: its URL and text.
    pub async fn login_page(&self, server: &Server, parameters: &[(&str, &str)]) -> (Url, String) {
        let answer = self.authorize(server, parameters).await;
        assert_eq!(answer.status(), StatusCode::FOUND);
        let page = answer.url().join(&location(&answer)).unwrap();
        let html = self.get(page.clone()).await.text().await.unwrap();
        (page, html)
    }

    /// Fills the form of a page in and submits it.
    pub async fn submit(&self, page: &Url, html: &str, values: &[(&str, &str)]) -> reqwest::Response {
        let (action, mut fields) = login_form(page, html);
        for (name, value) in values {
            fields.retain(|(have, _)| have != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        self.0.post(action).form(&fields).send().await.unwrap()
    }

    /// The answer to Ada's right password.
    pub async fn log_in(&self, server: &Server, parameters: &[(&str, &str)]) -> reqwest::Response {
        let (page, html) = self.login_page(server, parameters).await;
        self.submit(&page, &html, &[("username", "ada@example.com"), ("password", PASSWORD)]).await
    }
}

/// See [`Agent::authorize`].
pub fn authorize_url(server: &Server, parameters: &[(&str, &str)]) -> Url {
    let mut all = BTreeMap::from([
        ("client_id", "demo-web"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "xyz"),
    ]);
    all.extend(parameters.iter().copied());
    let mut url = server.url("/authorize");
    url.query_pairs_mut().extend_pairs(all.into_iter().filter(|(_, value)| !value.is_empty()));
    url
}

/// Where the answer redirects to.
pub fn location(answer: &reqwest::Response) -> String {
    answer.headers().get("location").unwrap_or_else(|| panic!("{answer:?}")).to_str().unwrap().to_owned()
}

/// The answer in the query of the callback.
pub fn query(answer: &reqwest::Response) -> BTreeMap<String, String> {
    Url::parse(&location(answer)).unwrap().query_pairs().into_owned().collect()
}

/// The answer in the fragment of the callback.
pub fn fragment(answer: &reqwest::Response) -> BTreeMap<String, String> {
    let url = Url::parse(&location(answer)).unwrap();
    url::form_urlencoded::parse(url.fragment().unwrap().as_bytes()).into_owned().collect()
}
