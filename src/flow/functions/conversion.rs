//! Between numbers and texts.

use rhai::{Dynamic, EvalAltResult, INT, ImmutableString, NativeCallContext};

use super::arguments::{Fallible, bounded, fail, integer, room_for_text};
use super::description::{Family, Function, Registrar, example};

pub(super) const FAMILY: Family = Family { namespace: None, functions: FUNCTIONS, register };

/// Of arrays in arrays; the recursion has a stack to fit into.
const MAX_DEPTH: usize = 64;

const FUNCTIONS: &[Function] = &[
    Function::new(
        "parseInt",
        "parseInt(text, radix = 10) -> integer | ()",
        "The whole number at the beginning of the text; `()` if there is none (JavaScript's `NaN`).",
    )
    .limits("a number beyond 64 bits is an error; `radix` is 2 to 36")
    .examples(&[
        example(r#"parseInt("42")"#, "42"),
        example(r#"parseInt(" -7 days")"#, "-7"),
        example(r#"parseInt("ff", 16)"#, "255"),
        example(r#"parseInt(3.9)"#, "3"),
        example(r#"parseInt("ada") ?? 0"#, "0"),
        example(r#"parseInt("99999999999999999999")"#, "error: parseInt: the number does not fit 64 bits"),
        example(r#"parseInt("1", 99)"#, "error: parseInt: the radix is 2 to 36"),
    ]),
    Function::new(
        "parseFloat",
        "parseFloat(text) -> number | ()",
        "The number at the beginning of the text; `()` if there is none.",
    )
    .examples(&[
        example(r#"parseFloat("2.5 kg")"#, "2.5"),
        example(r#"parseFloat("1e3")"#, "1000"),
        example(r#"parseFloat("ada")"#, "null"),
    ]),
    Function::new(
        "Number",
        "Number(value) -> integer | float | ()",
        "The number that the whole text is, or 0 and 1 for `false` and `true`; `()` if it is none.",
    )
    .examples(&[
        example(r#"Number("42")"#, "42"),
        example(r#"Number("2.5")"#, "2.5"),
        example(r#"Number("42px")"#, "null"),
        example("Number(true)", "1"),
    ]),
    Function::new(
        "toString",
        "value.toString() -> string",
        "The value as text: arrays with commas between their elements, maps as JSON, `()` as nothing.",
    )
    .also(&["String"])
    .limits("refuses a result longer than `max_string_size`")
    .examples(&[
        example("42.toString()", r#""42""#),
        example("(2.50).toString()", r#""2.5""#),
        example("(3.0).toString()", r#""3""#),
        example("true.toString()", r#""true""#),
        example(r#"["a", 1, ["b"]].toString()"#, r#""a,1,b""#),
        example(r#"#{ a: 1 }.toString()"#, r#""{\"a\":1}""#),
        example("255.toString(16)", r#""ff""#),
        example("String(())", r#""""#),
    ]),
];

fn register(library: &mut Registrar<'_>) {
    library.add("parseInt", |value: Dynamic| parse_int(&value, 10));
    library.add("parseInt", |value: Dynamic, radix: Dynamic| parse_int(&value, integer("parseInt", &radix)?));
    library.add("parseFloat", parse_float);
    library.add("Number", to_number);
    library.add("toString", |context: NativeCallContext, value: Dynamic| -> Fallible<ImmutableString> {
        bounded(&context, "toString", written(&context, "toString", &value)?)
    });
    library.add("toString", in_radix);
}

fn parse_int(value: &Dynamic, radix: INT) -> Fallible<Dynamic> {
    if value.is_int() {
        return Ok(value.clone());
    }
    if let Ok(number) = value.as_float() {
        return if number.is_finite() { Ok(integer("parseInt", &number.trunc().into())?.into()) } else { Ok(Dynamic::UNIT) };
    }
    let Some(radix) = u32::try_from(radix).ok().filter(|radix| (2..=36).contains(radix)) else {
        return fail("parseInt", "the radix is 2 to 36");
    };
    let Ok(text) = super::arguments::text("parseInt", value) else { return Ok(Dynamic::UNIT) };
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text[sign..].find(|c: char| !c.is_digit(radix)).map_or(text.len(), |end| sign + end);
    if digits == sign {
        return Ok(Dynamic::UNIT);
    }
    match INT::from_str_radix(&text[..digits], radix) {
        Ok(number) => Ok(number.into()),
        Err(_) => fail("parseInt", "the number does not fit 64 bits"),
    }
}

fn parse_float(value: Dynamic) -> Fallible<Dynamic> {
    if value.is_int() || value.is_float() {
        return super::arguments::number("parseFloat", &value).map(Dynamic::from);
    }
    let Ok(text) = super::arguments::text("parseFloat", &value) else { return Ok(Dynamic::UNIT) };
    Ok(leading_float(text.trim_start()).map_or(Dynamic::UNIT, Dynamic::from))
}

/// The longest beginning of the text that is a decimal number.
fn leading_float(text: &str) -> Option<f64> {
    let length = text.bytes().take_while(|b| b.is_ascii_digit() || b"+-.eE".contains(b)).take(400).count();
    (1..=length).rev().find_map(|end| text[..end].parse().ok().filter(|number: &f64| number.is_finite()))
}

fn to_number(value: Dynamic) -> Dynamic {
    if value.is_int() || value.is_float() {
        return value;
    }
    if let Ok(truth) = value.as_bool() {
        return INT::from(truth).into();
    }
    let Ok(text) = super::arguments::text("Number", &value) else { return Dynamic::UNIT };
    let text = text.trim();
    if let Ok(number) = text.parse::<INT>() {
        return number.into();
    }
    let decimal = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    text.parse::<f64>().ok().filter(|number| decimal && number.is_finite()).map_or(Dynamic::UNIT, Dynamic::from)
}

fn in_radix(context: NativeCallContext, number: INT, radix: Dynamic) -> Fallible<ImmutableString> {
    let radix = integer("toString", &radix)?;
    let Some(radix) = u32::try_from(radix).ok().filter(|radix| (2..=36).contains(radix)) else {
        return fail("toString", "the radix is 2 to 36");
    };
    let mut digits = Vec::new();
    let mut rest = number.unsigned_abs();
    loop {
        let digit = u32::try_from(rest % u64::from(radix)).unwrap_or_default();
        digits.push(char::from_digit(digit, radix).unwrap_or('?'));
        rest /= u64::from(radix);
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        digits.push('-');
    }
    bounded(&context, "toString", digits.into_iter().rev().collect())
}

/// A value as JavaScript writes it.
pub(super) fn written(context: &NativeCallContext, function: &str, value: &Dynamic) -> Fallible<String> {
    let mut text = String::new();
    write_value(context, function, value, 0, &mut text)?;
    Ok(text)
}

/// The part of the text is checked after each value, so that the whole never outgrows the limit by more than one value.
fn write_value(
    context: &NativeCallContext,
    function: &str,
    value: &Dynamic,
    depth: usize,
    text: &mut String,
) -> Result<(), Box<EvalAltResult>> {
    if let Ok(array) = value.as_array_ref() {
        if depth == MAX_DEPTH {
            return fail(function, format_args!("the value is nested deeper than {depth} levels"));
        }
        for (index, item) in array.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            write_value(context, function, item, depth + 1, text)?;
        }
    } else if let Ok(whole) = value.as_float() {
        // JavaScript writes 3.0 as 3.
        text.push_str(&whole.to_string());
    } else if value.is_map() || crate::flow::value::is_part_of_event(value) {
        text.push_str(&super::json::stringify(context, function, value, 0)?);
    } else if value.type_name().contains("::flow::") {
        // `event.secrets` and the objects of `api`: what they are, not what they hold.
        text.push_str(&format!("[{}]", context.engine().map_type_name(value.type_name())));
    } else {
        text.push_str(&value.to_string());
    }
    room_for_text(context, function, Some(text.len()))
}
