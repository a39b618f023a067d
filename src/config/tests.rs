//! Which environments are valid, and which errors the others get.

use super::*;

fn read_from(pairs: &[(&str, &str)], scope: ConfigScope) -> Result<Config, ConfigErrors> {
    let find = |name: &str| {
        pairs
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    };
    load_config(find, scope)
}

const GOOD: [(&str, &str); 2] = [
    ("STRIPE_SECRET_KEY", "sk_test_1"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_a, whsec_b"),
];

fn list_invalid(more: &[(&str, &str)]) -> Vec<&'static str> {
    let pairs: Vec<_> = more.iter().chain(&GOOD).copied().collect();
    let errors = read_from(&pairs, ConfigScope::Stripe)
        .err()
        .map(|errors| errors.0)
        .unwrap_or_default();
    errors.into_iter().map(|error| error.variable).collect()
}

#[test]
fn defaults_need_only_the_stripe_keys() {
    let config = read_from(&GOOD, ConfigScope::Stripe).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.hold_ttl, Duration::from_secs(1800));
    assert_eq!(format!("{:?}", config.database), "sqlite://holdfast.db");
    assert!(config.full_refund_frees_slot);
    let days = [
        config.ask_processing_after,
        config.keep_events,
        config.forget_after,
    ];
    assert_eq!(days.map(|after| after.as_secs() / 86_400), [1, 30, 90]);
    let stripe = config.stripe.unwrap();
    assert_eq!(stripe.webhook_secrets.len(), 2);
    assert_eq!(stripe.api_base.as_str(), "https://api.stripe.com/");
    assert!(!stripe.is_live());
    assert!(read_from(&[], ConfigScope::Database).unwrap().stripe.is_none());
}

#[test]
fn all_errors_are_reported_without_values() {
    let errors = read_from(
        &[
            ("DATABASE_URL", "mysql://secret"),
            ("STRIPE_SECRET_KEY", "pk_secret"),
            ("HOLDFAST_LISTEN", "secret"),
            ("HOLDFAST_ADMIN_LISTEN", "secret"),
            ("HOLDFAST_HOLD_TTL", "24h"),
            ("HOLDFAST_FULL_REFUND_FREES_SLOT", "secret"),
            ("HOLDFAST_ASK_PROCESSING_AFTER", "59s"),
            ("HOLDFAST_KEEP_EVENTS", "30"),
            ("HOLDFAST_FORGET_AFTER", "3651d"),
            ("HOLDFAST_SWEEP_CRON", "* * * * *"),
            ("HOLDFAST_SUCCESS_URL", "/secret"),
            ("HOLDFAST_ALLOWED_ORIGINS", "https://shop.example/secret"),
            ("HOLDFAST_LOG_FORMAT", "secret"),
        ],
        ConfigScope::Stripe,
    )
    .unwrap_err();
    let variables: Vec<_> = errors.0.iter().map(|error| error.variable).collect();
    for variable in [
        "DATABASE_URL",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "HOLDFAST_LISTEN",
        "HOLDFAST_ADMIN_LISTEN",
        "HOLDFAST_HOLD_TTL",
        "HOLDFAST_FULL_REFUND_FREES_SLOT",
        "HOLDFAST_ASK_PROCESSING_AFTER",
        "HOLDFAST_KEEP_EVENTS",
        "HOLDFAST_FORGET_AFTER",
        "HOLDFAST_SWEEP_CRON",
        "HOLDFAST_SUCCESS_URL",
        "HOLDFAST_ALLOWED_ORIGINS",
        "HOLDFAST_LOG_FORMAT",
    ] {
        assert!(variables.contains(&variable), "{variable} in {errors}");
    }
    assert!(!errors.to_string().contains("pk_secret"), "{errors}");
}

#[test]
fn live_key_requires_https() {
    let live = ("STRIPE_SECRET_KEY", "sk_live_1");
    assert_eq!(
        list_invalid(&[live, ("STRIPE_API_BASE", "http://127.0.0.1:1")]),
        ["STRIPE_API_BASE"]
    );
    assert!(list_invalid(&[live]).is_empty());
    assert!(list_invalid(&[("STRIPE_API_BASE", "http://127.0.0.1:1")]).is_empty());
}

#[test]
fn hold_ttl_is_between_a_second_and_23_hours() {
    for (text, good) in [
        ("1s", true),
        ("23h", true),
        ("500ms", false),
        ("23h 1s", false),
        ("soon", false),
    ] {
        assert_eq!(
            list_invalid(&[("HOLDFAST_HOLD_TTL", text)]).is_empty(),
            good,
            "{text}"
        );
    }
}

#[test]
fn admin_key_has_at_least_24_characters() {
    for (length, good) in [(23, false), (24, true)] {
        let key = "k".repeat(length);
        let invalid = list_invalid(&[("HOLDFAST_ADMIN_KEY", &key)]);
        assert_eq!(invalid.is_empty(), good, "{length}: {invalid:?}");
    }
    assert!(list_invalid(&[("HOLDFAST_ADMIN_KEY", "")]).is_empty());
}

#[test]
fn given_values_replace_defaults() {
    let pairs = [
        GOOD[0],
        GOOD[1],
        ("HOLDFAST_FULL_REFUND_FREES_SLOT", "false"),
        ("HOLDFAST_ASK_PROCESSING_AFTER", "90m"),
        ("HOLDFAST_KEEP_EVENTS", "4d 12h"),
        ("HOLDFAST_FORGET_AFTER", "1m"),
    ];
    let config = read_from(&pairs, ConfigScope::Stripe).unwrap();
    assert!(!config.full_refund_frees_slot);
    let seconds = [
        config.ask_processing_after,
        config.keep_events,
        config.forget_after,
    ];
    assert_eq!(seconds.map(|after| after.as_secs()), [5_400, 388_800, 60]);
}

#[test]
fn secrets_are_not_printed() {
    let pairs = [
        GOOD[0],
        GOOD[1],
        ("DATABASE_URL", "postgres://u:hunter2@h/db"),
        ("HOLDFAST_ADMIN_KEY", "hunter3-hunter3-hunter3-hunter3"),
    ];
    let shown = format!("{:?}", read_from(&pairs, ConfigScope::Stripe).unwrap());
    for secret in ["hunter2", "hunter3", "sk_test_1", "whsec_a"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
