//! `event`, `refresh_event`, `machine_event`; `login`, `exchange`, `run`.

use std::sync::Arc;

use rhai::{Dynamic, Map, Module, NativeCallContext};

use crate::domain::decision::Decision;
use crate::flow::{FlowSet, Trigger, decide, script_value, suggest};
use crate::kit::login::Grant;
use crate::kit::test::decided::Decided;
use crate::kit::test::events;
use crate::kit::test::world::{Failed, World};

use super::{Scripted, json, kind, object};

pub(super) fn register(module: &mut Module, world: &World) {
    let events =
        [("event", None), ("refresh_event", Some(Grant::RefreshToken)), ("machine_event", Some(Grant::ClientCredentials))];
    for (name, grant) in events {
        let own = world.clone();
        module.set_native_fn(name, move |context: NativeCallContext| event(&own, &context, grant, Map::new()));
        let own = world.clone();
        module.set_native_fn(name, move |context: NativeCallContext, parts: Map| event(&own, &context, grant, parts));
    }
    for (name, trigger) in [("login", Trigger::PostLogin), ("exchange", Trigger::CredentialsExchange)] {
        let own = world.clone();
        module.set_native_fn(name, move |context: NativeCallContext, event: Dynamic| {
            perform(&own, &context, Some(trigger), own.set(), &event)
        });
    }
    let own = world.clone();
    module.set_native_fn("run", move |context: NativeCallContext, action: &str, event: Dynamic| {
        run(&own, &context, action, &event)
    });
}

fn event(world: &World, context: &NativeCallContext<'_>, grant: Option<Grant>, parts: Map) -> Scripted<Dynamic> {
    let parts = object(world, context, parts)?;
    let event = events::build(world, grant, parts).map_err(|failed| world.fail(context, failed))?;
    Ok(script_value(&serde_json::to_value(&event).unwrap_or_default()))
}

/// One action alone.
fn run(world: &World, context: &NativeCallContext<'_>, action: &str, event: &Dynamic) -> Scripted<Decided> {
    let set = world.set();
    let name = action.strip_suffix(".rhai").unwrap_or(action);
    let Some(alone) = set.only(name) else {
        let actions = set.actions();
        let names: Vec<_> = actions.iter().map(|info| info.name.as_str()).collect();
        let hint = if names.is_empty() { "there are no actions".to_owned() } else { suggest::hint(name, &names) };
        return Err(world.fail(context, Failed::new(format!("there is no action `{name}`")).hint(hint)));
    };
    let decided = perform(world, context, None, alone, event)?;
    if decided.0.decision.trace.actions.is_empty() && !decided.0.blocked {
        return Err(world.fail(context, idle(&set, name)));
    }
    Ok(decided)
}

/// Why an action did not run for the event.
fn idle(set: &FlowSet, name: &str) -> Failed {
    let info = set.actions().into_iter().find(|info| info.name == name);
    let (triggers, clients) = info.map(|info| (info.triggers, info.clients)).unwrap_or_default();
    let handlers: Vec<_> = triggers.iter().map(|trigger| trigger.handler()).collect();
    let hint = match clients {
        Some(clients) => format!("it has {}, for the clients {}", handlers.join(", "), clients.join(", ")),
        None => format!("it has {}", handlers.join(", ")),
    };
    Failed::new(format!("`{name}` does not run for this event")).hint(hint)
}

/// The flow, by the one `decide` and the one fold of the server. Without a trigger the event tells which.
fn perform(
    world: &World,
    context: &NativeCallContext<'_>,
    trigger: Option<Trigger>,
    set: FlowSet,
    event: &Dynamic,
) -> Scripted<Decided> {
    if !event.is_map() {
        let name = context.fn_name();
        let failed = Failed::new(format!("{name}: expected an event, not {}", kind(event)));
        return Err(world.fail(context, failed.hint("`event()` makes one, `machine_event()` a machine's")));
    }
    let (attempt, event) =
        events::read(world, &json(world, context, event)?).map_err(|failed| world.fail(context, failed))?;
    let of_event = attempt.grant.trigger();
    if let Some(trigger) = trigger.filter(|trigger| *trigger != of_event) {
        let (message, hint) = match trigger {
            Trigger::PostLogin => ("this is the event of a machine, which does not log in", "use `exchange(event)`"),
            Trigger::CredentialsExchange => ("this is no event of a machine", "make one with `machine_event()`"),
        };
        return Err(world.fail(context, Failed::new(message).hint(hint)));
    }
    let granted = events::granted_by(world, &attempt, &event).map_err(|failed| world.fail(context, failed))?;
    let decision = match attempt.is_blocked() {
        true => Decision::default(),
        false => decide(&set, of_event, event, &world.host()),
    };
    world.note(&decision);
    Ok(Decided(Arc::new(attempt.conclude(&granted, decision))))
}
