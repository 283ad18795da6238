//! What a trace may not tell: secrets and tokens, never; personal fields, as configured.
//!
//! First every value that must not be seen is collected: the secrets of the actions, members that are named like a secret,
//! and what stands in the configured fields. Then each is replaced wherever it appears. What an action makes of a value (a
//! hash, a part of it) is beyond this.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::Record;
use crate::domain::JsonMap;
use crate::domain::decision::{Decision, Setting};
use crate::domain::difference::Difference;
use crate::domain::needles::{Needles, is_secret_name};
use crate::domain::outside::Outside;
use crate::domain::shadow::Shadowed;
use crate::flow::event::description::{Holds, Part};
use crate::flow::{FlowSet, REDACTED};

/// Fields of `event` that tell who somebody is: redacted under `serve` unless the configuration says otherwise.
pub const PERSONAL: [&str; 22] = [
    "event.user.email",
    "event.user.phone_number",
    "event.user.username",
    "event.user.name",
    "event.user.nickname",
    "event.user.given_name",
    "event.user.family_name",
    "event.user.picture",
    "event.request.ip",
    "event.request.user_agent",
    "event.request.query.login_hint",
    "event.request.body.username",
    "event.transaction.login_hint",
    "event.session.device.initial_ip",
    "event.session.device.initial_user_agent",
    "event.session.device.last_ip",
    "event.session.device.last_user_agent",
    "event.refresh_token.device.initial_ip",
    "event.refresh_token.device.initial_user_agent",
    "event.refresh_token.device.last_ip",
    "event.refresh_token.device.last_user_agent",
    "event.request.geoip",
];

/// Ids by which traces are found: kept even where a name is a part of them, unless they are themselves redacted.
const IDS: [&str; 6] = [
    "event.client.client_id",
    "event.user.user_id",
    "event.session.user_id",
    "event.refresh_token.user_id",
    "event.refresh_token.client_id",
    "event.user.identities[].user_id",
];

/// Where to look in an event, made once for all records.
#[derive(Debug)]
pub(super) struct Fields {
    /// What is replaced.
    redacted: Vec<Path>,
    /// Those of [`IDS`] that are not.
    kept: Vec<Path>,
}

impl Fields {
    /// Of the configured paths.
    pub(super) fn new(redacted: &[String]) -> Self {
        let kept = IDS.iter().filter(|id| !redacted.iter().any(|field| field == *id));
        Self { redacted: redacted.iter().map(|field| path(field)).collect(), kept: kept.map(|id| path(id)).collect() }
    }
}

/// Steps below `event`.
type Path = Vec<Step>;

#[derive(Debug)]
struct Step {
    name: String,
    /// `[]`: and from there to every element.
    each: bool,
}

fn path(text: &str) -> Path {
    let step = |step: &str| match step.strip_suffix("[]") {
        Some(name) => Step { name: name.to_owned(), each: true },
        None => Step { name: step.to_owned(), each: false },
    };
    text.split('.').skip(1).map(step).collect()
}

/// Redacts one record.
#[derive(Debug)]
pub(super) struct Redactor<'a> {
    pub(super) fields: &'a Fields,
    /// The sets of actions whose secrets may be in it.
    pub(super) sets: &'a [Arc<FlowSet>],
}

impl Redactor<'_> {
    /// Redacts the record; its event is what is returned.
    pub(super) fn redact(&self, record: &mut Record) -> Value {
        let mut event = serde_json::to_value(&*record.recording.event).unwrap_or_default();
        let needles = self.needles(&mut event, record).finish();
        let Fields { redacted, kept: ids } = self.fields;
        let mut kept = Vec::with_capacity(ids.len());
        ids.iter().for_each(|id| at(&mut event, id, &mut |own| kept.push(own.clone())));
        // A field of another type than text keeps its shape, so that this is an event again.
        redacted.iter().for_each(|field| at(&mut event, field, &mut blank));
        part("event", &mut event, &needles);
        let mut kept = kept.into_iter();
        ids.iter().for_each(|id| at(&mut event, id, &mut |own| *own = kept.next().unwrap_or_default()));
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        record.user_id = text("/user/user_id");
        record.client_id = text("/client/client_id").unwrap_or_default();
        outside(&mut record.recording.outside, &needles);
        decision(&mut record.decision, &needles);
        event
    }

    /// Redacts what the shadow decided otherwise about the record, which is not redacted yet.
    pub(super) fn redact_shadow(&self, record: &Record, told: &mut Shadowed) {
        let mut event = serde_json::to_value(&*record.recording.event).unwrap_or_default();
        let mut needles = self.needles(&mut event, record);
        for Difference { name, before, after, .. } in &told.differences {
            [before, after].into_iter().flatten().for_each(|side| named_member(name, &side.value, &mut needles));
        }
        let needles = needles.finish();
        for Difference { name, before, after, .. } in &mut told.differences {
            needles.replace(name);
            [before, after].into_iter().flatten().for_each(|side| json(&mut side.value, &needles));
        }
        told.unrecorded.iter_mut().for_each(|asked| needles.replace(asked));
    }

    fn needles(&self, event: &mut Value, record: &Record) -> Needles {
        let mut needles = Needles::of(record.user_id.as_deref().unwrap_or_default());
        self.sets.iter().flat_map(|set| set.secrets()).for_each(|secret| needles.add(secret));
        for field in &self.fields.redacted {
            at(event, field, &mut |value| texts(value, &mut |text| needles.add(text)));
        }
        named(event, &mut needles);
        let decided = &record.decision;
        let claims = [&decided.id_token, &decided.access_token, &decided.token_response];
        for settings in claims.into_iter().chain([&decided.user_metadata, &decided.app_metadata]) {
            settings.iter().for_each(|(name, setting)| named_member(name, &setting.value, &mut needles));
        }
        decided.transaction_metadata.iter().for_each(|(name, value)| named_member(name, value, &mut needles));
        for effect in decided.trace.actions.iter().flat_map(|action| &action.effects) {
            effect.value.iter().for_each(|value| named_member(&effect.name, value, &mut needles));
        }
        let Outside { cache, http, .. } = &record.recording.outside;
        for entry in cache {
            if let Some(record) = &entry.record {
                named_text(&entry.key, &record.value, &mut needles);
            }
        }
        for exchange in http {
            let answer = exchange.answer.as_ref().ok();
            let (request, none) = (&exchange.request, BTreeMap::new());
            for (name, value) in request.headers.iter().chain(answer.map_or(&none, |answer| &answer.headers)) {
                named_text(name, value, &mut needles);
            }
            let query = request.url.split_once('?').map_or("", |(_, query)| query);
            let bodies = request.body.as_deref().into_iter().chain(answer.map(|answer| answer.body.as_str()));
            bodies.chain([query]).for_each(|text| named_in_text(text, &mut needles));
        }
        needles
    }
}

/// Does something with everything that a path leads to.
fn at(value: &mut Value, path: &[Step], each: &mut impl FnMut(&mut Value)) {
    let [step, rest @ ..] = path else { return each(value) };
    match value.get_mut(&step.name) {
        Some(Value::Array(items)) if step.each => items.iter_mut().for_each(|item| at(item, rest, each)),
        Some(value) if !step.each => at(value, rest, each),
        _ => {}
    }
}

/// Every text in a value goes; the shape stays.
fn blank(value: &mut Value) {
    match value {
        Value::String(text) => REDACTED.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(blank),
        Value::Object(members) => members.values_mut().for_each(blank),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn texts(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => members.values().for_each(|member| texts(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Adds the texts and numbers of members that are named like a secret.
fn named(value: &Value, needles: &mut Needles) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| named_member(name, member, needles)),
        Value::Array(items) => items.iter().for_each(|item| named(item, needles)),
        Value::String(text) if text.starts_with(['{', '[']) => named_in_text(text, needles),
        _ => {}
    }
}

fn named_member(name: &str, value: &Value, needles: &mut Needles) {
    match value {
        Value::String(text) => named_text(name, text, needles),
        Value::Number(number) if is_secret_name(name) => needles.add(&number.to_string()),
        Value::Array(items) if is_secret_name(name) => {
            items.iter().for_each(|item| texts(item, &mut |text| needles.add(text)));
        }
        _ => named(value, needles),
    }
}

fn named_text(name: &str, text: &str, needles: &mut Needles) {
    if !is_secret_name(name) {
        return named_in_text(text, needles);
    }
    needles.add(text);
    // `Bearer …`, `Basic …`: the credential alone, too.
    if let Some((scheme, credential)) = text.split_once(' ')
        && scheme.chars().all(char::is_alphanumeric)
    {
        needles.add(credential);
    }
}

/// Members of JSON or of a form.
fn named_in_text(text: &str, needles: &mut Needles) {
    if text.starts_with(['{', '[']) {
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            named(&value, needles);
        }
        return;
    }
    if text.contains('=') {
        let pairs = url::form_urlencoded::parse(text.as_bytes()).filter(|(name, _)| is_secret_name(name));
        pairs.for_each(|(_, value)| needles.add(&value));
    }
}

/// A part of `event`: the names of its members are ours, those of what is in them are not.
fn part(path: &str, value: &mut Value, needles: &Needles) {
    let known = Part::of(path);
    for (name, own) in value.as_object_mut().into_iter().flatten() {
        match known.and_then(|part| part.member(name)).map(|member| member.holds) {
            Some(Holds::Part(path)) => part(path, own, needles),
            Some(Holds::Parts(path)) => {
                own.as_array_mut().into_iter().flatten().for_each(|item| part(path, item, needles));
            }
            _ => member(name, own, needles),
        }
    }
}

fn json(value: &mut Value, needles: &Needles) {
    match value {
        Value::String(text) => needles.replace(text),
        Value::Array(items) => items.iter_mut().for_each(|item| json(item, needles)),
        Value::Object(members) => {
            if members.keys().any(|name| needles.replaced(name).is_some()) {
                *members =
                    std::mem::take(members).into_iter().map(|(name, own)| (text(name, needles), own)).collect::<JsonMap>();
            }
            members.iter_mut().for_each(|(name, own)| member(name, own, needles));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn member(name: &str, value: &mut Value, needles: &Needles) {
    match value {
        Value::Number(_) if is_secret_name(name) => *value = REDACTED.into(),
        _ => json(value, needles),
    }
}

fn text(mut own: String, needles: &Needles) -> String {
    needles.replace(&mut own);
    own
}

fn outside(outside: &mut Outside, needles: &Needles) {
    for entry in &mut outside.cache {
        needles.replace(&mut entry.key);
        entry.record.iter_mut().for_each(|record| needles.replace(&mut record.value));
    }
    for exchange in &mut outside.http {
        let request = &mut exchange.request;
        needles.replace(&mut request.url);
        request.headers.values_mut().for_each(|value| needles.replace(value));
        request.body.iter_mut().for_each(|body| needles.replace(body));
        match &mut exchange.answer {
            Ok(answer) => {
                answer.headers.values_mut().for_each(|value| needles.replace(value));
                needles.replace(&mut answer.body);
            }
            Err(reason) => needles.replace(reason),
        }
    }
}

fn decision(decision: &mut Decision, needles: &Needles) {
    decision.told().for_each(|text| needles.replace(text));
    for own in [
        &mut decision.id_token,
        &mut decision.access_token,
        &mut decision.token_response,
        &mut decision.user_metadata,
        &mut decision.app_metadata,
    ] {
        settings(own, needles);
    }
    decision.transaction_metadata.iter_mut().for_each(|(name, value)| member(name, value, needles));
    decision.scopes.iter_mut().for_each(|edit| needles.replace(&mut edit.scope));
    for action in &mut decision.trace.actions {
        action.reads.iter_mut().for_each(|read| needles.replace(&mut read.path));
        for effect in &mut action.effects {
            effect.value.iter_mut().for_each(|value| member(&effect.name, value, needles));
            needles.replace(&mut effect.name);
        }
    }
}

fn settings(own: &mut BTreeMap<String, Setting>, needles: &Needles) {
    own.iter_mut().for_each(|(name, setting)| member(name, &mut setting.value, needles));
    if own.keys().any(|name| needles.replaced(name).is_some()) {
        *own = std::mem::take(own).into_iter().map(|(name, setting)| (text(name, needles), setting)).collect();
    }
}
