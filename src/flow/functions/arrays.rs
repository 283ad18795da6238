//! Arrays, as JavaScript's authors know them; `filter`, `map`, `some`, `find`, `reduce`, `sort` are Rhai's own.

use std::any::TypeId;

use rhai::{Array, Dynamic, FnPtr, INT, ImmutableString, NativeCallContext};

use super::arguments::{Fallible, bounded, count, integer, relative, room_for_array, room_for_text, text};
use super::description::{Family, Function, Registrar, example};

pub(super) const FAMILY: Family = Family { namespace: None, functions: FUNCTIONS, register };

const TOO_MANY: &str = "refuses a result with more than `max_array_size` elements";

const FUNCTIONS: &[Function] = &[
    Function::new("length", "array.length -> integer", "The number of elements.")
        .property()
        .examples(&[example("[1, 2, 3].length", "3"), example("[].length", "0")]),
    Function::new("isArray", "isArray(value) -> boolean", "Whether the value is an array.")
        .also(&["is_array"])
        .examples(&[example("isArray([])", "true"), example(r#"isArray("a")"#, "false")]),
    Function::new("includes", "array.includes(value) -> boolean", "Whether an element equals `value`.").examples(&[
        example(r#"["admin", "user"].includes("admin")"#, "true"),
        example(r#"["admin"].includes('a')"#, "false"),
        example("[1, 2].includes(2.0)", "true"),
        example("[[1], #{a: 1}].includes(#{a: 1})", "true"),
        example("const ROLES = [1]; ROLES.includes(1)", "true"),
    ]),
    Function::new(
        "indexOf",
        "array.indexOf(value, start = 0) -> integer",
        "The place of the first element that equals `value`, at or after `start`; -1 if there is none.",
    )
    .examples(&[
        example(r#"["a", "b", "a"].indexOf("a")"#, "0"),
        example(r#"["a", "b", "a"].indexOf("a", 1)"#, "2"),
        example(r#"["a"].indexOf(1)"#, "-1"),
    ]),
    Function::new(
        "lastIndexOf",
        "array.lastIndexOf(value) -> integer",
        "The place of the last element that equals `value`; -1 if there is none.",
    )
    .examples(&[example(r#"["a", "b", "a"].lastIndexOf("a")"#, "2")]),
    Function::new(
        "join",
        "array.join(separator = \",\") -> string",
        "The elements as text with `separator` between them; `()` is written as nothing.",
    )
    .limits("refuses a result longer than `max_string_size`")
    .examples(&[
        example(r#"["openid", "email"].join(" ")"#, r#""openid email""#),
        example(r#"[1, 2.5, true, ()].join('-')"#, r#""1-2.5-true-""#),
        example("[].join()", r#""""#),
        example(r#"let a = []; a.pad(900, "x"); a.join("y".repeat(1000))"#, "error: join: the result is longer than"),
    ]),
    Function::new("concat", "array.concat(other) -> array", "The elements followed by those of `other`, or by `other`.")
        .limits(TOO_MANY)
        .examples(&[
            example("[1].concat([2, 3])", "[1,2,3]"),
            example("[1].concat(2)", "[1,2]"),
            example("let a = []; a.pad(900, 0); a.concat(a)", "error: concat: the result has more than 1000 elements"),
        ]),
    Function::new(
        "slice",
        "array.slice(start = 0, end = length) -> array",
        "A copy of the elements from `start` up to, not including, `end`; negative places count from the end.",
    )
    .examples(&[
        example("[1, 2, 3, 4].slice(1, 3)", "[2,3]"),
        example("[1, 2, 3].slice(-2)", "[2,3]"),
        example("[1, 2].slice()", "[1,2]"),
    ]),
    Function::new("at", "array.at(index) -> value | ()", "The element at `index`, counted from the end if negative.")
        .examples(&[example("[1, 2, 3].at(-1)", "3"), example("[1].at(5)", "null")]),
    Function::new("flat", "array.flat(depth = 1) -> array", "Arrays among the elements replaced by their elements.")
        .limits(TOO_MANY)
        .examples(&[
            example("[1, [2, [3]]].flat()", "[1,2,[3]]"),
            example("[1, [2, [3]]].flat(9)", "[1,2,3]"),
            example("[1, [2]].flat(0)", "[1,[2]]"),
        ]),
    Function::new(
        "flatMap",
        "array.flatMap(|element| array) -> array",
        "Like `map`, and arrays among the results are replaced by their elements.",
    )
    .limits(TOO_MANY)
    .examples(&[example("[1, 2].flatMap(|n| [n, n * 10])", "[1,10,2,20]")]),
    Function::new("unshift", "array.unshift(value) -> integer", "Puts `value` in front; yields the new length.")
        .limits(TOO_MANY)
        .examples(&[
            example("let a = [2]; a.unshift(1); a", "[1,2]"),
            example("const A = [2]; A.unshift(1)", "error: constant"),
        ]),
    Function::new("toReversed", "array.toReversed() -> array", "The elements in reverse order, as a new array.")
        .examples(&[example("let a = [1, 2]; [a.toReversed(), a]", "[[2,1],[1,2]]")]),
    Function::new("toSorted", "array.toSorted() -> array", "The elements in order, as a new array.")
        .examples(&[example(r#"let a = ["b", "a"]; [a.toSorted(), a]"#, r#"[["a","b"],["b","a"]]"#)]),
    Function::new(
        "every",
        "array.every(|element| boolean) -> boolean",
        "Whether the function yields `true` for all elements.",
    )
    .examples(&[
        example("[1, 2].every(|n| n > 0)", "true"),
        example("[1, -2].every(|n| n > 0)", "false"),
        example("[].every(|n| false)", "true"),
    ]),
    Function::new(
        "forEach",
        "array.forEach(|element, index| …)",
        "Calls the function with each element and, if it takes two arguments, its index.",
    )
    .examples(&[
        example("let sum = 0; [1, 2].forEach(|n| sum += n); sum", "3"),
        example("let sum = 0; [5, 5].forEach(|n, i| sum += i); sum", "1"),
    ]),
    Function::new(
        "findIndex",
        "array.findIndex(|element| boolean) -> integer",
        "The place of the first element for which the function yields `true`; -1 if there is none.",
    )
    .examples(&[example("[1, 5, 7].findIndex(|n| n > 4)", "1"), example("[1].findIndex(|n| n > 4)", "-1")]),
];

fn register(library: &mut Registrar<'_>) {
    library.property("length", |array: &mut Array| count(array.len()));
    library.add("isArray", |value: Dynamic| value.is_array());
    library.add("includes", |array: &mut Array, value: Dynamic| array.iter().any(|item| same(item, &value)));
    library.add("indexOf", |array: &mut Array, value: Dynamic| index_of(array, &value, 0));
    library.add("indexOf", |array: &mut Array, value: Dynamic, start: Dynamic| {
        Fallible::Ok(index_of(array, &value, relative(integer("indexOf", &start)?, array.len())))
    });
    library.add("lastIndexOf", |array: &mut Array, value: Dynamic| {
        array.iter().rposition(|item| same(item, &value)).map_or(-1, count)
    });
    library.add("join", |context: NativeCallContext, array: &mut Array| join(&context, array, ","));
    library.add("join", |context: NativeCallContext, array: &mut Array, separator: Dynamic| {
        join(&context, array, &text("join", &separator)?)
    });
    library.add("slice", |array: &mut Array| array.clone());
    library.add("slice", |array: &mut Array, start: Dynamic| slice(array, &start, None));
    library.add("slice", |array: &mut Array, start: Dynamic, end: Dynamic| slice(array, &start, Some(&end)));
    library.add("at", at);
    library.add("concat", concat);
    library.add("flat", |context: NativeCallContext, array: &mut Array| flat(&context, "flat", array, 1));
    library.add("flat", |context: NativeCallContext, array: &mut Array, depth: Dynamic| {
        flat(&context, "flat", array, integer("flat", &depth)?)
    });
    library.add_changing("unshift", unshift);
    library.add("toReversed", |array: &mut Array| array.iter().rev().cloned().collect::<Array>());
    register_calling(library);
}

/// Those that call a function of the script or of Rhai's own library.
fn register_calling(library: &mut Registrar<'_>) {
    let (array, function) = (TypeId::of::<Array>(), TypeId::of::<FnPtr>());
    library.raw("every", &[array, function], |context, arguments| context.call_native_fn_raw("all", true, arguments));
    library
        .raw("findIndex", &[array, function], |context, arguments| context.call_native_fn_raw("index_of", true, arguments));
    // Rhai's own `for_each` gives the closure `this` and the index; its `map` gives element and index, as JavaScript does.
    library.raw("forEach", &[array, function], |context, arguments| {
        context.call_native_fn_raw("map", true, arguments).map(|_| Dynamic::UNIT)
    });
    library.raw("flatMap", &[array, function], |context, arguments| {
        let mapped = context.call_native_fn_raw("map", true, arguments)?;
        let mapped = mapped.into_array().unwrap_or_default();
        flat(context, "flatMap", &mapped, 1).map(Dynamic::from)
    });
    library.raw("toSorted", &[array], |context, arguments| context.call_native_fn_raw("order", true, arguments));
    library.raw("toSorted", &[array, function], |context, arguments| context.call_native_fn_raw("order", true, arguments));
}

/// Equality by value; numbers are compared across integers and floats, characters with strings of one character.
///
/// The recursion ends because the engine bounds how many elements a value can have, summed over its whole tree.
pub(super) fn same(a: &Dynamic, b: &Dynamic) -> bool {
    if let (Ok(a), Ok(b)) = (a.as_int(), b.as_int()) {
        return a == b;
    }
    if let (Ok(a), Ok(b)) = (super::arguments::number("", a), super::arguments::number("", b)) {
        return a == b;
    }
    if let (Ok(a), Ok(b)) = (text("", a), text("", b)) {
        return a == b;
    }
    if let (Ok(a), Ok(b)) = (a.as_array_ref(), b.as_array_ref()) {
        return a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b));
    }
    if let (Ok(a), Ok(b)) = (a.as_map_ref(), b.as_map_ref()) {
        return a.len() == b.len() && a.iter().zip(b.iter()).all(|((k, a), (l, b))| k == l && same(a, b));
    }
    if let (Ok(a), Ok(b)) = (a.as_bool(), b.as_bool()) {
        return a == b;
    }
    a.is_unit() && b.is_unit()
}

fn index_of(array: &Array, value: &Dynamic, start: usize) -> INT {
    array.iter().skip(start).position(|item| same(item, value)).map_or(-1, |place| count(place + start))
}

fn join(context: &NativeCallContext, array: &Array, separator: &str) -> Fallible<ImmutableString> {
    let mut whole = String::new();
    for (index, item) in array.iter().enumerate() {
        if index > 0 {
            whole.push_str(separator);
        }
        whole.push_str(&super::conversion::written(context, "join", item)?);
        room_for_text(context, "join", Some(whole.len()))?;
    }
    bounded(context, "join", whole)
}

fn slice(array: &Array, start: &Dynamic, end: Option<&Dynamic>) -> Fallible<Array> {
    let start = relative(integer("slice", start)?, array.len());
    let end = end.map_or(Ok(array.len()), |end| integer("slice", end).map(|end| relative(end, array.len())))?;
    Ok(array.get(start..end).unwrap_or_default().to_vec())
}

fn at(array: &mut Array, index: Dynamic) -> Fallible<Dynamic> {
    let index = integer("at", &index)?;
    let index = if index < 0 { count(array.len()).saturating_add(index) } else { index };
    Ok(usize::try_from(index).ok().and_then(|index| array.get(index)).cloned().unwrap_or(Dynamic::UNIT))
}

fn concat(context: NativeCallContext, array: &mut Array, other: Dynamic) -> Fallible<Array> {
    let added = other.as_array_ref().map_or(1, |other| other.len());
    room_for_array(&context, "concat", array.len() + added)?;
    let mut whole = array.clone();
    if other.is_array() {
        whole.extend(other.into_array().unwrap_or_default());
    } else {
        whole.push(other);
    }
    Ok(whole)
}

fn flat(context: &NativeCallContext, function: &str, array: &Array, depth: INT) -> Fallible<Array> {
    let mut result = Array::new();
    flatten_into(&mut result, array, depth);
    room_for_array(context, function, result.len())?;
    Ok(result)
}

/// Never makes more elements than the engine counted in `array` already: sizes are summed over the tree.
fn flatten_into(result: &mut Array, array: &Array, depth: INT) {
    for item in array {
        match item.as_array_ref() {
            Ok(inner) if depth > 0 => flatten_into(result, &inner, depth - 1),
            _ => result.push(item.clone()),
        }
    }
}

fn unshift(context: NativeCallContext, array: &mut Array, value: Dynamic) -> Fallible<INT> {
    room_for_array(&context, "unshift", array.len() + 1)?;
    array.insert(0, value);
    Ok(count(array.len()))
}
