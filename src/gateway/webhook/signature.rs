//! Stripe's webhook signature scheme: `t=<unix seconds>,v1=<hex>[,v1=…]`, each `v1` an HMAC-SHA256 over `{t}.{body}`.
//!
//! The key is the whole `whsec_…` string. While a secret is rolled, Stripe sends one `v1` for each, and we know both:
//! any match counts. Other schemes (`v0`) are ignored. Comparison takes constant time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How far a signature's time may lie from ours, either way: what Stripe's own libraries take.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// Why a delivery is not believed. For our log; the caller is not told which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature header.
    #[error("no signature")]
    Missing,
    /// The header is not of Stripe's form: no single time in plain digits, or no usable `v1`.
    #[error("malformed signature")]
    Malformed,
    /// It was signed too long ago, or too far in the future.
    #[error("signed too long ago or in the future")]
    OutsideTolerance,
    /// No `v1` was made with one of our secrets over this body.
    #[error("wrong signature")]
    Mismatch,
}

/// Whether `body`, byte for byte as it came, was signed with one of `secrets` within `tolerance` of `now`.
///
/// # Errors
/// [`SignatureError`] says what is wrong; every one of them means that the delivery must not be believed.
pub fn verify(
    header: Option<&[u8]>,
    body: &[u8],
    secrets: &[SecretString],
    now: DateTime<Utc>,
    tolerance: Duration,
) -> Result<(), SignatureError> {
    let header = Header::parse(header.ok_or(SignatureError::Missing)?)?;
    // In seconds and unsigned: no time that a stranger can write makes this overflow.
    if now.timestamp().abs_diff(header.at) > tolerance.as_secs() {
        return Err(SignatureError::OutsideTolerance);
    }
    let genuine = secrets.iter().any(|secret| {
        // Hashed once for each secret, however many signatures the header lists.
        let mac = mac_over(secret, header.at_text, body);
        header
            .signatures
            .iter()
            .any(|signature| mac.clone().verify_slice(signature).is_ok())
    });
    genuine.then_some(()).ok_or(SignatureError::Mismatch)
}

/// The header that Stripe would send for `body` at `at`; for the simulator and for tests.
pub fn sign(body: &[u8], secret: &SecretString, at: DateTime<Utc>) -> String {
    let t = at.timestamp().to_string();
    let code = mac_over(secret, &t, body).finalize().into_bytes();
    format!("t={t},v1={}", hex::encode(code))
}

struct Header<'a> {
    at: i64,
    at_text: &'a str,
    signatures: Vec<[u8; 32]>,
}

impl<'a> Header<'a> {
    fn parse(raw: &'a [u8]) -> Result<Self, SignatureError> {
        let text = std::str::from_utf8(raw).map_err(|_| SignatureError::Malformed)?;
        let mut at = None;
        let mut signatures = Vec::new();
        for (scheme, value) in text.split(',').filter_map(|part| part.split_once('=')) {
            match scheme {
                "t" if at.is_some() => return Err(SignatureError::Malformed),
                "t" => at = Some((seconds(value)?, value)),
                "v1" => signatures.extend(code(value)),
                _ => {}
            }
        }
        let (at, at_text) = at.ok_or(SignatureError::Malformed)?;
        if signatures.is_empty() {
            return Err(SignatureError::Malformed);
        }
        Ok(Self {
            at,
            at_text,
            signatures,
        })
    }
}

/// Digits only: `parse` alone would also take a sign.
fn seconds(text: &str) -> Result<i64, SignatureError> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(SignatureError::Malformed);
    }
    text.parse().map_err(|_| SignatureError::Malformed)
}

/// Lower case only, as Stripe writes it, so that there is one spelling of each signature.
fn code(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

fn mac_over(secret: &SecretString, at: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed(secret.expose_secret().as_bytes());
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

#[expect(
    clippy::expect_used,
    reason = "HMAC hashes or pads a key of any length: there is no error to handle"
)]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VECTOR: &str = "b3438763ab46d9634b9844c8722818eaf523f803db1327484c6067462a5fd6d1";
    const BODY: &[u8] = br#"{"a":1}"#;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn check(header: &str, body: &[u8], secrets: &[&str], now: i64) -> Result<(), SignatureError> {
        let secrets: Vec<SecretString> = secrets.iter().map(|&s| s.into()).collect();
        verify(Some(header.as_bytes()), body, &secrets, at(now), TOLERANCE)
    }

    #[test]
    fn what_stripes_own_library_signed_is_believed_and_signed_alike() {
        let header = format!("t=1700000000,v1={VECTOR}");
        assert_eq!(check(&header, BODY, &["whsec_x"], 1_700_000_000), Ok(()));
        assert_eq!(sign(BODY, &"whsec_x".into(), at(1_700_000_000)), header);
    }

    #[test]
    fn any_v1_under_any_secret_counts_and_other_schemes_do_not() {
        let header = format!("t=1700000000,v0={VECTOR},v1={},v1={VECTOR}", "0".repeat(64));
        assert_eq!(
            check(&header, BODY, &["whsec_new", "whsec_x"], 1_700_000_000),
            Ok(())
        );
        let wrong = Err(SignatureError::Mismatch);
        assert_eq!(check(&header, BODY, &["whsec_new"], 1_700_000_000), wrong);
        assert_eq!(check(&header, BODY, &[], 1_700_000_000), wrong);
        let only_v0 = format!("t=1700000000,v0={VECTOR}");
        assert_eq!(
            check(&only_v0, BODY, &["whsec_x"], 1_700_000_000),
            Err(SignatureError::Malformed)
        );
    }

    #[test]
    fn each_signature_has_one_spelling() {
        let upper = format!("t=1700000000,v1={}", VECTOR.to_uppercase());
        assert!(check(&upper, BODY, &["whsec_x"], 1_700_000_000).is_err());
    }

    #[test]
    fn the_time_may_be_off_by_the_tolerance_either_way_and_no_more() {
        let header = format!("t=1700000000,v1={VECTOR}");
        for (off, good) in [(300, true), (-300, true), (301, false), (-301, false)] {
            let answer = check(&header, BODY, &["whsec_x"], 1_700_000_000 + off);
            assert_eq!(answer.is_ok(), good, "{off}");
        }
    }

    #[test]
    fn a_hostile_time_is_refused_without_a_panic() {
        let huge = "9".repeat(400);
        let max = i64::MAX.to_string();
        for t in [
            &*max,
            "-1700000000",
            "+1700000000",
            " 1700000000",
            "1700000000 ",
            "",
            "0x10",
            "1e9",
            "１７",
            &huge,
            "9223372036854775808",
            "-9223372036854775808",
        ] {
            assert!(
                check(&format!("t={t},v1={VECTOR}"), BODY, &["whsec_x"], 1_700_000_000).is_err(),
                "{t}"
            );
        }
        for header in [
            format!("v1={VECTOR}"),
            format!("t=1700000000,t=1700000000,v1={VECTOR}"),
            format!("t,v1={VECTOR}"),
            "t=1700000000".to_owned(),
            String::new(),
        ] {
            let answer = check(&header, BODY, &["whsec_x"], 1_700_000_000);
            assert_eq!(answer, Err(SignatureError::Malformed), "{header}");
        }
        let none = verify(None, BODY, &["whsec_x".into()], at(0), TOLERANCE);
        assert_eq!(none, Err(SignatureError::Missing));
    }

    proptest! {
        #[test]
        fn no_header_panics_or_is_believed(header in prop::collection::vec(any::<u8>(), 0..200), body: Vec<u8>) {
            let answer = verify(Some(&header), &body, &["whsec_x".into()], at(1_700_000_000), TOLERANCE);
            prop_assert!(answer.is_err());
        }

        #[test]
        fn no_header_of_nearly_the_right_form_panics(t in "[-+ 0-9]{0,25}", code in "[0-9a-fA-F]{60,66}") {
            let header = format!("t={t},v1={code}");
            prop_assert!(check(&header, BODY, &["whsec_x"], 1_700_000_000).is_err());
        }

        #[test]
        fn one_changed_byte_of_body_time_or_signature_is_refused(
            body in prop::collection::vec(any::<u8>(), 1..100),
            part in 0..3_u8,
            place: prop::sample::Index,
            change in 1..=255_u8,
        ) {
            let header = sign(&body, &"whsec_x".into(), at(1_700_000_000)).into_bytes();
            let (mut bad_header, mut bad_body) = (header.clone(), body.clone());
            match part {
                0 => bad_body[place.index(body.len())] ^= change,
                1 => bad_header[2 + place.index(10)] ^= change,
                _ => bad_header[16 + place.index(64)] ^= change,
            }
            let secrets = ["whsec_x".into()];
            prop_assert!(verify(Some(&header), &body, &secrets, at(1_700_000_000), TOLERANCE).is_ok());
            prop_assert!(verify(Some(&bad_header), &bad_body, &secrets, at(1_700_000_000), TOLERANCE).is_err());
        }
    }
}
