//! Stripe's webhook signature: `t=<unix seconds>,v1=<hex>[,v1=…]`, each `v1` an HMAC-SHA256 over `{t}.{body}`.
//!
//! By Stripe's documentation, the key is the whole `whsec_…` string, and schemes other than `v1` are ignored. While a
//! secret is rolled, Stripe sends one `v1` for each secret; we know both, and any match counts. The comparison takes
//! constant time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How far a signature's time may differ from ours, in the past or the future. Stripe's own libraries use the same.
pub const SIGNATURE_TOLERANCE: Duration = Duration::from_secs(300);

/// Why a signature is not accepted. This is for our log; the sender does not learn the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The request has no signature header.
    #[error("no signature")]
    Missing,
    /// The header is not in Stripe's format: it lacks a single time in plain digits, or a usable `v1`.
    #[error("malformed signature")]
    Malformed,
    /// The signature's time is too long ago or too far in the future.
    #[error("signed too long ago or in the future")]
    OutsideTolerance,
    /// No `v1` is the signature of this body with one of our secrets.
    #[error("wrong signature")]
    Mismatch,
}

/// Parses the header of a delivery and checks that it was signed within `tolerance` of `now`. That needs no body, so what
/// cannot be genuine is refused before its body is read.
///
/// # Errors
/// [`SignatureError`] says what is wrong. Each of them means that the delivery must be refused.
pub fn parse_signature_header(
    header: Option<&[u8]>,
    now: DateTime<Utc>,
    tolerance: Duration,
) -> Result<SignatureHeader<'_>, SignatureError> {
    let header = SignatureHeader::parse(header.ok_or(SignatureError::Missing)?)?;
    // `abs_diff` cannot overflow, whatever time a stranger writes into the header.
    if now.timestamp().abs_diff(header.seconds) > tolerance.as_secs() {
        return Err(SignatureError::OutsideTolerance);
    }
    Ok(header)
}

/// Returns the header that Stripe would send for `body` at the time `at`. Used by `doctor` and by tests.
pub fn sign_payload(body: &[u8], secret: &SecretString, at: DateTime<Utc>) -> String {
    let seconds = at.timestamp().to_string();
    let signature = compute_mac(secret, &seconds, body).finalize().into_bytes();
    format!("t={seconds},v1={}", hex::encode(signature))
}

/// The parts of a signature header that can be checked.
#[derive(Debug)]
pub struct SignatureHeader<'a> {
    /// The time of the signature, in seconds since the Unix epoch.
    seconds: i64,
    /// The same as text, because the MAC covers the text.
    seconds_text: &'a str,
    signatures: Vec<[u8; 32]>,
}

impl<'a> SignatureHeader<'a> {
    /// Verifies that `body`, byte for byte as received, was signed with one of `secrets`.
    ///
    /// # Errors
    /// [`SignatureError::Mismatch`] if it was not. Then the delivery must be refused.
    pub fn verify(&self, body: &[u8], secrets: &[SecretString]) -> Result<(), SignatureError> {
        let is_genuine = secrets.iter().any(|secret| {
            // Hash once for each secret, so that a header with many signatures costs no more.
            let mac = compute_mac(secret, self.seconds_text, body);
            let mut signatures = self.signatures.iter();
            signatures.any(|signature| mac.clone().verify_slice(signature).is_ok())
        });
        is_genuine.then_some(()).ok_or(SignatureError::Mismatch)
    }

    fn parse(raw: &'a [u8]) -> Result<Self, SignatureError> {
        let text = std::str::from_utf8(raw).map_err(|_| SignatureError::Malformed)?;
        let mut time = None;
        let mut signatures = Vec::new();
        for (scheme, value) in text.split(',').filter_map(|part| part.split_once('=')) {
            match scheme {
                // With two times it would be unclear which one was signed.
                "t" if time.is_some() => return Err(SignatureError::Malformed),
                "t" => time = Some((parse_seconds(value)?, value)),
                "v1" => signatures.extend(parse_signature(value)),
                _ => {}
            }
        }
        let (seconds, seconds_text) = time.ok_or(SignatureError::Malformed)?;
        if signatures.is_empty() {
            return Err(SignatureError::Malformed);
        }
        Ok(Self {
            seconds,
            seconds_text,
            signatures,
        })
    }
}

/// Parses digits only, because `str::parse` alone would also accept a sign.
fn parse_seconds(text: &str) -> Result<i64, SignatureError> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(SignatureError::Malformed);
    }
    text.parse().map_err(|_| SignatureError::Malformed)
}

/// Parses lower-case hex only, as Stripe writes it, so that each signature has one spelling.
fn parse_signature(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let is_lower_case = !text.bytes().any(|b| b.is_ascii_uppercase());
    (is_lower_case && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

fn compute_mac(secret: &SecretString, seconds: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = new_mac(secret.expose_secret().as_bytes());
    mac.update(seconds.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

#[expect(
    clippy::expect_used,
    reason = "HMAC hashes or pads a key of any length, so there is no error to handle"
)]
fn new_mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Made with Stripe's official SDK for [`BODY`], the secret `whsec_x` and the time 1,700,000,000.
    const VECTOR: &str = "b3438763ab46d9634b9844c8722818eaf523f803db1327484c6067462a5fd6d1";
    const BODY: &[u8] = br#"{"a":1}"#;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn check(header: &str, body: &[u8], secrets: &[&str], now: i64) -> Result<(), SignatureError> {
        let secrets: Vec<SecretString> = secrets.iter().map(|&s| s.into()).collect();
        parse_signature_header(Some(header.as_bytes()), at(now), SIGNATURE_TOLERANCE)?.verify(body, &secrets)
    }

    fn check_bytes(header: &[u8], body: &[u8]) -> Result<(), SignatureError> {
        let header = parse_signature_header(Some(header), at(1_700_000_000), SIGNATURE_TOLERANCE)?;
        header.verify(body, &["whsec_x".into()])
    }

    #[test]
    fn signature_of_stripes_own_library_is_accepted() {
        let header = format!("t=1700000000,v1={VECTOR}");
        assert_eq!(check(&header, BODY, &["whsec_x"], 1_700_000_000), Ok(()));
        assert_eq!(sign_payload(BODY, &"whsec_x".into(), at(1_700_000_000)), header);
    }

    #[test]
    fn any_v1_with_any_secret_counts_but_other_schemes_do_not() {
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
    fn upper_case_signature_is_refused() {
        let upper = format!("t=1700000000,v1={}", VECTOR.to_uppercase());
        assert!(check(&upper, BODY, &["whsec_x"], 1_700_000_000).is_err());
    }

    #[test]
    fn time_may_differ_by_the_tolerance_and_no_more() {
        let header = format!("t=1700000000,v1={VECTOR}");
        for (off, good) in [(300, true), (-300, true), (301, false), (-301, false)] {
            let result = check(&header, BODY, &["whsec_x"], 1_700_000_000 + off);
            assert_eq!(result.is_ok(), good, "{off}");
        }
    }

    #[test]
    fn hostile_time_is_refused_without_a_panic() {
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
            let result = check(&header, BODY, &["whsec_x"], 1_700_000_000);
            assert_eq!(result, Err(SignatureError::Malformed), "{header}");
        }
        let none = parse_signature_header(None, at(0), SIGNATURE_TOLERANCE);
        assert_eq!(none.err(), Some(SignatureError::Missing));
    }

    proptest! {
        #[test]
        fn arbitrary_header_is_refused_without_a_panic(
            header in prop::collection::vec(any::<u8>(), 0..200),
            body: Vec<u8>,
        ) {
            prop_assert!(check_bytes(&header, &body).is_err());
        }

        #[test]
        fn almost_correct_header_is_refused_without_a_panic(t in "[-+ 0-9]{0,25}", code in "[0-9a-fA-F]{60,66}") {
            let header = format!("t={t},v1={code}");
            prop_assert!(check(&header, BODY, &["whsec_x"], 1_700_000_000).is_err());
        }

        #[test]
        fn one_changed_byte_is_refused(
            body in prop::collection::vec(any::<u8>(), 1..100),
            part in 0..3_u8,
            position: prop::sample::Index,
            change in 1..=255_u8,
        ) {
            let header = sign_payload(&body, &"whsec_x".into(), at(1_700_000_000)).into_bytes();
            let (mut bad_header, mut bad_body) = (header.clone(), body.clone());
            match part {
                0 => bad_body[position.index(body.len())] ^= change,
                1 => bad_header[2 + position.index(10)] ^= change,
                _ => bad_header[16 + position.index(64)] ^= change,
            }
            prop_assert!(check_bytes(&header, &body).is_ok());
            prop_assert!(check_bytes(&bad_header, &bad_body).is_err());
        }
    }
}
