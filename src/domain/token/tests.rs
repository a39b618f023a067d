//! Which tokens and keys are valid, and which key makes them.

use uuid::Uuid;

use super::*;

const HOLD: HoldId = HoldId(Uuid::from_u128(1));

fn keys(listed: &[&str], stored: u8) -> TokenKeys {
    let listed = listed.iter().map(|secret| TokenKey::from_secret(secret));
    TokenKeys::new(listed.collect(), TokenKey::from_bytes([stored; 32]))
}

fn salt(text: &str) -> CalendarSalt {
    CalendarSalt(Some(text.to_owned()))
}

#[test]
fn calendar_key_is_valid_for_one_resource_and_salt() {
    let (ana, ben) = (
        ResourceId::parse("ana").unwrap(),
        ResourceId::parse("ben").unwrap(),
    );
    let (keys, first) = (keys(&[], 1), CalendarSalt::default());
    let given = keys.calendar_key(&ana, &first);
    assert!(keys.is_calendar_key(&ana, &first, &given));
    assert!(!keys.is_calendar_key(&ben, &first, &given));
    assert!(
        !keys.is_calendar_key(&ana, &salt("2"), &given),
        "a new salt ends it"
    );
    let second = keys.calendar_key(&ana, &salt("2"));
    assert!(keys.is_calendar_key(&ana, &salt("2"), &second));
    assert!(!keys.is_calendar_key(&ana, &salt("3"), &second) && !keys.is_calendar_key(&ana, &first, &second));
    assert!(!keys.is_calendar_key(&ana, &first, "") && !keys.is_calendar_key(&ana, &first, "AAAA"));
    assert_ne!(
        keys.client_pseudonym("192.0.2.1"),
        keys.client_pseudonym("192.0.2.2")
    );
}

#[test]
fn hold_token_is_valid_for_one_hold_on_every_instance() {
    let other = HoldId(Uuid::from_u128(2));
    let (here, there) = (keys(&[], 1), keys(&[], 1));
    let token = here.hold_token(HOLD, None);
    assert!(token.starts_with("hft_"));
    assert_eq!(token, there.hold_token(HOLD, Some(&here.signing_key_name())));
    assert!(there.is_hold_token(HOLD, &token));
    assert!(!there.is_hold_token(other, &token));
    assert!(!keys(&[], 2).is_hold_token(HOLD, &token));
    for bad in [
        "",
        "hft_",
        "hft_AAAA",
        &token[..token.len() - 1],
        &format!("{token}A"),
        &token[4..],
    ] {
        assert!(!here.is_hold_token(HOLD, bad), "{bad}");
    }
}

#[test]
fn database_of_an_earlier_version_keeps_its_tokens() {
    let before = ConfiguredTokenKeys::new([], "sk_test_1").from_stripe_key;
    let keys = TokenKeys::new(Vec::new(), before);
    // What the version before gave out for this hold, and for Ana's calendar.
    assert_eq!(
        keys.hold_token(HOLD, None),
        "hft_Ig2BX53FV05vggGTcpL6OX2BwWWiN0Fv--3_b8_9VtU"
    );
    let ana = ResourceId::parse("ana").unwrap();
    assert_eq!(
        keys.calendar_key(&ana, &CalendarSalt::default()),
        "aAZYX_5cdVGq2RFuuHqq2Thya5VwBx3i7GQhyQYZFY0"
    );
    assert_eq!(keys.client_pseudonym("192.0.2.1"), "5ae4nhDK_tlU9hrIX8CYL5E3");
}

#[test]
fn first_key_signs_and_all_verify() {
    let (none, old) = (keys(&[], 1), keys(&["old"], 1));
    let (both, swapped) = (keys(&["new", "old"], 1), keys(&["old", "new"], 1));
    let given = [&none, &old, &both].map(|keys| (keys.signing_key_name(), keys));
    let tokens = given.map(|(name, keys)| (keys.hold_token(HOLD, Some(&name)), name));
    assert!(tokens[0].0 != tokens[1].0 && tokens[1].0 != tokens[2].0 && tokens[0].0 != tokens[2].0);
    for (token, made_by) in &tokens {
        assert!(both.is_hold_token(HOLD, token) && swapped.is_hold_token(HOLD, token));
        assert_eq!(
            *token,
            both.hold_token(HOLD, Some(made_by)),
            "a replay gives the first one"
        );
    }
    assert_eq!(both.hold_token(HOLD, None), tokens[0].0, "the stored key made it");
    let replaced = keys(&["new"], 1).hold_token(HOLD, Some(&tokens[1].1));
    assert_eq!(
        replaced, tokens[2].0,
        "the old key is gone, so the first one signs"
    );
    assert!(!none.is_hold_token(HOLD, &tokens[1].0));
}

#[test]
fn listed_secrets_change_no_appointment_but_other_pseudonyms() {
    let (none, some) = (keys(&[], 1), keys(&["new"], 1));
    assert_eq!(none.appointment_pseudonym(HOLD), some.appointment_pseudonym(HOLD));
    assert_ne!(
        none.client_pseudonym("192.0.2.1"),
        some.client_pseudonym("192.0.2.1")
    );
    assert_ne!(
        none.appointment_pseudonym(HOLD),
        keys(&[], 2).appointment_pseudonym(HOLD)
    );
}

#[test]
fn keys_are_not_printed() {
    let shown = format!(
        "{:?} {:?}",
        keys(&["hunter2"], 7),
        ConfiguredTokenKeys::new(["hunter2"], "sk_test_1")
    );
    assert!(
        !shown.contains("hunter2") && !shown.contains("7, 7") && !shown.contains("sk_test"),
        "{shown}"
    );
}
