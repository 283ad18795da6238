//! Free-form parts of `event` (metadata, query, body): read like a map, converted only where they are read.
//!
//! A value begins as the shared JSON object; reading a member converts that member. Changing it turns it into an ordinary
//! script map first: the change stays in the script's own copy.

use std::sync::Arc;

use rhai::{Array, Dynamic, FnPtr, ImmutableString, Map, Module, NativeCallContext};
use serde_json::Value;

use crate::domain::JsonMap;
use crate::flow::context::Scripted;
use crate::flow::value::{self, Unfit};

/// A map that is converted late.
#[derive(Clone, Debug)]
pub(crate) struct Metadata(Data);

#[derive(Clone, Debug)]
enum Data {
    Json(Arc<JsonMap>),
    Changed(Map),
}

impl Metadata {
    /// What the event holds.
    pub(crate) fn new(members: Arc<JsonMap>) -> Self {
        Self(Data::Json(members))
    }

    /// The whole as JSON; unchanged metadata are not converted.
    pub(crate) fn to_json(&self) -> Result<Value, Unfit> {
        match &self.0 {
            Data::Json(members) => Ok(Value::Object((**members).clone())),
            Data::Changed(map) => value::to_json_map(map).map(Value::Object),
        }
    }

    /// Whether both are one and the same unchanged object.
    pub(super) fn is(&self, other: &Self) -> bool {
        matches!((&self.0, &other.0), (Data::Json(a), Data::Json(b)) if Arc::ptr_eq(a, b))
    }

    fn get(&self, key: &str) -> Dynamic {
        match &self.0 {
            Data::Json(members) => members.get(key).map_or(Dynamic::UNIT, value::to_script),
            Data::Changed(map) => map.get(key).cloned().unwrap_or(Dynamic::UNIT),
        }
    }

    fn contains(&self, key: &str) -> bool {
        match &self.0 {
            Data::Json(members) => members.contains_key(key),
            Data::Changed(map) => map.contains_key(key),
        }
    }

    fn len(&self) -> usize {
        match &self.0 {
            Data::Json(members) => members.len(),
            Data::Changed(map) => map.len(),
        }
    }

    fn keys(&self) -> Array {
        match &self.0 {
            Data::Json(members) => members.keys().map(Into::into).collect(),
            Data::Changed(map) => map.keys().map(|key| key.as_str().into()).collect(),
        }
    }

    /// An ordinary map of everything.
    fn to_map(&self) -> Map {
        match &self.0 {
            Data::Json(members) => value::to_script_map(members),
            Data::Changed(map) => map.clone(),
        }
    }

    /// Rhai writes a member back after every method call on it (`metadata.roles.filter(…)`); what is the same is no change,
    /// or each such call would convert everything.
    fn set(&mut self, key: &str, value: Dynamic) {
        let same = match &self.0 {
            Data::Json(members) => members.get(key).is_some_and(|own| value::to_json(&value).is_ok_and(|new| new == *own)),
            Data::Changed(_) => false,
        };
        if !same {
            self.change().insert(key.into(), value);
        }
    }

    fn change(&mut self) -> &mut Map {
        if let Data::Json(members) = &self.0 {
            self.0 = Data::Changed(value::to_script_map(members));
        }
        match &mut self.0 {
            Data::Changed(map) => map,
            Data::Json(_) => unreachable!("the line above changed it"),
        }
    }

    fn text(&self) -> String {
        self.to_json().map_or_else(|unfit| unfit.to_string(), |value| value.to_string())
    }
}

/// Registers the type: everything that Rhai's own maps can do.
pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<Metadata>("map");
    module.set_indexer_get_fn(|metadata: &mut Metadata, key: ImmutableString| Ok(metadata.get(&key)));
    module.set_indexer_set_fn(|metadata: &mut Metadata, key: ImmutableString, value: Dynamic| {
        metadata.set(&key, value);
        Ok(())
    });
    register_reading(module);
    register_changing(module);
    register_comparing(module);
    register_callbacks(module);
}

fn register_reading(module: &mut Module) {
    module.set_native_fn("contains", |metadata: &mut Metadata, key: &str| Ok(metadata.contains(key)));
    module.set_native_fn("get", |metadata: &mut Metadata, key: &str| Ok(metadata.get(key)));
    module.set_native_fn("keys", |metadata: &mut Metadata| Ok(metadata.keys()));
    module.set_native_fn("values", |metadata: &mut Metadata| Ok(metadata.to_map().into_values().collect::<Array>()));
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
    *metadata = Metadata(Data::Changed(map.try_cast::<Map>().unwrap_or_default()));
    Ok(taken.try_cast::<Map>().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_written_back_as_it_was_is_no_change() {
        let roles = json!(["editor", 1, 1.5, null]);
        let mut metadata = Metadata::new(Arc::new([("roles".to_owned(), roles.clone())].into_iter().collect()));
        metadata.set("roles", value::to_script(&roles));
        assert!(matches!(metadata.0, Data::Json(_)));
        metadata.set("roles", Dynamic::UNIT);
        assert!(matches!(metadata.0, Data::Changed(_)) && metadata.get("roles").is_unit());
    }
}
