//! Free-form parts of `event` (metadata, query, body): read like a map, converted only where they are read.
//!
//! A value begins as the shared JSON object; reading a member converts that member. Changing it turns it into an ordinary
//! script map first: the change stays in the script's own copy.

use std::sync::Arc;

use rhai::{Array, Dynamic, FnPtr, FuncRegistration, ImmutableString, Map, Module, NativeCallContext};
use serde_json::Value;

use super::reads::Path;
use super::script::Part;
use crate::domain::JsonMap;
use crate::flow::context::{Run, Scripted};
use crate::flow::value::{self, Unfit};

/// A map that is converted late.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    data: Data,
    origin: Origin,
}

/// Where it comes from: the run hears what is read.
#[derive(Clone, Debug)]
struct Origin {
    run: Run,
    path: Path,
}

#[derive(Clone, Debug)]
enum Data {
    Json(Arc<JsonMap>),
    Changed(Map),
}

impl Metadata {
    /// What the event holds as the member `name` of a part.
    pub(super) fn of(part: &Part, name: &'static str, members: Arc<JsonMap>) -> Self {
        let origin = Origin { run: part.run.clone(), path: Path::member(part.kind.path(), name) };
        Self { data: Data::Json(members), origin }
    }

    /// The whole as JSON; unchanged metadata are not converted.
    pub(crate) fn to_json(&self) -> Result<Value, Unfit> {
        self.origin.whole();
        self.data.to_json()
    }

    /// Whether both are one and the same unchanged object.
    pub(super) fn is(&self, other: &Self) -> bool {
        matches!((&self.data, &other.data), (Data::Json(a), Data::Json(b)) if Arc::ptr_eq(a, b))
    }

    fn get(&self, context: &NativeCallContext, key: &str) -> Scripted<Dynamic> {
        self.origin.key(context, key);
        let value = match &self.data {
            Data::Json(members) => members.get(key).map_or(Dynamic::UNIT, value::to_script),
            Data::Changed(map) => map.get(key).cloned().unwrap_or(Dynamic::UNIT),
        };
        self.origin.path.held(context, Some(key), value)
    }

    fn contains(&self, context: &NativeCallContext, key: &str) -> bool {
        self.origin.key(context, key);
        match &self.data {
            Data::Json(members) => members.contains_key(key),
            Data::Changed(map) => map.contains_key(key),
        }
    }

    fn len(&self) -> usize {
        self.origin.whole();
        match &self.data {
            Data::Json(members) => members.len(),
            Data::Changed(map) => map.len(),
        }
    }

    fn keys(&self, context: &NativeCallContext) -> Scripted<Dynamic> {
        self.origin.whole();
        let keys: Array = match &self.data {
            Data::Json(members) => members.keys().map(Into::into).collect(),
            Data::Changed(map) => map.keys().map(|key| key.as_str().into()).collect(),
        };
        self.origin.path.held(context, None, Dynamic::from_array(keys))
    }

    fn values(&self, context: &NativeCallContext) -> Scripted<Dynamic> {
        let values: Array = self.to_map().into_values().collect();
        self.origin.path.held(context, None, Dynamic::from_array(values))
    }

    /// An ordinary map of everything.
    fn to_map(&self) -> Map {
        self.origin.whole();
        match &self.data {
            Data::Json(members) => value::to_script_map(members),
            Data::Changed(map) => map.clone(),
        }
    }

    /// Whether both hold the same; nobody reads them for that.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.is(other) || matches!((self.data.to_json(), other.data.to_json()), (Ok(a), Ok(b)) if a == b)
    }

    fn set(&mut self, key: &str, value: Dynamic) {
        self.data.set(key, value);
    }

    fn change(&mut self) -> &mut Map {
        self.data.change()
    }

    fn text(&self) -> String {
        self.to_json().map_or_else(|unfit| unfit.to_string(), |value| value.to_string())
    }
}

impl Data {
    fn to_json(&self) -> Result<Value, Unfit> {
        match self {
            Self::Json(members) => Ok(Value::Object((**members).clone())),
            Self::Changed(map) => value::to_json_map(map).map(Value::Object),
        }
    }

    /// Rhai writes a member back after every method call on it (`metadata.roles.filter(…)`); what is the same is no change,
    /// or each such call would convert everything.
    fn set(&mut self, key: &str, value: Dynamic) {
        let same = match self {
            Self::Json(members) => members.get(key).is_some_and(|own| value::to_json(&value).is_ok_and(|new| new == *own)),
            Self::Changed(_) => false,
        };
        if !same {
            self.change().insert(key.into(), value);
        }
    }

    fn change(&mut self) -> &mut Map {
        if let Self::Json(members) = self {
            *self = Self::Changed(value::to_script_map(members));
        }
        match self {
            Self::Changed(map) => map,
            Self::Json(_) => unreachable!("the line above changed it"),
        }
    }
}

impl Origin {
    fn key(&self, context: &NativeCallContext, key: &str) {
        self.run.reads().note(&self.path, Some(key), true, Some(context));
    }

    fn whole(&self) {
        self.run.reads().note(&self.path, None, true, None);
    }
}

/// Registers the type: everything that Rhai's own maps can do.
pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<Metadata>("map");
    module.set_indexer_get_fn(|context: NativeCallContext, metadata: &mut Metadata, key: ImmutableString| {
        metadata.get(&context, &key)
    });
    module.set_indexer_set_fn(|metadata: &mut Metadata, key: ImmutableString, value: Dynamic| {
        metadata.set(&key, value);
        Ok(())
    });
    register_reading(module);
    register_changing(module);
    register_comparing(module);
    register_callbacks(module);
}

/// Registers the keys that scripts name (`metadata.plan`). The indexers would do, but only after Rhai has composed a message
/// about the missing getter or setter.
pub(crate) fn register_keys<'a>(module: &mut Module, keys: impl Iterator<Item = &'a str>) {
    for key in keys {
        let (read, written) = (ImmutableString::from(key), ImmutableString::from(key));
        FuncRegistration::new_getter(key).set_into_module(
            module,
            move |context: NativeCallContext, metadata: &mut Metadata| -> Scripted<Dynamic> {
                metadata.get(&context, &read)
            },
        );
        FuncRegistration::new_setter(key).set_into_module(
            module,
            move |metadata: &mut Metadata, value: Dynamic| -> Scripted<()> {
                metadata.set(&written, value);
                Ok(())
            },
        );
    }
}

fn register_reading(module: &mut Module) {
    module.set_native_fn("contains", |context: NativeCallContext, metadata: &mut Metadata, key: &str| {
        Ok(metadata.contains(&context, key))
    });
    module
        .set_native_fn("get", |context: NativeCallContext, metadata: &mut Metadata, key: &str| metadata.get(&context, key));
    module.set_native_fn("keys", |context: NativeCallContext, metadata: &mut Metadata| metadata.keys(&context));
    module.set_native_fn("values", |context: NativeCallContext, metadata: &mut Metadata| metadata.values(&context));
    module.set_native_fn("len", |metadata: &mut Metadata| Ok(i64::try_from(metadata.len()).unwrap_or(i64::MAX)));
    module.set_native_fn("is_empty", |metadata: &mut Metadata| Ok(metadata.len() == 0));
    for name in ["to_string", "to_debug", "print", "debug", "to_json"] {
        module.set_native_fn(name, |metadata: &mut Metadata| Ok(metadata.text()));
    }
}

fn register_changing(module: &mut Module) {
    module.set_native_fn("set", |metadata: &mut Metadata, key: &str, value: Dynamic| {
        metadata.change().insert(key.into(), value);
        Ok(())
    });
    module.set_native_fn("remove", |metadata: &mut Metadata, key: &str| {
        Ok(metadata.change().remove(key).unwrap_or(Dynamic::UNIT))
    });
    module.set_native_fn("clear", |metadata: &mut Metadata| {
        metadata.change().clear();
        Ok(())
    });
    for name in ["mixin", "+="] {
        module.set_native_fn(name, |metadata: &mut Metadata, other: Map| {
            metadata.change().extend(other);
            Ok(())
        });
        module.set_native_fn(name, |metadata: &mut Metadata, other: Metadata| {
            metadata.change().extend(other.to_map());
            Ok(())
        });
        module.set_native_fn(name, |map: &mut Map, other: Metadata| {
            map.extend(other.to_map());
            Ok(())
        });
    }
    module.set_native_fn("fill_with", |metadata: &mut Metadata, other: Map| {
        let map = metadata.change();
        for (key, value) in other {
            map.entry(key).or_insert(value);
        }
        Ok(())
    });
    module.set_native_fn("+", |a: Metadata, b: Map| Ok(joined(a.to_map(), b)));
    module.set_native_fn("+", |a: Map, b: Metadata| Ok(joined(a, b.to_map())));
    module.set_native_fn("+", |a: Metadata, b: Metadata| Ok(joined(a.to_map(), b.to_map())));
}

fn joined(mut a: Map, b: Map) -> Map {
    a.extend(b);
    a
}

/// Two maps are equal if they are the same JSON.
fn register_comparing(module: &mut Module) {
    let same = |a: Result<Value, Unfit>, b: Result<Value, Unfit>| matches!((a, b), (Ok(a), Ok(b)) if a == b);
    let json = |map: &Map| value::to_json_map(map).map(Value::Object);
    module.set_native_fn("==", move |a: &mut Metadata, b: Metadata| Ok(a.is(&b) || same(a.to_json(), b.to_json())));
    module.set_native_fn("!=", move |a: &mut Metadata, b: Metadata| Ok(!a.is(&b) && !same(a.to_json(), b.to_json())));
    module.set_native_fn("==", move |a: &mut Metadata, b: Map| Ok(same(a.to_json(), json(&b))));
    module.set_native_fn("!=", move |a: &mut Metadata, b: Map| Ok(!same(a.to_json(), json(&b))));
    module.set_native_fn("==", move |a: &mut Map, b: Metadata| Ok(same(json(a), b.to_json())));
    module.set_native_fn("!=", move |a: &mut Map, b: Metadata| Ok(!same(json(a), b.to_json())));
}

/// Functions that call back run as Rhai's own on an ordinary map.
fn register_callbacks(module: &mut Module) {
    for name in ["map", "filter"] {
        module.set_native_fn(name, move |context: NativeCallContext, metadata: &mut Metadata, callback: FnPtr| {
            context.call_native_fn::<Map>(name, (metadata.to_map(), callback))
        });
    }
    for name in ["drain", "retain"] {
        module.set_native_fn(name, move |context: NativeCallContext, metadata: &mut Metadata, callback: FnPtr| {
            changed_by_callback(&context, name, metadata, callback)
        });
    }
}

fn changed_by_callback(context: &NativeCallContext, name: &str, metadata: &mut Metadata, callback: FnPtr) -> Scripted<Map> {
    let (mut map, mut callback) = (Dynamic::from_map(metadata.to_map()), Dynamic::from(callback));
    let taken = context.call_native_fn_raw(name, true, &mut [&mut map, &mut callback])?;
    metadata.data = Data::Changed(map.try_cast::<Map>().unwrap_or_default());
    Ok(taken.try_cast::<Map>().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_written_back_as_it_was_is_no_change() {
        let roles = json!(["editor", 1, 1.5, null]);
        let mut data = Data::Json(Arc::new([("roles".to_owned(), roles.clone())].into_iter().collect()));
        data.set("roles", value::to_script(&roles));
        assert!(matches!(data, Data::Json(_)));
        data.set("roles", Dynamic::UNIT);
        assert!(matches!(&data, Data::Changed(map) if map["roles"].is_unit()));
    }
}
