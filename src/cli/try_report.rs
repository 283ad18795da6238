//! What `vestibule try` prints: every token decoded, every custom member with the line that set it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::try_login::Outcome;
use crate::domain::JsonMap;
use crate::domain::decision::{self, Decision, Setting};
use crate::domain::text::one_line;
use crate::kit::login::Attempt;
use crate::kit::traces::text::refused_call;

/// Longer strings of a token response are cut in text; `--json` has them whole.
const SHOWN: usize = 24;

type Settings = BTreeMap<String, Setting>;

/// For people.
pub(super) fn text(attempt: &Attempt, outcome: &Outcome) -> String {
    let decision = &outcome.decision;
    let mut parts = vec![headline(attempt, decision), actions(decision)];
    parts.push(verdict(outcome));
    if !decision.refused.is_empty() {
        let line = |refusal: &decision::Refusal| format!("  {}\n    at {}", refused_call(refusal), refusal.by);
        parts.push(format!("Asked for and refused\n{}", decision.refused.iter().map(line).collect::<Vec<_>>().join("\n")));
    }
    if outcome.refused.is_none() {
        parts.extend(tokens(outcome));
    }
    for (title, patch) in [("user_metadata", &decision.user_metadata), ("app_metadata", &decision.app_metadata)] {
        if !patch.is_empty() && !matches!(decision.outcome, decision::Outcome::Failed { .. }) {
            let patch_members = patch.iter().map(|(name, setting)| (name.clone(), setting.value.clone())).collect();
            parts.push(members(&format!("Changes of {title} (a real login would store them)"), &patch_members, patch));
        }
    }
    parts.join("\n\n")
}

fn tokens(outcome: &Outcome) -> Vec<String> {
    let decision = &outcome.decision;
    let mut parts = Vec::new();
    if let Some(token) = &outcome.minted.id_token {
        parts.push(members("ID token", &claims(token).unwrap_or_default(), &decision.id_token));
    }
    match outcome.minted.access_token.as_deref().map(claims) {
        Some(Some(claims)) => parts.push(members("Access token", &claims, &decision.access_token)),
        Some(None) => parts.push("Access token\n  opaque, for /userinfo; name an API with --audience for a JWT".to_owned()),
        None => {}
    }
    parts.push(members("Token response", &shortened(&outcome.response), &decision.token_response));
    if let Some(userinfo) = &outcome.userinfo {
        parts.push(members("Userinfo", userinfo, &decision.id_token));
    }
    parts
}

fn headline(attempt: &Attempt, decision: &Decision) -> String {
    let who = match &attempt.user {
        Some(user) => format!("{} logs in at {}", user.user_id, attempt.client.client_id),
        None => format!("{} asks in its own name", attempt.client.client_id),
    };
    format!(
        "{who}, grant {}, {}, set {}",
        attempt.grant.grant_type().as_str(),
        attempt.grant.trigger().as_str(),
        decision.trace.set
    )
}

fn actions(decision: &Decision) -> String {
    let mut text = String::from("Actions");
    if decision.trace.actions.is_empty() {
        text.push_str("\n  none ran");
    }
    for action in &decision.trace.actions {
        let milliseconds = std::time::Duration::from_micros(action.duration_us).as_secs_f64() * 1000.0;
        let _ = write!(
            text,
            "\n  {}: {}, {milliseconds:.2} ms, {} operations",
            action.action, action.outcome, action.operations
        );
        for line in &action.logs {
            let _ = write!(text, "\n    printed: {}", one_line(line));
        }
        if let Some(error) = &action.error {
            let _ = write!(text, "\n    {}", error.replace('\n', "\n    "));
        }
    }
    text
}

fn verdict(outcome: &Outcome) -> String {
    let Some((code, description)) = &outcome.refused else {
        return format!("Allowed with scope `{}`", one_line(&outcome.scope.to_string()));
    };
    let told = one_line(&format!("{code}: {description}"));
    match &outcome.decision.outcome {
        decision::Outcome::Denied { by, .. } => format!("Denied by {by}\n  {told}"),
        decision::Outcome::Failed { message, .. } => {
            format!("Failed: {}\n  the client reads only {told}", one_line(message))
        }
        decision::Outcome::Allowed => format!("Denied\n  {told}"),
    }
}

/// One line per member; what an action set points at its line.
fn members(title: &str, members: &JsonMap, set_by: &Settings) -> String {
    let lines: Vec<_> = members
        .iter()
        .map(|(name, value)| (one_line(&format!("{name}: {value}")), provenance(name, value, set_by)))
        .collect();
    let custom = lines.iter().filter(|(_, by)| by.is_some()).map(|(line, _)| line.chars().count());
    let width = custom.max().unwrap_or(0).min(80);
    let mut text = title.to_owned();
    for (line, by) in &lines {
        match by {
            Some(by) => drop(write!(text, "\n  {line:width$}  <- {by}")),
            None => drop(write!(text, "\n  {line}")),
        }
    }
    text
}

/// Who set a member; `None` if the protocol did.
fn provenance(name: &str, value: &Value, set_by: &Settings) -> Option<String> {
    set_by.get(name).filter(|setting| setting.value == *value).map(|setting| setting.by.to_string())
}

fn shortened(response: &JsonMap) -> JsonMap {
    let tokens = ["access_token", "id_token", "refresh_token"];
    let shorten = |(name, value): (&String, &Value)| match value {
        Value::String(token) if tokens.contains(&name.as_str()) && token.len() > SHOWN => {
            (name.clone(), Value::String(format!("{}…", token.chars().take(SHOWN).collect::<String>())))
        }
        other => (name.clone(), other.clone()),
    };
    response.iter().map(shorten).collect()
}

/// The payload of a JWT; `None` for an opaque token.
fn claims(token: &str) -> Option<JsonMap> {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Option<JsonMap> {
    let encoded = token.split('.').nth(index)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}

/// For programs.
pub(super) fn json(attempt: &Attempt, outcome: &Outcome) -> String {
    let decision = &outcome.decision;
    let decoded = |token: &Option<String>| {
        token.as_ref().map(|token| match claims(token) {
            Some(claims) => json!({ "header": part(token, 0), "claims": claims }),
            None => json!({ "opaque": true }),
        })
    };
    let places =
        |settings: &Settings| settings.iter().map(|(name, s)| (name.clone(), s.by.to_string().into())).collect::<JsonMap>();
    let values = |settings: &Settings| settings.iter().map(|(name, s)| (name.clone(), s.value.clone())).collect::<JsonMap>();
    let allowed = outcome.refused.is_none();
    let report = json!({
        "outcome": decision.outcome,
        "allowed": allowed,
        "error": outcome.refused.as_ref().map(|(code, description)| json!({ "error": code, "error_description": description })),
        "client_id": attempt.client.client_id,
        "user_id": attempt.user.as_ref().map(|user| &user.user_id),
        "grant_type": attempt.grant.grant_type().as_str(),
        "set": decision.trace.set,
        "trigger": attempt.grant.trigger().as_str(),
        "scope": outcome.scope.to_string(),
        "id_token": decoded(&outcome.minted.id_token),
        "access_token": decoded(&outcome.minted.access_token),
        "token_response": allowed.then_some(&outcome.response),
        "userinfo": outcome.userinfo,
        "set_by": {
            "id_token": places(&decision.id_token),
            "access_token": places(&decision.access_token),
            "token_response": places(&decision.token_response),
        },
        "user_metadata": values(&decision.user_metadata),
        "app_metadata": values(&decision.app_metadata),
        "refused": decision.refused,
        "actions": decision.trace.actions,
    });
    serde_json::to_string_pretty(&report).unwrap_or_default()
}
