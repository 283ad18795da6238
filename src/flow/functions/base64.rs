//! `base64::`: RFC 4648, the standard alphabet and the one for URLs.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};
use rhai::{Blob, Dynamic, ImmutableString, NativeCallContext};

use super::arguments::{Fallible, bytes, fail, room_for_array, room_for_text, text};
use super::description::{Family, Function, Registrar, example};

pub(super) const FAMILY: Family = Family { namespace: Some("base64"), functions: FUNCTIONS, register };

const FUNCTIONS: &[Function] = &[
    Function::new("encode", "base64::encode(text | blob) -> string", "The bytes (of a text: UTF-8) in Base64, padded.")
        .limits("refuses a result longer than `max_string_size`")
        .examples(&[
            example(r#"base64::encode("Ada?>")"#, r#""QWRhPz4=""#),
            example(r#"base64::encode(base64::decode_blob("////"))"#, r#""////""#),
            example("base64::encode(1)", "error: base64::encode: expected a string, not an integer"),
            example(r#"base64::encode("x".repeat(16000))"#, "error: base64::encode: the result is longer than"),
        ]),
    Function::new(
        "encode_url",
        "base64::encode_url(text | blob) -> string",
        "The bytes in the alphabet for URLs and tokens, without padding.",
    )
    .also(&["encodeUrl", "encode_urlsafe"])
    .examples(&[
        example(r#"base64::encode_url("Ada?>")"#, r#""QWRhPz4""#),
        example(r#"base64::encodeUrl(base64::decode_blob("////"))"#, r#""____""#),
    ]),
    Function::new(
        "decode",
        "base64::decode(text) -> string",
        "The text that was encoded; padding is optional, and the alphabet for URLs is understood.",
    )
    .also(&["decode_url", "decodeUrl"])
    .limits("a wrong character, or bytes that are not UTF-8, are an error")
    .examples(&[
        example(r#"base64::decode("QWRhPz4=")"#, r#""Ada?>""#),
        example(r#"base64::decode_url("w7xiZXI")"#, r#""über""#),
        example(r#"base64::decode("QW*h")"#, "error: base64::decode: the text is no Base64"),
        example(r#"base64::decode("////")"#, "error: base64::decode: the bytes are no UTF-8 text"),
    ]),
    Function::new("decode_blob", "base64::decode_blob(text) -> blob", "The bytes that were encoded.")
        .also(&["decodeBlob"])
        .limits("refuses a result with more than `max_array_size` bytes")
        .examples(&[example(r#"base64::decode_blob("////")"#, "[255,255,255]")]),
];

/// Accepts texts with and without padding.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

fn register(library: &mut Registrar<'_>) {
    library.add("encode", |context: NativeCallContext, value: Dynamic| {
        encode(&context, "base64::encode", &general_purpose::STANDARD, &value)
    });
    library.add("encode_url", |context: NativeCallContext, value: Dynamic| {
        encode(&context, "base64::encode_url", &general_purpose::URL_SAFE_NO_PAD, &value)
    });
    library.add("decode", decode);
    library.add("decode_blob", decode_blob);
}

fn encode(
    context: &NativeCallContext,
    function: &str,
    engine: &GeneralPurpose,
    value: &Dynamic,
) -> Fallible<ImmutableString> {
    let bytes = bytes(function, value)?;
    room_for_text(context, function, base64::encoded_len(bytes.len(), true))?;
    Ok(engine.encode(bytes).into())
}

fn decode(value: Dynamic) -> Fallible<ImmutableString> {
    match String::from_utf8(decoded("base64::decode", &value)?) {
        Ok(text) => Ok(text.into()),
        Err(_) => fail("base64::decode", "the bytes are no UTF-8 text (see `base64::decode_blob`)"),
    }
}

fn decode_blob(context: NativeCallContext, value: Dynamic) -> Fallible<Blob> {
    let bytes = decoded("base64::decode_blob", &value)?;
    room_for_array(&context, "base64::decode_blob", bytes.len())?;
    Ok(bytes)
}

fn decoded(function: &str, value: &Dynamic) -> Fallible<Vec<u8>> {
    let encoded = text(function, value)?;
    let engine = if encoded.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    engine.decode(encoded.as_str()).or_else(|_| fail(function, "the text is no Base64"))
}
