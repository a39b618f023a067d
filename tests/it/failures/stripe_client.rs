//! The gateway against a server that answers by script: what is sent, what is repeated, and how each end of a call is
//! sorted (S21, S22). The whole of Stripe's behaviour is the simulator's.

use std::time::Duration;

use chrono::DateTime;
use futures::future::join_all;
use holdfast::domain::ids::{HoldId, IntentId, SessionId};
use holdfast::domain::money::{Currency, Money};
use holdfast::domain::session::{SessionStatus, SessionTerms};
use holdfast::gateway::client::{StripeConfig, StripeGateway, StripeRateLimits};
use holdfast::gateway::{Gateway, GatewayError};
use uuid::Uuid;

use self::script::{Reply, Script};

mod script;

const KEY: &str = "sk_test_do_not_log_me";
const EMAIL: &str = "ada@example.com";

const SESSION: &str = r#"{"id": "cs_1", "object": "checkout.session", "url": "https://pay.example/cs_1",
    "status": "open", "payment_status": "unpaid", "payment_intent": null, "mode": 5}"#;

fn config(base: &str) -> StripeConfig {
    StripeConfig {
        secret_key: KEY.into(),
        api_base: base.parse().unwrap(),
        attempt_timeout: Duration::from_secs(10),
        budget: Duration::from_secs(20),
        limits: None,
    }
}

fn gateway(script: &Script) -> StripeGateway {
    StripeGateway::new(&config(&script.base())).unwrap()
}

/// For calls that are repeated until the budget is over.
fn hasty(script: &Script) -> StripeGateway {
    StripeGateway::new(&StripeConfig {
        budget: Duration::from_millis(900),
        attempt_timeout: Duration::from_millis(300),
        ..config(&script.base())
    })
    .unwrap()
}

fn terms() -> SessionTerms {
    SessionTerms {
        hold: HoldId(Uuid::from_u128(7)),
        name: "Call".into(),
        price: eur(5000),
        quantity: 1,
        email: EMAIL.into(),
        success_url: "https://shop.example/{CHECKOUT_SESSION_ID}".into(),
        cancel_url: "https://shop.example/back".into(),
        expires_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        payment_methods: Vec::new(),
        installation: "here".into(),
    }
}

fn eur(amount: i64) -> Money {
    Money {
        amount,
        currency: Currency::parse("eur").unwrap(),
    }
}

fn is_unavailable<T>(result: &Result<T, GatewayError>) -> bool {
    matches!(result, Err(GatewayError::Unavailable { .. }))
}

fn is_unknown<T>(result: &Result<T, GatewayError>) -> bool {
    matches!(result, Err(GatewayError::Unknown))
}

fn error_body(code: &str) -> String {
    format!(r#"{{"error": {{"type": "invalid_request_error", "code": "{code}", "message": "for {EMAIL}"}}}}"#)
}

#[tokio::test]
async fn a_session_is_made_with_key_version_and_form() {
    let script = Script::play([Reply::ok(SESSION)]).await;
    let made = gateway(&script).create_session(&terms()).await.unwrap();
    assert_eq!(
        (made.id.as_str(), &*made.url),
        ("cs_1", "https://pay.example/cs_1")
    );
    let sent = &script.requests()[0];
    assert_eq!(sent.line, "POST /v1/checkout/sessions HTTP/1.1");
    assert_eq!(sent.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(sent.header("stripe-version"), Some("2026-09-30.endive"));
    assert_eq!(sent.header("idempotency-key"), Some(&*terms().hold.to_string()));
    assert_eq!(
        sent.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert!(sent.header("user-agent").unwrap().starts_with("holdfast/"));
    assert!(sent.body.contains("mode=payment"), "{}", sent.body);
}

#[tokio::test]
async fn s22_refused_for_load_and_broken_answers_are_repeated_with_the_same_key_until_one_is_good() {
    let script = Script::play([
        Reply::status(429, "").with("Retry-After: 0"),
        Reply::status(502, "<html>bad gateway</html>"),
        Reply::Cut,
        Reply::ok(SESSION),
    ])
    .await;
    let made = gateway(&script).create_session(&terms()).await.unwrap();
    assert_eq!(made.id.as_str(), "cs_1");
    let requests = script.requests();
    assert_eq!(requests.len(), 4);
    for request in &requests {
        assert_eq!(
            request.header("idempotency-key"),
            requests[0].header("idempotency-key")
        );
        assert_eq!(request.body, requests[0].body);
    }
}

#[tokio::test]
async fn connections_are_kept_between_calls() {
    let script = Script::play([Reply::ok(SESSION)]).await;
    let gateway = gateway(&script);
    for _ in 0..5 {
        gateway.session(&SessionId::new("cs_1")).await.unwrap();
    }
    assert_eq!((script.requests().len(), script.connections()), (5, 1));
}

#[tokio::test]
async fn stripes_word_against_a_retry_is_obeyed_and_a_500_leaves_the_effect_open() {
    let script =
        Script::play([Reply::status(500, &error_body("x")).with("Stripe-Should-Retry: false")]).await;
    let result = gateway(&script).create_session(&terms()).await;
    assert!(is_unknown(&result), "{result:?}");
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test]
async fn answers_that_say_nothing_leave_the_effect_open_where_there_may_be_one() {
    let replies = [
        Reply::status(502, "<html>bad gateway</html>"),
        Reply::ok("<html>hello</html>"),
        Reply::ok(r#"{"object": "checkout.session"}"#),
        Reply::Cut,
        Reply::Silence,
    ];
    // Each takes its whole budget, so all at once.
    join_all(replies.map(async |reply| {
        let script = Script::play([reply.clone()]).await;
        let result = hasty(&script).create_session(&terms()).await;
        assert!(is_unknown(&result), "{reply:?} {result:?}");
        // To have asked for nothing but an answer is to have done nothing.
        let script = Script::play([reply.clone()]).await;
        let result = hasty(&script).session(&SessionId::new("cs_1")).await;
        assert!(is_unavailable(&result), "{reply:?} {result:?}");
    }))
    .await;
}

#[tokio::test]
async fn a_429_that_does_not_end_is_surely_not_done_and_says_when_to_come_back() {
    let script = Script::play([Reply::status(429, "").with("Retry-After: 60")]).await;
    let result = gateway(&script).create_session(&terms()).await;
    let retry_after = Some(Duration::from_secs(60));
    assert_eq!(result, Err(GatewayError::Unavailable { retry_after }));
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test]
async fn where_nobody_listens_surely_nothing_was_done() {
    let script = Script::play([Reply::Silence]).await;
    let base = script.base();
    script.stop().await;
    let gateway = StripeGateway::new(&StripeConfig {
        budget: Duration::from_millis(500),
        attempt_timeout: Duration::from_millis(200),
        ..config(&base)
    })
    .unwrap();
    let result = gateway.create_session(&terms()).await;
    assert!(is_unavailable(&result), "{result:?}");
}

#[tokio::test]
async fn without_a_good_certificate_nothing_is_sent_and_the_key_least_of_all() {
    let script = Script::play([Reply::ok(SESSION)]).await;
    let base = script.base().replace("http:", "https:");
    let gateway = StripeGateway::new(&StripeConfig {
        budget: Duration::from_millis(500),
        ..config(&base)
    })
    .unwrap();
    let result = gateway.create_session(&terms()).await;
    assert!(is_unavailable(&result), "{result:?}");
    assert!(script.connections() > 0);
    assert!(script.requests().is_empty());
}

#[tokio::test]
async fn s21_a_lost_answer_is_not_forgotten_when_the_next_attempt_finds_nobody() {
    let script = Script::play([Reply::CutAndLeave]).await;
    let result = hasty(&script).create_session(&terms()).await;
    assert!(is_unknown(&result), "{result:?}");
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test]
async fn a_refused_expire_says_what_and_why_and_not_to_whom() {
    let script = Script::play([Reply::status(400, &error_body("x")).with("Request-Id: req_1")]).await;
    let result = gateway(&script).expire_session(&SessionId::new("cs_1")).await;
    let Err(GatewayError::Refused(refusal)) = &result else {
        panic!("{result:?}");
    };
    assert_eq!(refusal.to_string(), "400 invalid_request_error x req_1");
    assert!(!format!("{result:?}").contains(EMAIL));
    let sent = &script.requests()[0];
    assert_eq!(sent.line, "POST /v1/checkout/sessions/cs_1/expire HTTP/1.1");
    assert_eq!(sent.body, "");
}

#[tokio::test]
async fn each_expire_has_a_key_of_its_own_that_its_retries_share() {
    let expired = SESSION.replace("open", "expired");
    let script = Script::play([Reply::Cut, Reply::ok(&expired), Reply::ok(&expired)]).await;
    let gateway = gateway(&script);
    for _ in 0..2 {
        let report = gateway.expire_session(&SessionId::new("cs_1")).await.unwrap();
        assert_eq!(report.status, SessionStatus::Expired);
    }
    let requests = script.requests();
    let keys: Vec<_> = requests
        .iter()
        .map(|r| r.header("idempotency-key").unwrap())
        .collect();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[1], keys[2]);
}

#[tokio::test]
async fn a_refund_that_was_made_before_counts_as_done_and_another_refusal_does_not() {
    let script = Script::play([
        Reply::ok(r#"{"id": "re_1", "status": "succeeded"}"#),
        Reply::status(400, &error_body("charge_already_refunded")),
        Reply::status(400, &error_body("charge_disputed")),
    ])
    .await;
    let gateway = gateway(&script);
    let intent = IntentId::new("pi_1");
    assert_eq!(gateway.refund(&intent, eur(5000), "k").await, Ok(()));
    assert_eq!(gateway.refund(&intent, eur(5000), "k").await, Ok(()));
    let refused = gateway.refund(&intent, eur(5000), "k").await;
    assert!(matches!(refused, Err(GatewayError::Refused(_))), "{refused:?}");
    let sent = &script.requests()[0];
    assert_eq!(sent.line, "POST /v1/refunds HTTP/1.1");
    assert_eq!(sent.header("idempotency-key"), Some("k"));
    assert_eq!(sent.body, "amount=5000&payment_intent=pi_1");
}

#[tokio::test]
async fn a_probe_tells_mode_and_stripes_clock() {
    let answer = Reply::ok(r#"{"object": "balance", "livemode": true}"#);
    let script = Script::play([answer.with("Date: Sun, 06 Nov 1994 08:49:37 GMT")]).await;
    let probe = gateway(&script).probe().await.unwrap();
    assert!(probe.livemode);
    assert_eq!(probe.date.map(|d| d.timestamp()), Some(784_111_777));
    assert_eq!(script.requests()[0].line, "GET /v1/balance HTTP/1.1");
}

#[tokio::test]
async fn after_five_calls_without_an_answer_calls_fail_at_once_until_a_probe_succeeds() {
    let down = Reply::status(500, "").with("Stripe-Should-Retry: false");
    let mut replies = vec![down; 6];
    replies.push(Reply::ok(SESSION));
    let script = Script::play(replies).await;
    let gateway = gateway(&script);
    let id = SessionId::new("cs_1");
    for _ in 0..5 {
        assert!(is_unavailable(&gateway.session(&id).await));
    }
    // Open: nobody is asked, and the caller learns when to come back.
    let kept = gateway.session(&id).await;
    assert!(
        matches!(&kept, Err(GatewayError::Unavailable { retry_after: Some(wait) }) if *wait <= Duration::from_secs(1)),
        "{kept:?}"
    );
    assert_eq!(script.requests().len(), 5);
    // The first probe fails and the cool-down doubles; the second finds Stripe well.
    pass(Duration::from_secs(1)).await;
    assert!(is_unavailable(&gateway.session(&id).await));
    pass(Duration::from_secs(1)).await;
    assert!(is_unavailable(&gateway.session(&id).await));
    assert_eq!(script.requests().len(), 6);
    pass(Duration::from_secs(1)).await;
    for _ in 0..2 {
        gateway.session(&id).await.unwrap();
    }
    assert_eq!(script.requests().len(), 8);
}

/// Moves the runtime's clock without waiting.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn refusals_are_answers_and_do_not_open_the_circuit() {
    let script = Script::play([Reply::status(404, &error_body("resource_missing"))]).await;
    let gateway = gateway(&script);
    for _ in 0..10 {
        let result = gateway.session(&SessionId::new("cs_1")).await;
        assert!(matches!(result, Err(GatewayError::Refused(_))), "{result:?}");
    }
    assert_eq!(script.requests().len(), 10);
}

#[tokio::test]
async fn our_own_limit_answers_at_once_where_it_leaves_no_room_within_the_budget() {
    let script = Script::play([Reply::ok(SESSION)]).await;
    let one = std::num::NonZeroU32::MIN;
    let limits = Some(StripeRateLimits {
        per_endpoint: one,
        total: one.saturating_add(9),
    });
    let budget = Duration::from_secs(1);
    let gateway = StripeGateway::new(&StripeConfig {
        limits,
        budget,
        ..config(&script.base())
    })
    .unwrap();
    gateway.create_session(&terms()).await.unwrap();
    let kept = gateway.create_session(&terms()).await;
    assert!(
        matches!(kept, Err(GatewayError::Unavailable { retry_after: Some(_) })),
        "{kept:?}"
    );
    assert_eq!(script.requests().len(), 1);
    gateway.session(&SessionId::new("cs_1")).await.unwrap();
}

#[tokio::test]
async fn s32_no_key_address_or_id_in_a_log_line() {
    let log = script::Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // A log site that another test meets for the first time just now can be taken for one that nobody listens to;
    // so all of them are met once, and then asked again.
    make_log_lines().await;
    tracing::callsite::rebuild_interest_cache();
    make_log_lines().await;
    let text = log.text();
    assert!(
        text.contains("create_session") && text.contains("attempt=2"),
        "{text}"
    );
    for secret in [KEY, "do_not_log_me", EMAIL, "ada", "cs_secret_1"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// A refusal, a repetition, and a call with an id in its path.
async fn make_log_lines() {
    let refused = Reply::status(400, &error_body("x"));
    let script = Script::play([refused, Reply::Cut, Reply::ok(SESSION)]).await;
    let gateway = gateway(&script);
    gateway.create_session(&terms()).await.unwrap_err();
    gateway.create_session(&terms()).await.unwrap();
    let id = SessionId::new("cs_secret_1");
    gateway.expire_session(&id).await.unwrap();
}
