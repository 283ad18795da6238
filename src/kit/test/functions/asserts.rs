//! `assert` and its kind.

use rhai::{Dynamic, Module, NativeCallContext};
use serde_json::Value;

use crate::kit::difference::{differences, lines};
use crate::kit::test::decided::Decided;
use crate::kit::test::world::{Failed, World};

use super::{Scripted, json, kind};

/// Differences that are listed.
const MOST: usize = 20;
/// Characters of a value that are shown.
const SHOWN: usize = 400;

/// What is said instead of the standard message.
type Message = Option<String>;

pub(super) fn register(module: &mut Module, world: &World) {
    let own = world.clone();
    module.set_native_fn("assert", move |context: NativeCallContext, value: Dynamic| that(&own, &context, &value, None));
    let own = world.clone();
    module.set_native_fn("assert", move |context: NativeCallContext, value: Dynamic, message: &str| {
        that(&own, &context, &value, Some(message.to_owned()))
    });
    type Compare = fn(&World, &NativeCallContext<'_>, (&Dynamic, &Dynamic), Message) -> Scripted<()>;
    let comparing: [(&str, Compare); 3] = [("assert_eq", equal), ("assert_ne", unequal), ("assert_contains", contains)];
    for (name, compare) in comparing {
        let own = world.clone();
        module.set_native_fn(name, move |context: NativeCallContext, left: Dynamic, right: Dynamic| {
            compare(&own, &context, (&left, &right), None)
        });
        let own = world.clone();
        module.set_native_fn(name, move |context: NativeCallContext, left: Dynamic, right: Dynamic, message: &str| {
            compare(&own, &context, (&left, &right), Some(message.to_owned()))
        });
    }
    type Judge = fn(&Decided, Option<&str>) -> Result<(), Failed>;
    let judging: [(&str, Judge); 3] = [("assert_denied", denied), ("assert_allowed", allowed), ("assert_failed", failed)];
    for (name, judge) in judging {
        let own = world.clone();
        module.set_native_fn(name, move |context: NativeCallContext, decision: Dynamic| {
            verdict(&own, &context, &decision, None, judge)
        });
        let own = world.clone();
        module.set_native_fn(name, move |context: NativeCallContext, decision: Dynamic, text: &str| {
            verdict(&own, &context, &decision, Some(text), judge)
        });
    }
    let own = world.clone();
    module.set_native_fn("assert_snapshot", move |context: NativeCallContext, value: Dynamic| {
        snapshot(&own, &context, &value, None)
    });
    let own = world.clone();
    module.set_native_fn("assert_snapshot", move |context: NativeCallContext, value: Dynamic, name: &str| {
        snapshot(&own, &context, &value, Some(name))
    });
}

fn that(world: &World, context: &NativeCallContext<'_>, value: &Dynamic, message: Message) -> Scripted<()> {
    match value.as_bool() {
        Ok(true) => Ok(()),
        Ok(false) => Err(world.fail(context, Failed::new(message.unwrap_or_else(|| "this is not true".to_owned())))),
        Err(_) => {
            let failed = Failed::new(format!("assert: expected a boolean, found {}", kind(value)));
            Err(world.fail(context, failed.hint("only `true` and `false` are conditions: ask `x != ()` for presence")))
        }
    }
}

fn equal(
    world: &World,
    context: &NativeCallContext<'_>,
    (left, right): (&Dynamic, &Dynamic),
    message: Message,
) -> Scripted<()> {
    let (left, right) = (json(world, context, left)?, json(world, context, right)?);
    let found = differences(&left, &right);
    if found.is_empty() {
        return Ok(());
    }
    let message = message.unwrap_or_else(|| "the two values differ".to_owned());
    let mut failed = Failed::new(message).details(both(&left, &right));
    if found.iter().any(|difference| !difference.path.is_empty()) {
        failed = failed
            .details(lines(&found, ["on the left", "on the right"], MOST).into_iter().map(|line| format!("  at {line}")));
    }
    Err(world.fail(context, failed))
}

fn unequal(
    world: &World,
    context: &NativeCallContext<'_>,
    (left, right): (&Dynamic, &Dynamic),
    message: Message,
) -> Scripted<()> {
    let (left, right) = (json(world, context, left)?, json(world, context, right)?);
    if left != right {
        return Ok(());
    }
    let message = message.unwrap_or_else(|| "the two values are the same".to_owned());
    Err(world.fail(context, Failed::new(message).details([format!("   both: {}", shown(&left))])))
}

/// A text contains a text, a list an element, a map a name or all members of a map.
fn contains(
    world: &World,
    context: &NativeCallContext<'_>,
    (whole, part): (&Dynamic, &Dynamic),
    message: Message,
) -> Scripted<()> {
    let (whole, part) = (json(world, context, whole)?, json(world, context, part)?);
    let found = match (&whole, &part) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Array(items), part) => items.contains(part),
        (Value::Object(members), Value::String(name)) => members.contains_key(name),
        (Value::Object(members), Value::Object(wanted)) => {
            wanted.iter().all(|(name, value)| members.get(name) == Some(value))
        }
        _ => false,
    };
    if found {
        return Ok(());
    }
    let message = message.unwrap_or_else(|| "the first value does not contain the second".to_owned());
    Err(world.fail(context, Failed::new(message).details(both(&whole, &part))))
}

fn verdict(
    world: &World,
    context: &NativeCallContext<'_>,
    decision: &Dynamic,
    text: Option<&str>,
    judge: fn(&Decided, Option<&str>) -> Result<(), Failed>,
) -> Scripted<()> {
    let Some(decided) = decision.read_lock::<Decided>() else {
        let name = context.fn_name();
        let failed = Failed::new(format!("{name}: expected a decision, not {}", kind(decision)));
        return Err(world.fail(context, failed.hint("`login(event)` yields one")));
    };
    judge(&decided, text).map_err(|failed| world.fail(context, failed))
}

fn denied(decided: &Decided, text: Option<&str>) -> Result<(), Failed> {
    if let Some(failed) = decided.failure() {
        return Err(failed);
    }
    let Some((code, reason)) = decided.refused() else {
        return Err(Failed::new("the login is not denied").details([format!("allowed: {}", shown(&decided.to_json()))]));
    };
    match text {
        Some(text) if code != text && !reason.contains(text) => Err(Failed::new("the login is denied for another reason")
            .details([format!("  expected: {text}"), format!("       got: {code}: {reason}")])),
        _ => Ok(()),
    }
}

fn allowed(decided: &Decided, message: Option<&str>) -> Result<(), Failed> {
    if let Some(failed) = decided.failure() {
        return Err(failed);
    }
    let Some((code, reason)) = decided.refused() else { return Ok(()) };
    let by = match &decided.0.decision.outcome {
        crate::domain::decision::Outcome::Denied { by, .. } => format!(", at {by}"),
        _ => String::new(),
    };
    let failed = Failed::new(message.unwrap_or("the login is denied"));
    Err(failed.details([format!("  {code}: {reason}{by}")]))
}

fn failed(decided: &Decided, text: Option<&str>) -> Result<(), Failed> {
    let Some(message) = decided.error() else {
        return Err(Failed::new("no action failed").details([format!("decision: {}", shown(&decided.to_json()))]));
    };
    match text {
        Some(text) if !message.contains(text) => Err(Failed::new("the action failed for another reason")
            .details([format!("  expected: {text}"), format!("       got: {message}")])),
        _ => Ok(()),
    }
}

fn snapshot(world: &World, context: &NativeCallContext<'_>, value: &Dynamic, name: Option<&str>) -> Scripted<()> {
    if let Some(failed) = value.read_lock::<Decided>().as_deref().and_then(Decided::failure) {
        return Err(world.fail(context, failed));
    }
    let value = json(world, context, value)?;
    let (key, stored) = world.take_snapshot(name, value.clone());
    let hint = "`vestibule test --accept` stores what is there now";
    match stored {
        None => Ok(()),
        Some(None) => {
            let failed = Failed::new(format!("there is no snapshot `{key}`")).details([format!("  now: {}", shown(&value))]);
            Err(world.fail(context, failed.hint(hint)))
        }
        Some(Some(stored)) => {
            let found = differences(&stored, &value);
            if found.is_empty() {
                return Ok(());
            }
            let failed = Failed::new(format!("the snapshot `{key}` differs"));
            Err(world.fail(
                context,
                failed
                    .details(lines(&found, ["stored", "now"], MOST).into_iter().map(|line| format!("  at {line}")))
                    .hint(hint),
            ))
        }
    }
}

fn both(left: &Value, right: &Value) -> [String; 2] {
    [format!("   left: {}", shown(left)), format!("  right: {}", shown(right))]
}

/// A value in one line of bounded length.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "()".to_owned(),
        value => value.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
