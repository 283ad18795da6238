use std::sync::OnceLock;

use super::*;
use crate::domain::client::PublicKey;

const ISSUER: &str = "https://issuer.example/";
const NOW: i64 = 1_800_000_000;
const SIGNED: [Algorithm; 5] = [Algorithm::RS256, Algorithm::RS512, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];

fn stored() -> &'static [StoredKey] {
    // RSA keys take a while to make in a debug build.
    static KEYS: OnceLock<Vec<StoredKey>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let (clock, random) = (Clock::fixed(NOW), Random::seeded(1));
        SIGNED.iter().map(|alg| Keys::generate(*alg, &clock, &random).unwrap()).collect()
    })
}

fn keys() -> Keys {
    Keys::new(stored()).unwrap()
}

fn claims(value: &Value) -> JsonMap {
    value.as_object().unwrap().clone()
}

fn usual() -> JsonMap {
    claims(&json!({"iss": ISSUER, "sub": "auth0|ada", "exp": NOW + 60, "iat": NOW}))
}

fn verify(token: &str) -> Result<(JsonMap, JsonMap), Refused> {
    keys().verify(token, ISSUER, NOW, false)
}

/// A token with any header and payload text, signed by the key of `alg`.
fn forged(alg: Algorithm, header: &str, payload: &str) -> String {
    let keys = keys();
    let key = keys.current(alg).unwrap();
    let header = header.replace("KID", &key.kid);
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = key.pair.sign(alg, input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn what_is_signed_is_verified_with_every_algorithm() {
    let keys = keys();
    for alg in SIGNED {
        assert!(keys.can_sign(alg));
        let token = keys.sign(alg, "at+jwt", &usual()).unwrap();
        let (header, read) = verify(&token).unwrap();
        assert_eq!((header["alg"].as_str(), header["typ"].as_str()), (Some(alg.as_str()), Some("at+jwt")));
        assert_eq!(read, usual());
        let (rest, signature) = token.rsplit_once('.').unwrap();
        let zero = URL_SAFE_NO_PAD.encode(vec![0; URL_SAFE_NO_PAD.decode(signature).unwrap().len()]);
        for bad in ["", zero.as_str()] {
            assert_eq!(verify(&format!("{rest}.{bad}")), Err(Refused::because("wrong signature")), "{alg:?} {bad}");
        }
    }
    assert!(!keys.can_sign(Algorithm::HS256));
    assert!(matches!(keys.sign(Algorithm::HS256, "JWT", &usual()), Err(Error::Missing("HS256"))));
}

#[test]
fn an_independent_reader_accepts_the_published_keys() {
    let keys = keys();
    for alg in SIGNED {
        let token = keys.sign(alg, "JWT", &usual()).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys.jwks()).unwrap();
        let jwk = set.find(&header.kid.unwrap()).unwrap();
        let public = jsonwebtoken::DecodingKey::from_jwk(jwk).unwrap();
        let (rest, signature) = token.rsplit_once('.').unwrap();
        assert!(jsonwebtoken::crypto::verify(signature, rest.as_bytes(), &public, header.alg).unwrap(), "{alg:?}");
    }
}

#[test]
fn the_key_set_has_auth0s_members_and_nothing_private() {
    let jwks = keys().jwks();
    let all = jwks["keys"].as_array().unwrap();
    assert_eq!(all.len(), 5);
    for jwk in all {
        let members: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        let expected: &[&str] = match jwk["kty"].as_str().unwrap() {
            "RSA" => &["alg", "e", "kid", "kty", "n", "use", "x5c", "x5t", "x5t#S256"],
            "EC" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            _ => &["alg", "crv", "kid", "kty", "use", "x"],
        };
        assert_eq!(members, expected);
    }
    let rsa = all.iter().find(|jwk| jwk["alg"] == "RS256").unwrap();
    assert_eq!(rsa["e"], "AQAB");
    let modulus = URL_SAFE_NO_PAD.decode(rsa["n"].as_str().unwrap()).unwrap();
    assert_eq!(modulus.len(), 256);
    // The certificate carries the same key.
    let certificate = base64::engine::general_purpose::STANDARD.decode(rsa["x5c"][0].as_str().unwrap()).unwrap();
    assert!(certificate.windows(modulus.len()).any(|window| window == modulus));
}

#[test]
fn a_retired_key_verifies_but_does_not_sign() {
    let old = keys().sign(Algorithm::RS256, "JWT", &usual()).unwrap();
    let mut rotated: Vec<StoredKey> = stored().iter().take(1).cloned().collect();
    rotated[0].retired_at = Some(NOW * 1000);
    let retired = Keys::new(&rotated).unwrap();
    assert!(!retired.can_sign(Algorithm::RS256));
    assert!(retired.verify(&old, ISSUER, NOW, false).is_ok());
    let mut next = Keys::generate(Algorithm::RS256, &Clock::fixed(NOW + 1), &Random::seeded(2)).unwrap();
    next.created_at += 1;
    rotated.push(next.clone());
    let rotated = Keys::new(&rotated).unwrap();
    let token = rotated.sign(Algorithm::RS256, "JWT", &usual()).unwrap();
    assert_eq!(rotated.verify(&token, ISSUER, NOW, false).unwrap().0["kid"], next.kid.as_str());
    assert_eq!(rotated.jwks()["keys"].as_array().unwrap().len(), 2);
    assert_eq!(verify(&token), Err(Refused::because("unknown `kid`")));
}

#[test]
fn wrong_claims_are_refused() {
    let refuses = |change: Value, reason: &str| {
        let mut claims = usual();
        claims.extend(change.as_object().unwrap().clone());
        let token = keys().sign(Algorithm::EdDSA, "JWT", &claims).unwrap();
        assert_eq!(verify(&token), Err(Refused::because(reason)), "{change}");
    };
    refuses(json!({"iss": "https://issuer.example"}), "`iss` is not ours");
    refuses(json!({"iss": [ISSUER]}), "`iss` is not ours");
    refuses(json!({"exp": NOW}), "expired");
    refuses(json!({"nbf": NOW + 1}), "not yet valid");
    for wrong in [json!("1900000000"), json!(null), json!(-1), json!(1.9e9), json!(1e300), json!(u64::MAX), json!([NOW + 1])]
    {
        refuses(json!({"exp": wrong}), "`exp` is no time");
        refuses(json!({"nbf": wrong}), "`nbf` is no time");
    }
    let mut endless = usual();
    endless.remove("exp");
    let token = keys().sign(Algorithm::EdDSA, "JWT", &endless).unwrap();
    assert_eq!(verify(&token), Err(Refused::because("no `exp`")));
}

#[test]
fn an_expired_hint_is_accepted_only_where_asked_for() {
    let token = keys().sign(Algorithm::RS256, "JWT", &usual()).unwrap();
    assert_eq!(keys().verify(&token, ISSUER, NOW + 60, false), Err(Refused::because("expired")));
    assert!(keys().verify(&token, ISSUER, NOW + 60, true).is_ok());
}

#[test]
fn forged_headers_are_refused() {
    let payload = serde_json::to_string(&usual()).unwrap();
    let good = forged(Algorithm::RS256, r#"{"alg":"RS256","kid":"KID"}"#, &payload);
    assert!(verify(&good).is_ok());
    for header in [
        r#"{"alg":"none","kid":"KID"}"#,
        r#"{"alg":"None","kid":"KID"}"#,
        r#"{"kid":"KID"}"#,
        r#"{"alg":["RS256"],"kid":"KID"}"#,
        r#"{"alg":"PS256","kid":"KID"}"#,
        r#"{"alg":"RS512","kid":"KID"}"#,
        r#"{"alg":"HS256","kid":"KID"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":"RS256","kid":1}"#,
        r#"{"alg":"RS256","kid":"../../dev/null"}"#,
        r#"{"alg":"RS256","kid":"KID","crit":["exp"],"exp":1}"#,
        r#"{"alg":"RS256","alg":"RS256","kid":"KID"}"#,
        r#"["RS256"]"#,
        r#"{"alg":"RS256","kid":"KID"}{}"#,
    ] {
        assert!(verify(&forged(Algorithm::RS256, header, &payload)).is_err(), "{header}");
    }
    let twice = payload.replacen('{', r#"{"sub":"auth0|bob","#, 1);
    assert!(verify(&forged(Algorithm::RS256, r#"{"alg":"RS256","kid":"KID"}"#, &twice)).is_err());
}

#[test]
fn garbage_is_refused_without_a_panic() {
    let token = keys().sign(Algorithm::RS256, "JWT", &usual()).unwrap();
    let mut longer = token.clone();
    longer.push_str(".e30");
    let long = "a".repeat(256 * 1024 + 1);
    for garbage in ["", ".", "..", "...", "a.b.c", "e30.e30.", "ä.ö.ü", &longer, &long, &token[1..]] {
        assert!(verify(garbage).is_err());
    }
}

#[test]
fn our_public_key_is_no_hmac_secret() {
    let (alg, kid) = (Algorithm::RS256, keys().current(Algorithm::RS256).unwrap().kid.clone());
    let public = match &keys().current(alg).unwrap().pair {
        Pair::Rsa(pair) => aws_lc_rs::signature::KeyPair::public_key(pair).as_ref().to_vec(),
        other => panic!("{other:?}"),
    };
    let input = signing_input(&json!({"alg": "HS256", "kid": kid}), &usual()).unwrap();
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), input.as_bytes());
    let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_eq!(verify(&token), Err(Refused::because("`alg` is not the key's")));
}

#[test]
fn hs256_is_verified_with_the_clients_secret_only() {
    let token = Keys::sign_hs256("secret", &usual()).unwrap();
    assert_eq!(Keys::verify_hs256(&token, "secret", ISSUER, NOW, false).unwrap().1, usual());
    assert!(Keys::verify_hs256(&token, "other", ISSUER, NOW, false).is_err());
    assert!(Keys::verify_hs256(&token, "", ISSUER, NOW, false).is_err());
    assert!(verify(&token).is_err());
    assert!(matches!(Keys::sign_hs256("", &usual()), Err(Error::Sign)));
    let rs256 = keys().sign(Algorithm::RS256, "JWT", &usual()).unwrap();
    assert!(Keys::verify_hs256(&rs256, "secret", ISSUER, NOW, false).is_err());
}

#[test]
fn half_hashes_are_those_of_the_specification() {
    // OpenID Connect Core appendix A.3 and A.4: access token and code of the examples.
    assert_eq!(half_hash(Algorithm::RS256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(
        half_hash(Algorithm::RS256, "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"),
        "LDktKdoQak3Pk0cnXxCltA"
    );
    for alg in [Algorithm::RS512, Algorithm::EdDSA] {
        assert_eq!(URL_SAFE_NO_PAD.decode(half_hash(alg, "a")).unwrap().len(), 32, "{alg:?}");
    }
}

fn pem(alg: Algorithm, kid: Option<&str>) -> PublicKey {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::signature::KeyPair as _;
    let keys = keys();
    let der = match &keys.current(alg).unwrap().pair {
        Pair::Rsa(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
        Pair::P256(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
        Pair::Ed25519(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
    };
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n");
    PublicKey { kid: kid.map(str::to_owned), alg, pem }
}

#[test]
fn assertions_are_verified_with_the_registered_key_and_algorithm() {
    for alg in SIGNED {
        let assertion = keys().sign(alg, "JWT", &usual()).unwrap();
        assert_eq!(verify_assertion(&assertion, &[pem(alg, None)]).unwrap(), usual(), "{alg:?}");
        let kid = keys().current(alg).unwrap().kid.clone();
        assert!(verify_assertion(&assertion, &[pem(alg, Some("other")), pem(alg, Some(&kid))]).is_ok(), "{alg:?}");
        assert!(verify_assertion(&assertion, &[pem(alg, Some("other"))]).is_err(), "{alg:?}");
        assert!(verify_assertion(&assertion, &[]).is_err(), "{alg:?}");
    }
    let rs256 = keys().sign(Algorithm::RS256, "JWT", &usual()).unwrap();
    let registered_for_ps256 = PublicKey { alg: Algorithm::PS256, ..pem(Algorithm::RS256, None) };
    assert!(verify_assertion(&rs256, &[registered_for_ps256]).is_err());
    let key = pem(Algorithm::RS256, None);
    let hmac = Keys::sign_hs256(&key.pem, &usual()).unwrap();
    assert!(verify_assertion(&hmac, &[key.clone(), PublicKey { alg: Algorithm::HS256, ..key.clone() }]).is_err());
    let broken = PublicKey { pem: "no key".to_owned(), ..key.clone() };
    assert!(verify_assertion(&rs256, std::slice::from_ref(&broken)).is_err());
    assert!(verify_assertion(&rs256, &[broken, key]).is_ok());
}

#[test]
fn an_unreadable_key_is_named() {
    let broken = StoredKey { pkcs8: vec![1, 2, 3], ..stored()[0].clone() };
    assert!(Keys::new(&[broken]).unwrap_err().to_string().contains(&stored()[0].kid));
    let unknown = StoredKey { kind: "DSA".to_owned(), ..stored()[0].clone() };
    assert!(matches!(Keys::new(&[unknown]), Err(Error::Unreadable { .. })));
    assert!(!format!("{:?}", stored()[0]).contains("pkcs8"));
}
