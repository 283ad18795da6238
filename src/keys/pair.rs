//! A key pair: made, parsed, and turned into its public JWK (RFC 7517, RFC 8037).

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{digest, error::Unspecified};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde_json::{Value, json};

use crate::clock::{Clock, Random};
use crate::domain::client::Algorithm;
use crate::store::StoredKey;

use super::Error;

/// Years for which the certificate behind `x5c` is valid; clients look at the key in it, not at its dates.
const CERTIFICATE_YEARS: i64 = 10;

/// A parsed private key with its public half.
#[derive(Debug)]
pub(super) enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// The algorithm of a [`StoredKey::kind`]; `None` for a kind of another version.
#[must_use]
pub fn algorithm(kind: &str) -> Option<Algorithm> {
    match kind {
        "RSA" => Some(Algorithm::RS256),
        "RSA-RS512" => Some(Algorithm::RS512),
        "RSA-PS256" => Some(Algorithm::PS256),
        "EC" => Some(Algorithm::ES256),
        "OKP" => Some(Algorithm::EdDSA),
        _ => None,
    }
}

fn kind(alg: Algorithm) -> Result<&'static str, Error> {
    match alg {
        Algorithm::RS256 => Ok("RSA"),
        Algorithm::RS512 => Ok("RSA-RS512"),
        Algorithm::PS256 => Ok("RSA-PS256"),
        Algorithm::ES256 => Ok("EC"),
        Algorithm::EdDSA => Ok("OKP"),
        Algorithm::HS256 => Err(Error::Missing("HS256")),
    }
}

/// Makes a key with the operating system's randomness; `random` gives only the public names.
pub(super) fn generate(alg: Algorithm, clock: &Clock, random: &Random) -> Result<StoredKey, Error> {
    let failed = |Unspecified| Error::Generate("the cryptographic library refused".to_owned());
    let kind = kind(alg)?;
    let pkcs8 = match alg {
        Algorithm::ES256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|pair| pair.to_pkcs8v1())
            .map_err(failed)?
            .as_ref()
            .to_vec(),
        Algorithm::EdDSA => Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8()).map_err(failed)?.as_ref().to_vec(),
        _ => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
            let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
            der.as_ref().to_vec()
        }
    };
    let certificate = if kind.starts_with("RSA") { Some(certificate(&pkcs8, clock, random)?) } else { None };
    let (kid, created_at) = (random.id(), clock.now_ms());
    Ok(StoredKey { kid, kind: kind.to_owned(), pkcs8, certificate, created_at, retired_at: None })
}

/// A self-signed certificate, because many clients of Auth0 read `x5c` rather than `n` and `e`.
fn certificate(pkcs8: &[u8], clock: &Clock, random: &Random) -> Result<Vec<u8>, Error> {
    let failed = |error: rcgen::Error| Error::Generate(error.to_string());
    let pair = rcgen::KeyPair::try_from(pkcs8).map_err(failed)?;
    let mut parameters = rcgen::CertificateParams::default();
    let (year, month, day) = date(clock);
    parameters.not_before = rcgen::date_time_ymd(year, month, day);
    // The first of the month: the same day need not exist in the other year.
    parameters.not_after = rcgen::date_time_ymd(year.saturating_add(CERTIFICATE_YEARS as i32), month, 1);
    parameters.serial_number = Some(rcgen::SerialNumber::from_slice(&random.bytes::<16>()));
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "vestibule");
    Ok(parameters.self_signed(&pair).map_err(failed)?.der().to_vec())
}

/// Year, month and day in UTC.
fn date(clock: &Clock) -> (i32, u8, u8) {
    let today = jiff::Timestamp::from_second(clock.now()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    (i32::from(today.year()), today.month().unsigned_abs(), today.day().unsigned_abs())
}

impl Pair {
    pub(super) fn parse(alg: Algorithm, pkcs8: &[u8]) -> Result<Self, String> {
        let pair = match alg {
            Algorithm::ES256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map(Self::P256),
            Algorithm::EdDSA => Ed25519KeyPair::from_pkcs8(pkcs8).map(Self::Ed25519),
            _ => RsaKeyPair::from_pkcs8(pkcs8).map(Self::Rsa),
        };
        pair.map_err(|rejected| rejected.to_string())
    }

    pub(super) fn sign(&self, alg: Algorithm, message: &[u8]) -> Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding(alg)?, &random, message, &mut signature).map_err(|_| Error::Sign)?;
                Ok(signature)
            }
            Self::P256(pair) => Ok(pair.sign(&random, message).map_err(|_| Error::Sign)?.as_ref().to_vec()),
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The public half for verification.
    pub(super) fn public(&self) -> DecodingKey {
        match self {
            Self::Rsa(pair) => DecodingKey::from_rsa_der(pair.public_key().as_ref()),
            Self::P256(pair) => DecodingKey::from_ec_der(pair.public_key().as_ref()),
            Self::Ed25519(pair) => DecodingKey::from_ed_der(pair.public_key().as_ref()),
        }
    }

    /// The public JWK; for RSA with the certificate's members, as Auth0 publishes them.
    pub(super) fn jwk(&self, kid: &str, alg: Algorithm, certificate: Option<&[u8]>) -> Value {
        let mut jwk = match self {
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let encode = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
                json!({
                    "kty": "RSA",
                    "n": encode(public.modulus().big_endian_without_leading_zero()),
                    "e": encode(public.exponent().big_endian_without_leading_zero()),
                })
            }
            Self::P256(pair) => {
                // An uncompressed point: 4, x, y (SEC 1 section 2.3.3).
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
            }
            Self::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair.public_key())})
            }
        };
        jwk["kid"] = kid.into();
        jwk["alg"] = alg.as_str().into();
        jwk["use"] = "sig".into();
        if let Some(der) = certificate {
            jwk["x5c"] = json!([STANDARD.encode(der)]);
            jwk["x5t"] = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der)).into();
            jwk["x5t#S256"] = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, der)).into();
        }
        jwk
    }
}

fn padding(alg: Algorithm) -> Result<&'static dyn RsaEncoding, Error> {
    match alg {
        Algorithm::RS256 => Ok(&RSA_PKCS1_SHA256),
        Algorithm::RS512 => Ok(&RSA_PKCS1_SHA512),
        Algorithm::PS256 => Ok(&RSA_PSS_SHA256),
        Algorithm::HS256 | Algorithm::ES256 | Algorithm::EdDSA => Err(Error::Sign),
    }
}
