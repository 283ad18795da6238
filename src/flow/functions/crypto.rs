//! `crypto::`: hashes, message authentication, random identifiers. Inputs are bounded by the engine's string limit.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rhai::{Dynamic, ImmutableString, NativeCallContext};

use super::arguments::{Fallible, bytes, fail, handle, integer};
use super::description::{Family, Function, Registrar, example};

pub(super) const FAMILY: Family = Family { namespace: Some("crypto"), functions: FUNCTIONS, register };

const FUNCTIONS: &[Function] = &[
    Function::new("sha256", "crypto::sha256(text | blob) -> string", "SHA-256 in hexadecimal digits.").examples(&[
        example(r#"crypto::sha256("abc")"#, r#""ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad""#),
        example(r#"crypto::sha256(base64::decode_blob("YWJj")) == crypto::sha256("abc")"#, "true"),
    ]),
    Function::new("sha256_base64", "crypto::sha256_base64(text | blob) -> string", "SHA-256 in Base64.")
        .also(&["sha256Base64"])
        .examples(&[example(r#"crypto::sha256_base64("abc")"#, r#""ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=""#)]),
    Function::new(
        "sha256_base64url",
        "crypto::sha256_base64url(text | blob) -> string",
        "SHA-256 in Base64 for URLs, without padding: what a PKCE challenge is of its verifier.",
    )
    .also(&["sha256Base64Url"])
    .examples(&[example(r#"crypto::sha256_base64url("abc")"#, r#""ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0""#)]),
    Function::new("sha512", "crypto::sha512(text | blob) -> string", "SHA-512 in hexadecimal digits.")
        .examples(&[example(r#"crypto::sha512("abc").slice(0, 16)"#, r#""ddaf35a193617aba""#)]),
    Function::new(
        "hmac_sha256",
        "crypto::hmac_sha256(key, text) -> string",
        "The message authentication code HMAC-SHA-256 in hexadecimal digits. The key comes first.",
    )
    .also(&["hmacSha256"])
    .limits("an empty key is an error")
    .examples(&[
        example(
            r#"crypto::hmac_sha256("Jefe", "what do ya want for nothing?")"#,
            r#""5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843""#,
        ),
        example(r#"crypto::hmac_sha256("", "x")"#, "error: crypto::hmac_sha256: the key is empty"),
        example(r#"crypto::hmac_sha256((), "x")"#, "error: crypto::hmac_sha256: expected a string, not nothing `()`"),
    ]),
    Function::new(
        "hmac_sha256_base64url",
        "crypto::hmac_sha256_base64url(key, text) -> string",
        "HMAC-SHA-256 in Base64 for URLs, without padding.",
    )
    .also(&["hmacSha256Base64Url"])
    .limits("an empty key is an error")
    .examples(&[example(
        r#"crypto::hmac_sha256_base64url("Jefe", "what do ya want for nothing?")"#,
        r#""W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM""#,
    )]),
    Function::new("random_uuid", "crypto::random_uuid() -> string", "A new random UUID (version 4).")
        .also(&["randomUUID", "uuid"])
        .examples(&[
            example("crypto::random_uuid().length", "36"),
            example("crypto::randomUUID()[14]", r#""4""#),
            example("crypto::random_uuid() == crypto::random_uuid()", "false"),
        ]),
    Function::new("random_hex", "crypto::random_hex(bytes) -> string", "`bytes` random bytes in hexadecimal digits.")
        .also(&["randomHex"])
        .limits("1 to 64 bytes")
        .examples(&[
            example("crypto::random_hex(16).length", "32"),
            example("crypto::random_hex(65)", "error: crypto::random_hex: the number of bytes is 1 to 64"),
        ]),
    Function::new(
        "timing_safe_equal",
        "crypto::timing_safe_equal(a, b) -> boolean",
        "Whether two secrets are equal, in a time that tells nothing of where they differ.",
    )
    .also(&["timingSafeEqual"])
    .examples(&[
        example(r#"crypto::timing_safe_equal("secret", "secret")"#, "true"),
        example(r#"crypto::timingSafeEqual("secret", "secreT")"#, "false"),
        example(r#"crypto::timing_safe_equal("a", "ab")"#, "false"),
        example(r#"crypto::timing_safe_equal((), ())"#, "error: crypto::timing_safe_equal: expected a string"),
    ]),
];

fn register(library: &mut Registrar<'_>) {
    library.add("sha256", |value: Dynamic| -> Fallible<ImmutableString> {
        Ok(hex(digest::digest(&digest::SHA256, &bytes("crypto::sha256", &value)?).as_ref()))
    });
    library.add("sha256_base64", |value: Dynamic| -> Fallible<ImmutableString> {
        Ok(STANDARD.encode(digest::digest(&digest::SHA256, &bytes("crypto::sha256_base64", &value)?)).into())
    });
    library.add("sha256_base64url", |value: Dynamic| -> Fallible<ImmutableString> {
        Ok(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &bytes("crypto::sha256_base64url", &value)?)).into())
    });
    library.add("sha512", |value: Dynamic| -> Fallible<ImmutableString> {
        Ok(hex(digest::digest(&digest::SHA512, &bytes("crypto::sha512", &value)?).as_ref()))
    });
    library.add("hmac_sha256", |key: Dynamic, value: Dynamic| -> Fallible<ImmutableString> {
        Ok(hex(authentication_code("crypto::hmac_sha256", &key, &value)?.as_ref()))
    });
    library.add("hmac_sha256_base64url", |key: Dynamic, value: Dynamic| -> Fallible<ImmutableString> {
        Ok(URL_SAFE_NO_PAD.encode(authentication_code("crypto::hmac_sha256_base64url", &key, &value)?).into())
    });
    library.add("random_uuid", random_uuid);
    library.add("random_hex", random_hex);
    library.add("timing_safe_equal", timing_safe_equal);
}

fn authentication_code(function: &str, key: &Dynamic, value: &Dynamic) -> Fallible<hmac::Tag> {
    let (key, value) = (bytes(function, key)?, bytes(function, value)?);
    if key.is_empty() {
        return fail(function, "the key is empty");
    }
    Ok(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &value))
}

fn random_uuid(context: NativeCallContext) -> Fallible<ImmutableString> {
    let bytes = handle(&context, "crypto::random_uuid")?.witness.random_bytes();
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().into())
}

fn random_hex(context: NativeCallContext, count: Dynamic) -> Fallible<ImmutableString> {
    let count = integer("crypto::random_hex", &count)?;
    let Some(count) = usize::try_from(count).ok().filter(|count| (1..=64).contains(count)) else {
        return fail("crypto::random_hex", "the number of bytes is 1 to 64");
    };
    let random: [u8; 64] = handle(&context, "crypto::random_hex")?.witness.random_bytes();
    Ok(hex(&random[..count]))
}

fn timing_safe_equal(a: Dynamic, b: Dynamic) -> Fallible<bool> {
    let (a, b) = (bytes("crypto::timing_safe_equal", &a)?, bytes("crypto::timing_safe_equal", &b)?);
    Ok(constant_time::verify_slices_are_equal(&a, &b).is_ok())
}

fn hex(bytes: &[u8]) -> ImmutableString {
    use std::fmt::Write as _;
    let digits = bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        // Writing to a string does not fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    digits.into()
}
