//! Which environments are valid, and which errors the others get.

use std::num::NonZeroU32;

use governor::Quota;
use secrecy::ExposeSecret;

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
        config.keep_released,
    ];
    assert_eq!(days.map(|after| after.as_secs() / 86_400), [1, 30, 90, 400]);
    let per_minute = |most| Quota::per_minute(NonZeroU32::new(most).unwrap());
    assert_eq!(
        (config.rate_limit, config.read_limit),
        (per_minute(30), per_minute(300))
    );
    assert_eq!(config.max_connections, 2000);
    assert_eq!(config.lapse_cooldown, Duration::from_secs(900));
    let stripe = config.stripe.unwrap();
    assert_eq!(stripe.webhook_secrets.len(), 2);
    assert_eq!(stripe.api_base.as_str(), "https://api.stripe.com/");
    assert!(!stripe.is_live());
    assert!(read_from(&[], ConfigScope::Database).unwrap().stripe.is_none());
}

#[test]
fn service_without_connections_is_refused() {
    for (text, good) in [
        ("0", false),
        ("1", true),
        ("1000000", true),
        ("1000001", false),
        ("-1", false),
    ] {
        let variables = [("HOLDFAST_MAX_CONNECTIONS", text)];
        assert_eq!(list_invalid(&variables).is_empty(), good, "{text}");
    }
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
fn empty_database_url_is_no_new_file() {
    for (name, value) in [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", " \t"),
        ("DATABASE_URL_FILE", ""),
    ] {
        assert_eq!(
            list_invalid(&[(name, value)]),
            ["DATABASE_URL"],
            "{name}={value:?}"
        );
    }
    // Other empty variables count as absent.
    assert!(list_invalid(&[("HOLDFAST_LISTEN", "")]).is_empty());
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
fn publishable_key_has_the_mode_of_the_secret_key() {
    let publishable = |key| ("STRIPE_PUBLISHABLE_KEY", key);
    let live = ("STRIPE_SECRET_KEY", "sk_live_1");
    for (pairs, good) in [
        (vec![publishable("pk_test_1")], true),
        (vec![publishable("pk_live_1")], false),
        (vec![live, publishable("pk_live_1")], true),
        (vec![live, publishable("pk_test_1")], false),
        (vec![publishable("sk_test_1")], false),
        (vec![publishable("")], true),
    ] {
        let expected: &[&str] = if good { &[] } else { &["STRIPE_PUBLISHABLE_KEY"] };
        assert_eq!(list_invalid(&pairs), expected, "{pairs:?}");
    }
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
fn released_holds_are_kept_90_days_and_until_forgotten() {
    for (kept, forget, good) in [
        ("90d", "90d", true),
        ("90d", "1m", true),
        ("89d", "1m", false),
        ("3651d", "1m", false),
        ("100d", "101d", false),
    ] {
        let variables = [
            ("HOLDFAST_KEEP_RELEASED", kept),
            ("HOLDFAST_FORGET_AFTER", forget),
        ];
        assert_eq!(list_invalid(&variables).is_empty(), good, "{variables:?}");
    }
    let late = [GOOD[0], GOOD[1], ("HOLDFAST_FORGET_AFTER", "730d")];
    let config = read_from(&late, ConfigScope::Stripe).unwrap();
    assert_eq!(config.keep_released, config.forget_after);
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
        ("HOLDFAST_TOKEN_SECRET", "hunter4-hunter4-hunter4-hunter4"),
    ];
    let shown = format!("{:?}", read_from(&pairs, ConfigScope::Stripe).unwrap());
    for secret in ["hunter2", "hunter3", "hunter4", "sk_test_1", "whsec_a"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// Writes a file with this text, and returns its path.
fn write_file(directory: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_secret_can_be_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| write_file(&directory, name, text);
    let token_secrets = "a-token-secret-with-enough-characters, another-secret-with-enough-characters";
    let files = [
        ("DATABASE_URL_FILE", file("database", "sqlite:///var/lib/a.db\n")),
        ("STRIPE_SECRET_KEY_FILE", file("key", "sk_live_1\n")),
        (
            "STRIPE_WEBHOOK_SECRET_FILE",
            file("webhook", "whsec_a,whsec_b\r\n"),
        ),
        (
            "HOLDFAST_ADMIN_KEY_FILE",
            file("admin", "an-operators-key-with-enough-characters"),
        ),
        (
            "HOLDFAST_TOKEN_SECRET_FILE",
            file("tokens", &format!("{token_secrets}\n\n")),
        ),
        // A variable that is there and empty counts as absent.
        ("HOLDFAST_ADMIN_KEY", String::new()),
    ];
    let pairs: Vec<_> = files.iter().map(|(name, path)| (*name, path.as_str())).collect();
    let config = read_from(&pairs, ConfigScope::Stripe).unwrap();
    assert_eq!(format!("{:?}", config.database), "sqlite:///var/lib/a.db");
    let stripe = config.stripe.unwrap();
    assert!(stripe.is_live());
    let list = |secrets: &[SecretString]| -> Vec<String> {
        secrets
            .iter()
            .map(|secret| secret.expose_secret().to_owned())
            .collect()
    };
    assert_eq!(list(&stripe.webhook_secrets), ["whsec_a", "whsec_b"]);
    let admin_key = config.admin_key.unwrap();
    assert_eq!(
        admin_key.expose_secret(),
        "an-operators-key-with-enough-characters"
    );
    assert_eq!(list(&config.token_secrets).join(", "), token_secrets);
}

#[test]
fn bad_secret_files_are_named_without_their_content() {
    let directory = tempfile::tempdir().unwrap();
    let there = write_file(&directory, "there", "sk_test_hunter2");
    let empty = write_file(&directory, "empty", " \n");
    let missing = format!("{}/missing", directory.path().display());
    let folder = directory.path().to_str().unwrap();
    for variable in [
        "DATABASE_URL",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "HOLDFAST_ADMIN_KEY",
        "HOLDFAST_TOKEN_SECRET",
    ] {
        let in_file = format!("{variable}_FILE");
        for path in [&empty, &missing, folder] {
            let others = GOOD.iter().filter(|(name, _)| *name != variable);
            let pairs: Vec<_> = others.copied().chain([(in_file.as_str(), path)]).collect();
            let errors = read_from(&pairs, ConfigScope::Stripe).unwrap_err();
            let shown = errors.to_string();
            assert!(errors.0.iter().any(|error| error.variable == variable), "{shown}");
            assert!(shown.contains(&in_file) && shown.contains(path), "{shown}");
        }
        let value = "whsec_hunter3-and-more-characters";
        let errors = read_from(
            &[(variable, value), (in_file.as_str(), &there)],
            ConfigScope::Stripe,
        )
        .unwrap_err();
        let twice = errors
            .0
            .iter()
            .find(|error| error.detail.contains("is set twice"));
        assert_eq!(twice.map(|error| error.variable), Some(variable), "{errors}");
        let shown = errors.to_string();
        assert!(
            !shown.contains("hunter2") && !shown.contains("hunter3"),
            "{shown}"
        );
        // A secret in the place of the path.
        let errors = read_from(&[(in_file.as_str(), "sk_test_hunter4")], ConfigScope::Stripe).unwrap_err();
        assert!(!errors.to_string().contains("hunter4"), "{errors}");
    }
}

#[test]
fn missing_file_of_a_required_secret_is_one_error() {
    let pairs = [GOOD[1], ("STRIPE_SECRET_KEY_FILE", "/nowhere/key")];
    let errors = read_from(&pairs, ConfigScope::Stripe).unwrap_err();
    assert_eq!(errors.0.len(), 1, "{errors}");
}

#[test]
fn token_secrets_are_long() {
    for (text, good) in [
        ("a-token-secret-of-some-24-characters", true),
        ("a-token-secret-of-some-24-characters,short", false),
        ("short", false),
        (" , ", true),
    ] {
        assert_eq!(
            list_invalid(&[("HOLDFAST_TOKEN_SECRET", text)]).is_empty(),
            good,
            "{text}"
        );
    }
}

#[test]
fn limits_on_holds_can_be_off_and_widen_with_each_other() {
    const GUEST: &str = "HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST";
    const EMAIL: &str = "HOLDFAST_MAX_LIVE_HOLDS_PER_EMAIL";
    const CLIENT: &str = "HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT";
    const NETWORK: &str = "HOLDFAST_MAX_LIVE_HOLDS_PER_NETWORK";
    let read = |more: &[(&str, &str)]| {
        let pairs: Vec<_> = more.iter().chain(&GOOD).copied().collect();
        let most = read_from(&pairs, ConfigScope::Stripe).unwrap().max_live_holds;
        [most.per_guest, most.per_email, most.per_client, most.per_network]
    };
    assert_eq!(read(&[]), [3, 10, 10, 60]);
    assert_eq!(read(&[(GUEST, "20"), (CLIENT, "1000")]), [20, 20, 1000, 1000]);
    assert_eq!(read(&[(GUEST, "20"), (EMAIL, "20")]), [20, 20, 10, 60]);
    let off = [(GUEST, "0"), (EMAIL, "0"), (CLIENT, "0"), (NETWORK, "0")];
    assert_eq!(read(&off), [0; 4]);
    assert_eq!(read(&[(GUEST, "20"), (EMAIL, "0")]), [20, 0, 10, 60]);
    assert_eq!(list_invalid(&[(GUEST, "4"), (EMAIL, "3")]), [EMAIL]);
    assert_eq!(list_invalid(&[(EMAIL, "2")]), [EMAIL]);
    for text in ["-1", "1000001", "many"] {
        assert_eq!(list_invalid(&[(NETWORK, text)]), [NETWORK], "{text}");
    }
}
