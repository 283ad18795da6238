//! The traces of `serve` are in a table: a replay reads it a page at a time.

use std::process::{Command, Output};

use crate::support::Server;

const MACHINE: &str =
    "fn onExecuteCredentialsExchange(event, api) { api.accessToken.setCustomClaim(\"plan\", event.client.client_id); }";
/// More than two pages.
const LOGINS: usize = 450;

fn replay(server: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VESTIBULE_")) {
        command.env_remove(name);
    }
    command.current_dir(server.directory()).args(["replay", "--listen", "127.0.0.1:1"]).args(arguments).output().unwrap()
}

#[tokio::test]
async fn all_traces_of_the_table_are_replayed() {
    let server = Server::start(&[("10-plan", MACHINE)]).await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "demo-m2m"),
        ("client_secret", "demo-m2m-secret"),
        ("audience", "https://api.example.com/"),
    ];
    for _ in 0..LOGINS {
        assert_eq!(server.token(&form).await.0, 200);
    }
    server.app.traces.flush().await;
    std::fs::write(server.directory().join("vestibule.toml"), server.configuration()).unwrap();
    let text = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    for (arguments, count) in [(&["--all"][..], LOGINS), (&["--all", "--limit", "250"], 250)] {
        let output = replay(&server, arguments);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.starts_with(&format!("{count} logins: 0 differ, {count} the same")), "{said}");
    }
    std::fs::create_dir(server.directory().join("next")).unwrap();
    std::fs::write(server.directory().join("next/10-plan.rhai"), MACHINE.replace("plan", "tier")).unwrap();
    let output = replay(&server, &["--all", "--with", "next", "--show", "1"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("… and {} more (`--show 0` shows all)", LOGINS - 1)), "{said}");
    assert!(said.contains("  access_token  plan  removed  450 logins"), "{said}");
}
