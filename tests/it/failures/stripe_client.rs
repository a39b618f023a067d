//! Tests the Stripe client against a server with scripted replies: what it sends, what it retries, and which error each
//! failed call returns. The simulator covers the rest of Stripe's behaviour.

use std::time::Duration;

use chrono::DateTime;
use futures::future::join_all;
use holdfast::domain::ids::{HoldId, SessionId};
use holdfast::domain::money::{Currency, Money};
use holdfast::domain::session::{CheckoutUi, PaymentPage, SessionStatus, SessionTerms};
use holdfast::gateway::client::StripeGateway;
use holdfast::gateway::stripe_config::{StripeConfig, StripeRateLimits};
use holdfast::gateway::{Gateway, GatewayError};
use uuid::Uuid;

use self::scripted_server::{LogBuffer, Reply, ScriptedServer};

mod ledger_calls;
mod refused_checkouts;
mod scripted_server;

const KEY: &str = "sk_test_do_not_log_me";
const EMAIL: &str = "ada@example.com";

const SESSION: &str = r#"{"id": "cs_1", "object": "checkout.session", "url": "https://pay.example/cs_1",
    "status": "open", "payment_status": "unpaid", "payment_intent": null, "mode": 5}"#;

fn config(base: &str) -> StripeConfig {
    StripeConfig {
        secret_key: KEY.into(),
        api_base: base.parse().unwrap(),
        attempt_timeout: Duration::from_secs(10),
        call_timeout: Duration::from_secs(20),
        limits: None,
    }
}

fn gateway(server: &ScriptedServer) -> StripeGateway {
    StripeGateway::new(&config(&server.base())).unwrap()
}

/// Returns a gateway for calls that are retried until the call timeout.
fn short_timeout_gateway(server: &ScriptedServer) -> StripeGateway {
    StripeGateway::new(&StripeConfig {
        call_timeout: Duration::from_millis(900),
        attempt_timeout: Duration::from_millis(300),
        ..config(&server.base())
    })
    .unwrap()
}

fn terms() -> SessionTerms {
    SessionTerms {
        hold: HoldId(Uuid::from_u128(7)),
        event_type: None,
        name: "Call".into(),
        price: eur(5000),
        quantity: 1,
        email: EMAIL.into(),
        ui: CheckoutUi::Hosted,
        success_url: "https://shop.example/{CHECKOUT_SESSION_ID}".into(),
        cancel_url: "https://shop.example/back".into(),
        expires_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        payment_methods: Vec::new(),
        installation: "here".into(),
        page: Default::default(),
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
async fn create_session_sends_key_version_and_form() {
    let server = ScriptedServer::start([Reply::ok(SESSION)]).await;
    let made = gateway(&server).create_session(&terms()).await.unwrap();
    let page = PaymentPage::Hosted("https://pay.example/cs_1".into());
    assert_eq!((made.id.as_str(), made.page), ("cs_1", page));
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /v1/checkout/sessions HTTP/1.1");
    assert_eq!(request.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(request.header("stripe-version"), Some("2026-09-30.endive"));
    assert_eq!(
        request.header("idempotency-key"),
        Some(&*terms().hold.to_string())
    );
    assert_eq!(
        request.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert!(request.header("user-agent").unwrap().starts_with("holdfast/"));
    assert!(request.body.contains("mode=payment"), "{}", request.body);
}

#[tokio::test]
async fn failed_attempts_are_retried_with_the_same_key_and_body() {
    let server = ScriptedServer::start([
        Reply::status(429, "").with_header("Retry-After: 0"),
        Reply::status(502, "<html>bad gateway</html>"),
        Reply::Disconnect,
        Reply::ok(SESSION),
    ])
    .await;
    let made = gateway(&server).create_session(&terms()).await.unwrap();
    assert_eq!(made.id.as_str(), "cs_1");
    let requests = server.requests();
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
async fn connection_is_reused_between_calls() {
    let server = ScriptedServer::start([Reply::ok(SESSION)]).await;
    let gateway = gateway(&server);
    for _ in 0..5 {
        gateway.retrieve_session(&SessionId::new("cs_1")).await.unwrap();
    }
    assert_eq!((server.requests().len(), server.connections()), (5, 1));
}

#[tokio::test]
async fn should_retry_false_is_obeyed_and_a_500_is_unknown() {
    let server = ScriptedServer::start([
        Reply::status(500, &error_body("x")).with_header("Stripe-Should-Retry: false")
    ])
    .await;
    let result = gateway(&server).create_session(&terms()).await;
    assert!(is_unknown(&result), "{result:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn unusable_response_is_unknown_only_for_calls_with_effect() {
    let replies = [
        Reply::status(502, "<html>bad gateway</html>"),
        Reply::ok("<html>hello</html>"),
        Reply::ok(r#"{"object": "checkout.session"}"#),
        Reply::Disconnect,
        Reply::NeverRespond,
    ];
    // Each case takes its whole call timeout, so all run at once.
    join_all(replies.map(async |reply| {
        let server = ScriptedServer::start([reply.clone()]).await;
        let result = short_timeout_gateway(&server).create_session(&terms()).await;
        assert!(is_unknown(&result), "{reply:?} {result:?}");
        // A call that only reads surely changed nothing.
        let server = ScriptedServer::start([reply.clone()]).await;
        let result = short_timeout_gateway(&server)
            .retrieve_session(&SessionId::new("cs_1"))
            .await;
        assert!(is_unavailable(&result), "{reply:?} {result:?}");
    }))
    .await;
}

#[tokio::test]
async fn lasting_429_is_unavailable_with_its_retry_after() {
    let server = ScriptedServer::start([Reply::status(429, "").with_header("Retry-After: 60")]).await;
    let result = gateway(&server).create_session(&terms()).await;
    let retry_after = Some(Duration::from_secs(60));
    assert_eq!(result, Err(GatewayError::Unavailable { retry_after }));
    assert_eq!(server.requests().len(), 1);
}

/// Nothing can be added to the longest time that the header can name.
#[tokio::test]
async fn endless_retry_after_counts_as_an_hour() {
    let endless = format!("Retry-After: {}", u64::MAX);
    let server = ScriptedServer::start([Reply::status(429, "").with_header(&endless)]).await;
    let result = gateway(&server).create_session(&terms()).await;
    let retry_after = Some(Duration::from_hours(1));
    assert_eq!(result, Err(GatewayError::Unavailable { retry_after }));
}

#[tokio::test]
async fn refused_connection_is_unavailable() {
    let server = ScriptedServer::start([Reply::NeverRespond]).await;
    let base = server.base();
    server.stop().await;
    let gateway = StripeGateway::new(&StripeConfig {
        call_timeout: Duration::from_millis(500),
        attempt_timeout: Duration::from_millis(200),
        ..config(&base)
    })
    .unwrap();
    let result = gateway.create_session(&terms()).await;
    assert!(is_unavailable(&result), "{result:?}");
}

#[tokio::test]
async fn nothing_is_sent_without_a_valid_certificate() {
    let server = ScriptedServer::start([Reply::ok(SESSION)]).await;
    let base = server.base().replace("http:", "https:");
    let gateway = StripeGateway::new(&StripeConfig {
        call_timeout: Duration::from_millis(500),
        ..config(&base)
    })
    .unwrap();
    let result = gateway.create_session(&terms()).await;
    assert!(is_unavailable(&result), "{result:?}");
    assert!(server.connections() > 0);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn lost_response_stays_unknown_if_the_retry_finds_no_server() {
    let server = ScriptedServer::start([Reply::DisconnectAndStop]).await;
    let result = short_timeout_gateway(&server).create_session(&terms()).await;
    assert!(is_unknown(&result), "{result:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn refused_expire_has_the_code_but_no_personal_data() {
    let server =
        ScriptedServer::start([Reply::status(400, &error_body("x")).with_header("Request-Id: req_1")]).await;
    let result = gateway(&server).expire_session(&SessionId::new("cs_1")).await;
    let Err(GatewayError::Refused(refusal)) = &result else {
        panic!("{result:?}");
    };
    assert_eq!(refusal.to_string(), "400 invalid_request_error x req_1");
    assert!(!format!("{result:?}").contains(EMAIL));
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /v1/checkout/sessions/cs_1/expire HTTP/1.1");
    assert_eq!(request.body, "");
}

#[tokio::test]
async fn each_expire_has_a_new_key_that_its_retries_share() {
    let expired = SESSION.replace("open", "expired");
    let server = ScriptedServer::start([Reply::Disconnect, Reply::ok(&expired), Reply::ok(&expired)]).await;
    let gateway = gateway(&server);
    for _ in 0..2 {
        let report = gateway.expire_session(&SessionId::new("cs_1")).await.unwrap();
        assert_eq!(report.status, SessionStatus::Expired);
    }
    let requests = server.requests();
    let keys: Vec<_> = requests
        .iter()
        .map(|r| r.header("idempotency-key").unwrap())
        .collect();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[1], keys[2]);
}

#[tokio::test]
async fn probe_returns_mode_and_stripes_clock() {
    let answer = Reply::ok(r#"{"object": "balance", "livemode": true}"#);
    let server = ScriptedServer::start([answer.with_header("Date: Sun, 06 Nov 1994 08:49:37 GMT")]).await;
    let probe = gateway(&server).probe_account().await.unwrap();
    assert!(probe.livemode);
    assert_eq!(probe.date.map(|d| d.timestamp()), Some(784_111_777));
    assert_eq!(server.requests()[0].line, "GET /v1/balance HTTP/1.1");
}

#[tokio::test]
async fn five_failed_calls_open_the_circuit_until_a_probe_succeeds() {
    let down = Reply::status(500, "").with_header("Stripe-Should-Retry: false");
    let mut replies = vec![down; 6];
    replies.push(Reply::ok(SESSION));
    let server = ScriptedServer::start(replies).await;
    let gateway = gateway(&server);
    let id = SessionId::new("cs_1");
    for _ in 0..5 {
        assert!(is_unavailable(&gateway.retrieve_session(&id).await));
    }
    // The circuit is open: no request is request, and the caller learns how long to wait.
    let rejected = gateway.retrieve_session(&id).await;
    assert!(
        matches!(
            &rejected,
            Err(GatewayError::Unavailable { retry_after: Some(wait) }) if *wait <= Duration::from_secs(1)
        ),
        "{rejected:?}"
    );
    assert_eq!(server.requests().len(), 5);
    // The first probe fails and the cool-down doubles. The second probe succeeds.
    advance_clock(Duration::from_secs(1)).await;
    assert!(is_unavailable(&gateway.retrieve_session(&id).await));
    advance_clock(Duration::from_secs(1)).await;
    assert!(is_unavailable(&gateway.retrieve_session(&id).await));
    assert_eq!(server.requests().len(), 6);
    advance_clock(Duration::from_secs(1)).await;
    for _ in 0..2 {
        gateway.retrieve_session(&id).await.unwrap();
    }
    assert_eq!(server.requests().len(), 8);
}

/// Moves the runtime's clock forward without waiting.
async fn advance_clock(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn refusals_do_not_open_the_circuit() {
    let server = ScriptedServer::start([Reply::status(404, &error_body("resource_missing"))]).await;
    let gateway = gateway(&server);
    for _ in 0..10 {
        let result = gateway.retrieve_session(&SessionId::new("cs_1")).await;
        assert!(matches!(result, Err(GatewayError::Refused(_))), "{result:?}");
    }
    assert_eq!(server.requests().len(), 10);
}

#[tokio::test]
async fn own_rate_limit_fails_at_once_if_the_wait_is_too_long() {
    let server = ScriptedServer::start([Reply::ok(SESSION)]).await;
    let one = std::num::NonZeroU32::MIN;
    let limits = Some(StripeRateLimits {
        per_endpoint: one,
        total: one.saturating_add(9),
    });
    let call_timeout = Duration::from_secs(1);
    let gateway = StripeGateway::new(&StripeConfig {
        limits,
        call_timeout,
        ..config(&server.base())
    })
    .unwrap();
    gateway.create_session(&terms()).await.unwrap();
    let rejected = gateway.create_session(&terms()).await;
    assert!(
        matches!(rejected, Err(GatewayError::Unavailable { retry_after: Some(_) })),
        "{rejected:?}"
    );
    assert_eq!(server.requests().len(), 1);
    gateway.retrieve_session(&SessionId::new("cs_1")).await.unwrap();
}

#[tokio::test]
async fn log_lines_have_no_key_address_or_session_id() {
    let log = LogBuffer::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // `tracing` caches for each log statement whether anybody listens, and another test may fill that cache at this
    // moment without a subscriber. So run every log statement once, rebuild the cache, and run them again.
    write_log_lines().await;
    tracing::callsite::rebuild_interest_cache();
    write_log_lines().await;
    let text = log.to_text();
    assert!(
        text.contains("create_session") && text.contains("attempt=2"),
        "{text}"
    );
    for secret in [KEY, "do_not_log_me", EMAIL, "ada", "cs_secret_1"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// Makes a refused call, a retried call, and a call with an id in its path.
async fn write_log_lines() {
    let refused = Reply::status(400, &error_body("x"));
    let server = ScriptedServer::start([refused, Reply::Disconnect, Reply::ok(SESSION)]).await;
    let gateway = gateway(&server);
    gateway.create_session(&terms()).await.unwrap_err();
    gateway.create_session(&terms()).await.unwrap();
    let id = SessionId::new("cs_secret_1");
    gateway.expire_session(&id).await.unwrap();
}
