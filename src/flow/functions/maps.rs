//! Object maps. `keys`, `values`, `contains`, `get`, `remove` and `in` are Rhai's own.

use std::any::TypeId;

use rhai::{Array, Dynamic, ImmutableString, Map};

use super::arguments::{Fallible, fail, kind, map, text};
use super::description::{Family, Function, Registrar, example};
use crate::flow::event::metadata::Metadata;
use crate::flow::event::script::Part;

pub(super) const FAMILY: Family = Family { namespace: None, functions: FUNCTIONS, register };

const FUNCTIONS: &[Function] = &[
    Function::new(
        "hasOwnProperty",
        "map.hasOwnProperty(name) -> boolean",
        "Whether the map has a member of that name, even if its value is `()`.",
    )
    .also(&["hasOwn"])
    .examples(&[
        example("#{ plan: () }.hasOwnProperty(\"plan\")", "true"),
        example("#{ plan: 1 }.hasOwn(\"role\")", "false"),
    ]),
    Function::new(
        "entries",
        "map.entries() -> array",
        "An array of `[name, value]` for each member, in alphabetical order.",
    )
    .examples(&[example("#{ b: 2, a: 1 }.entries()", r#"[["a",1],["b",2]]"#)]),
    Function::new(
        "fromEntries",
        "fromEntries(array) -> map",
        "The map of an array of `[name, value]`; the last of a name wins.",
    )
    .limits("refuses an element that is not a pair with a string in front")
    .examples(&[
        example(r#"fromEntries([["a", 1], ["b", 2]])"#, r#"{"a":1,"b":2}"#),
        example("fromEntries([1])", "error: fromEntries: expected pairs `[name, value]`, not an integer"),
    ]),
];

fn register(library: &mut Registrar<'_>) {
    library.add("hasOwnProperty", |map: &mut Map, name: Dynamic| -> Fallible<bool> {
        Ok(map.contains_key(text("hasOwnProperty", &name)?.as_str()))
    });
    // An object of `event` knows which members it can have; a misspelt one is an error there, too.
    for part in [TypeId::of::<Metadata>(), TypeId::of::<Part>()] {
        library.raw("hasOwnProperty", &[part, TypeId::of::<ImmutableString>()], |context, arguments| {
            context.call_native_fn_raw("contains", true, arguments)
        });
        library.raw("entries", &[part], |_, arguments| Ok(entries(&mut map("entries", arguments[0])?).into()));
    }
    library.add("entries", entries);
    library.add("fromEntries", from_entries);
}

fn entries(map: &mut Map) -> Array {
    map.iter().map(|(name, value)| Array::from([name.as_str().into(), value.clone()]).into()).collect()
}

fn from_entries(entries: Array) -> Fallible<Map> {
    entries.into_iter().map(pair).collect()
}

fn pair(entry: Dynamic) -> Fallible<(rhai::Identifier, Dynamic)> {
    let described = kind(&entry);
    let parts = entry.into_array().unwrap_or_default();
    let Ok([name, value]) = <[Dynamic; 2]>::try_from(parts) else {
        return fail("fromEntries", format_args!("expected pairs `[name, value]`, not {described}"));
    };
    Ok((text("fromEntries", &name)?.as_str().into(), value))
}
