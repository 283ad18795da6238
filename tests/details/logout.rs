//! Logout addresses match exactly.

use crate::support::Server;

#[tokio::test]
async fn an_address_that_is_nearly_registered_is_not() {
    let server = Server::start(&[]).await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (path, parameter) in [("/v2/logout", "returnTo"), ("/oidc/logout", "post_logout_redirect_uri")] {
        for near in [
            "http://localhost:3000",
            "http://localhost:3000/?x=1",
            "http://localhost:3000/#x",
            "http://localhost:3000/bye",
            "http://LOCALHOST:3000/",
            "http://localhost:3000//",
            "http://localhost:3001/",
        ] {
            let mut url = server.url(path);
            url.query_pairs_mut().append_pair("client_id", "demo-web").append_pair(parameter, near);
            let answer = client.get(url).send().await.unwrap();
            assert!(!answer.headers().contains_key("location"), "{path} {near}");
        }
    }
    server.stop().await;
}
