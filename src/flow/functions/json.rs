//! `json::`: texts and values.
//!
//! The rules for numbers are those of [`crate::flow::value`]: whole numbers become integers; numbers with a point or an
//! exponent, and those beyond 64 bits, become floats; `null` is `()`. Members of objects come out in alphabetical order.

use rhai::{Dynamic, ImmutableString, NativeCallContext};

use super::arguments::{Fallible, absolute, bounded, fail, integer, text};
use super::description::{Family, Function, Registrar, example};
use crate::flow::value;

pub(super) const FAMILY: Family = Family { namespace: Some("json"), functions: FUNCTIONS, register };

const FUNCTIONS: &[Function] = &[
    Function::new("parse", "json::parse(text) -> value", "The value that a JSON text describes; `null` is `()`.")
        .limits("a wrong text is an error with line and column; nesting up to 127; sizes as the engine allows")
        .examples(&[
            example(
                r#"json::parse("{\"plan\":\"pro\",\"seats\":[1,2.5,1e3,null]}")"#,
                r#"{"plan":"pro","seats":[1,2.5,1000,null]}"#,
            ),
            example(r#"json::parse("9223372036854775807") == 9223372036854775807"#, "true"),
            example(r#"type_of(json::parse("9223372036854775808"))"#, r#""f64""#),
            example(r#"json::parse("{plan: 1}")"#, "error: json::parse: key must be a string at line 1 column 2"),
            example(r#"let v = 0; try { v = json::parse(""); } catch { v = "none"; } v"#, r#""none""#),
            example(r#"json::parse("[".repeat(5000))"#, "error: json::parse: recursion limit exceeded"),
            example(r#"json::parse("[" + "0,".repeat(2000) + "0]")"#, "error: Size of array/BLOB too large"),
        ]),
    Function::new(
        "stringify",
        "json::stringify(value, indent = 0) -> string",
        "The value as JSON text, with `indent` spaces for each level.",
    )
    .also(&["to_string"])
    .limits("refuses functions, numbers that are not finite, nesting beyond 64, a result longer than `max_string_size`")
    .examples(&[
        example(r#"json::stringify(#{ b: [1, 2.5, ()], a: "\"" })"#, r#""{\"a\":\"\\\"\",\"b\":[1,2.5,null]}""#),
        example("json::stringify([1], 2)", r#""[\n  1\n]""#),
        example("json::stringify('c')", r#""\"c\"""#),
        example("json::stringify(0.0 / 0.0)", "error: json::stringify: NaN and infinity are not JSON"),
        example("json::stringify([3.0, 0.5])", r#""[3,0.5]""#),
        example(r#"json::stringify("\n".repeat(10000))"#, "error: json::stringify: the result is longer than"),
    ]),
];

fn register(library: &mut Registrar<'_>) {
    library.add("parse", parse);
    library.add("stringify", |context: NativeCallContext, value: Dynamic| {
        bounded(&context, "json::stringify", stringify(&context, "json::stringify", &value, 0)?)
    });
    library.add("stringify", stringify_indented);
}

fn parse(json: Dynamic) -> Fallible<Dynamic> {
    let json = text("json::parse", &json)?;
    match serde_json::from_str(&json) {
        Ok(parsed) => Ok(value::to_script(&parsed)),
        Err(error) => fail("json::parse", error),
    }
}

fn stringify_indented(context: NativeCallContext, value: Dynamic, indent: Dynamic) -> Fallible<ImmutableString> {
    let indent = absolute(integer("json::stringify", &indent)?, 10);
    bounded(&context, "json::stringify", stringify(&context, "json::stringify", &value, indent)?)
}

/// A value as JSON text; never longer than the engine allows a string to be.
pub(super) fn stringify(context: &NativeCallContext, function: &str, value: &Dynamic, indent: usize) -> Fallible<String> {
    let value = value::to_json(value).or_else(|unfit| fail(function, unfit))?;
    let limit = match context.engine().max_string_size() {
        0 => usize::MAX,
        limit => limit,
    };
    let mut output = Limited { bytes: Vec::new(), limit };
    let spaces = " ".repeat(indent);
    let written = if indent == 0 {
        serde_json::to_writer(&mut output, &value)
    } else {
        let formatter = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
        serde::Serialize::serialize(&value, &mut serde_json::Serializer::with_formatter(&mut output, formatter))
    };
    match (written, String::from_utf8(output.bytes)) {
        (Ok(()), Ok(text)) => Ok(text),
        _ => fail(function, format_args!("the result is longer than {limit} bytes")),
    }
}

/// Takes bytes up to a limit.
struct Limited {
    bytes: Vec<u8>,
    limit: usize,
}

impl std::io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(std::io::ErrorKind::OutOfMemory.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
