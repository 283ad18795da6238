//! What JavaScript has for numbers and Rhai spells otherwise.

use rhai::{Dynamic, INT, ImmutableString, NativeCallContext};

use super::arguments::{Fallible, bounded, fail, integer, number};
use super::description::{Family, Function, Registrar, example};

pub(super) const FAMILY: Family = Family { namespace: None, functions: FUNCTIONS, register };

const FUNCTIONS: &[Function] = &[
    Function::new(
        "isInteger",
        "isInteger(value) -> boolean",
        "Whether the value is a number without a fraction; `3.0` is one.",
    )
    .examples(&[
        example("isInteger(3)", "true"),
        example("isInteger(3.0)", "true"),
        example("isInteger(3.5)", "false"),
        example(r#"isInteger("3")"#, "false"),
    ]),
    Function::new(
        "toFixed",
        "number.toFixed(digits = 0) -> string",
        "The number as text with exactly `digits` digits after the point.",
    )
    .limits("at most 100 digits")
    .examples(&[
        example("(2.5).toFixed(2)", r#""2.50""#),
        example("7.toFixed(1)", r#""7.0""#),
        example("1.toFixed(101)", "error: toFixed: digits are 0 to 100"),
    ]),
];

fn register(library: &mut Registrar<'_>) {
    library.add("isInteger", |value: Dynamic| value.is_int() || value.as_float().is_ok_and(|number| number.fract() == 0.0));
    library.add("toFixed", |context: NativeCallContext, value: f64| to_fixed(&context, &value.into(), 0));
    library.add("toFixed", |context: NativeCallContext, value: INT| to_fixed(&context, &value.into(), 0));
    library.add("toFixed", |context: NativeCallContext, value: f64, digits: Dynamic| {
        to_fixed(&context, &value.into(), integer("toFixed", &digits)?)
    });
    library.add("toFixed", |context: NativeCallContext, value: INT, digits: Dynamic| {
        to_fixed(&context, &value.into(), integer("toFixed", &digits)?)
    });
}

fn to_fixed(context: &NativeCallContext, value: &Dynamic, digits: INT) -> Fallible<ImmutableString> {
    let Some(digits) = usize::try_from(digits).ok().filter(|digits| *digits <= 100) else {
        return fail("toFixed", "digits are 0 to 100");
    };
    bounded(context, "toFixed", format!("{:.digits$}", number("toFixed", value)?))
}
