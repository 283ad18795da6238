//! `event` as scripts see it: typed parts whose members are converted when they are read.
//!
//! A misspelt member is an error with a suggestion; what is known and absent is `()`. Assigning has no effect, as in Auth0,
//! and is recorded as a refusal. Rhai also "assigns" after a method call, by writing the receiver back through the chain that
//! it came from; that is no refusal unless the value differs.

use rhai::{Dynamic, EvalAltResult, FuncRegistration, ImmutableString, Module, NativeCallContext, Position};
use serde_json::Value;

use super::members::{self, Kind};
use super::metadata::Metadata;
use super::reads::Path;
use crate::flow::codes::Code;
use crate::flow::context::{Run, Scripted, mistake_of};
use crate::flow::{suggest, value};

/// A part of `event`.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(super) run: Run,
    pub(super) kind: Kind,
}

impl Part {
    /// The argument `event`.
    pub(crate) fn event(run: Run) -> Self {
        Self { run, kind: Kind::Event }
    }

    /// The whole as JSON, without secrets.
    pub(crate) fn to_json(&self) -> Value {
        self.run.reads().note(&Path::of(self.kind.path()), None, true, None);
        members::json(self)
    }

    fn get(&self, context: &NativeCallContext, name: &str) -> Scripted<Dynamic> {
        let value = members::get(self, name).ok_or_else(|| {
            let path = self.kind.path();
            let names: Vec<&str> = self.kind.part().names().collect();
            let hint = suggest::hint(name, &names);
            mistake_of(Code::UnknownMember, context, format!("unknown property `{name}` of `{path}`\nhint: {hint}"))
        })?;
        self.noted(context, name, value)
    }

    /// The member, which is noted to be read.
    fn noted(&self, context: &NativeCallContext, name: &str, value: Dynamic) -> Scripted<Dynamic> {
        self.note(context, name, &value);
        match self.kind.known(name) {
            Some(name) => Path::member(self.kind.path(), name).held(context, None, value),
            None => Ok(value),
        }
    }

    /// Notes that a member was read; for an object of ours, what is read of it counts.
    fn note(&self, context: &NativeCallContext, name: &str, value: &Dynamic) {
        if let Some(name) = self.kind.known(name) {
            let step = value.is::<Part>() || value.is::<Metadata>() || value.is::<super::secrets::Secrets>();
            self.run.reads().note(&Path::member(self.kind.path(), name), None, !step, Some(context));
        }
    }

    fn set(&self, context: &NativeCallContext, name: &str, value: &Dynamic) {
        let current = members::get(self, name);
        if current.is_some_and(|current| same(&current, value)) {
            return;
        }
        // `event.user.email.replace("@", " ")` is meant for its result, as in JavaScript.
        if value.is_string() && self.run.source_at(context).is_some_and(|source| goes_on(source, name)) {
            return;
        }
        let path = format!("{}.{name}", self.kind.path());
        let instead = match path.as_str() {
            "event.user.app_metadata" => "; use `api.user.setAppMetadata(key, value)`",
            "event.user.user_metadata" => "; use `api.user.setUserMetadata(key, value)`",
            "event.transaction.metadata" => "; use `api.transaction.setMetadata(key, value)`",
            "event.accessToken.customClaims" => "; use `api.accessToken.setCustomClaim(name, value)`",
            "event.accessToken.scope" => "; use `api.accessToken.addScope(scope)` or `removeScope(scope)`",
            _ => "",
        };
        self.run.refuse(context, "event", &path, format!("`event` is read-only: changing it has no effect{instead}"));
    }
}

/// Whether the source, at a property, goes on with a method of that property.
fn goes_on(source: &str, name: &str) -> bool {
    let property = source.trim_start_matches(['.', '?', ' ']);
    property.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with(['.', '?']))
}

/// Whether writing `new` in the place of `old` would change nothing.
fn same(old: &Dynamic, new: &Dynamic) -> bool {
    if let (Some(old), Some(new)) = (old.read_lock::<Metadata>(), new.read_lock::<Metadata>()) {
        return old.same(&new);
    }
    if let (Some(old), Some(new)) = (old.read_lock::<Part>(), new.read_lock::<Part>()) {
        return old.kind == new.kind;
    }
    if old.type_id() == new.type_id() && old.is::<super::secrets::Secrets>() {
        return true;
    }
    matches!((value::to_json(old), value::to_json(new)), (Ok(old), Ok(new)) if old == new)
}

/// Tells Rhai to ask the indexer, which has the messages.
fn ask_indexer() -> Box<EvalAltResult> {
    EvalAltResult::ErrorDotExpr(String::new(), Position::NONE).into()
}

/// Rhai would find all members by the indexers alone, but composes a message about the missing getter or setter first, each
/// time: that took longer than the rest of the reading.
fn register_members(module: &mut Module) {
    for name in members::every_name() {
        FuncRegistration::new_getter(name).set_into_module(
            module,
            move |context: NativeCallContext, part: &mut Part| -> Scripted<Dynamic> {
                let value = members::get(part, name).ok_or_else(ask_indexer)?;
                part.noted(&context, name, value)
            },
        );
        FuncRegistration::new_setter(name).with_purity(true).set_into_module(
            module,
            move |context: NativeCallContext, part: &mut Part, value: Dynamic| -> Scripted<()> {
                part.set(&context, name, &value);
                Ok(())
            },
        );
    }
}

/// Registers the types of `event`.
pub(crate) fn register(module: &mut Module) {
    module.set_custom_type::<Part>("event");
    register_members(module);
    module
        .set_indexer_get_fn(|context: NativeCallContext, part: &mut Part, name: ImmutableString| part.get(&context, &name));
    // Pure: it changes nothing, so that it may be called on `event`, which is constant.
    FuncRegistration::new_index_setter().in_global_namespace().with_purity(true).set_into_module(
        module,
        |context: NativeCallContext, part: &mut Part, name: ImmutableString, value: Dynamic| {
            part.set(&context, &name, &value);
        },
    );
    module.set_native_fn("contains", |context: NativeCallContext, part: &mut Part, name: &str| {
        let value = members::get(part, name);
        if let Some(value) = &value {
            part.note(&context, name, value);
        }
        Ok(value.is_some_and(|value| !value.is_unit()))
    });
    module.set_native_fn("==", |a: &mut Part, b: Part| Ok(a.kind == b.kind));
    module.set_native_fn("!=", |a: &mut Part, b: Part| Ok(a.kind != b.kind));
    for name in ["to_string", "to_debug", "print", "debug", "to_json"] {
        module.set_native_fn(name, |part: &mut Part| Ok(part.to_json().to_string()));
    }
    super::metadata::register(module);
    super::secrets::register(module);
}
