//! Tests of the limits on one visitor: how many holds they may keep, and how many requests they may send (S28). A
//! guest is one person however their address is written (S27).

use chrono::Duration;
use holdfast::domain::time::Clock;
use holdfast::sandbox::signature_header;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ADMIN_KEY, ApiResponse, Instance, LIMITS_OFF, TestApp, WEBHOOK_SECRET, order_by};
use crate::support::booking_actions::after;
use crate::support::database::Engine;
use crate::support::on_both_engines;
use crate::support::race::{RaceRequest, RaceResponse, send_simultaneously};

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Spellings of one person's address.
const WRITTEN: [&str; 4] = [
    "ada@example.com",
    "ADA@example.com",
    "Ada@Example.Com",
    " aDa@eXaMpLe.CoM ",
];

/// Starts a service with the default of one limit and with all others out of the way.
async fn start_with_limit(engine: Engine, limit: &'static str, value: &'static str) -> TestApp {
    assert!(LIMITS_OFF.iter().any(|(name, _)| *name == limit));
    TestApp::start_with(engine, &[(limit, value)]).await
}

fn slot(n: usize) -> String {
    after(SLOT, 30 * i64::try_from(n).unwrap())
}

fn build_requests(
    instances: &[&Instance],
    guests: usize,
    email: impl Fn(usize) -> String,
) -> Vec<RaceRequest> {
    let request = |n: usize| {
        RaceRequest::new(
            instances[n % instances.len()].address,
            order_by(&email(n), "call", &slot(n)),
        )
    };
    (0..guests).map(request).collect()
}

/// Checks that at least one and at most this many were placed, and that all others got the limit's error.
#[track_caller]
fn assert_at_most(responses: &[RaceResponse], most: usize) -> usize {
    let placed = responses.iter().filter(|response| response.status == 201).count();
    let others = responses.iter().filter(|response| response.status != 201);
    for response in others {
        assert_eq!(
            (response.status, &response.body["code"]),
            (429, &json!("too_many_holds")),
            "{response:?}"
        );
    }
    assert!((1..=most).contains(&placed), "{placed}");
    placed
}

/// Checks that the refusal has a `Retry-After`, and returns it.
#[track_caller]
fn assert_retry_after(answer: ApiResponse, code: &str) -> u64 {
    let refused = answer.expect_problem(429, code);
    refused.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

/// Places a hold and lets it expire unpaid.
async fn let_hold_expire(app: &TestApp, slot: &str) {
    let hold = app.hold_slot("call", slot).await;
    app.clock.advance(Duration::minutes(31));
    app.sweep().await;
    assert_eq!(app.state_of(&hold).await, "released/expired");
}

async fn count_rows(app: &TestApp, what: &str) -> i64 {
    app.database.count(&format!("SELECT count(*) FROM {what}")).await
}

fn forwarded(app: &TestApp, chain: &str) -> reqwest::RequestBuilder {
    app.request(Method::DELETE, "/v1/holds/01990000-0000-7000-8000-000000000000")
        .header("X-Forwarded-For", chain)
}

on_both_engines! {
    async fn fifty_requests_of_one_guest_leave_three_holds(engine) {
        let app = start_with_limit(engine, "HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST", "3").await;
        let other = app.another_instance().await;
        let responses = send_simultaneously(build_requests(&[&app.instance, &other], 50, |n| WRITTEN[n % 4].to_owned())).await;
        let placed = assert_at_most(&responses, 3);
        assert_eq!(count_rows(&app, "holds WHERE status = 'held'").await, i64::try_from(placed).unwrap());
        for (n, address) in WRITTEN.iter().take(4 - placed).enumerate() {
            let answer = app.checkout(&order_by(address, "call", &slot(100 + n))).await;
            assert_eq!(answer.status == 201, n < 3 - placed, "{answer:?}");
        }
        assert!(assert_retry_after(other.checkout(&order_by(WRITTEN[3], "call", &slot(200))).await, "too_many_holds") > 0);
        app.checkout(&order_by("bob@example.com", "call", &slot(200))).await.expect(201);
    }

    async fn spaces_around_email_do_not_bypass_the_limit(engine) {
        let app = start_with_limit(engine, "HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST", "3").await;
        for (n, blank) in [" ada@example.com", "ada@example.com\t", "ada@example.com\u{a0}"].iter().enumerate() {
            let hold = app.checkout(&order_by(blank, "call", &slot(n))).await.expect(201);
            assert_eq!(app.admin_hold(hold.text("id")).await["guest"]["email"], "ada@example.com");
        }
        let fourth = app.checkout(&order_by("ada@example.com", "call", &slot(3))).await;
        assert!(assert_retry_after(fourth, "too_many_holds") > 0);
        app.checkout(&order_by("ada @example.com", "call", &slot(3))).await.expect_problem(422, "invalid");
        assert_eq!(count_rows(&app, "allowances WHERE scope = 'email'").await, 3);
    }

    async fn paid_and_released_holds_do_not_count(engine) {
        let app = start_with_limit(engine, "HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST", "3").await;
        let mut holds = Vec::new();
        for n in 0..3 {
            holds.push(app.hold_slot("call", &slot(n)).await);
        }
        let refused = || async { assert_retry_after(app.checkout(&order_by(WRITTEN[1], "call", &slot(9))).await, "too_many_holds") };
        refused().await;
        app.confirm(&holds[0]).await;
        holds.push(app.hold_slot("call", &slot(3)).await);
        refused().await;
        app.cancel(&holds[1]).await.expect(200);
        app.hold_slot("call", &slot(4)).await;
        refused().await;
        app.clock.advance(Duration::minutes(31));
        app.sweep().await;
        app.hold_slot("call", &slot(6)).await;
    }

    async fn one_client_address_gets_ten_holds_for_any_guests(engine) {
        let app = start_with_limit(engine, "HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT", "10").await;
        let other = app.another_instance().await;
        let placed = assert_at_most(&send_simultaneously(build_requests(&[&app.instance, &other], 50, |n| format!("guest-{n}@example.com"))).await, 10);
        for n in placed..10 {
            app.checkout(&order_by(&format!("more-{n}@example.com"), "call", &slot(100 + n))).await.expect(201);
        }
        assert_retry_after(app.checkout(&order_by("last@example.com", "call", &slot(300))).await, "too_many_holds");
        assert_eq!(count_rows(&app, "holds WHERE status = 'held'").await, 10);
    }

    async fn five_lapsed_holds_start_a_cooldown(engine) {
        let app = start_with_limit(engine, "HOLDFAST_LAPSE_COOLDOWN", "15m").await;
        for n in 0..5 {
            let_hold_expire(&app, &slot(n)).await;
        }
        let again = order_by("bob@example.com", "call", &slot(9));
        assert_eq!(assert_retry_after(app.checkout(&again).await, "too_many_holds"), 15 * 60);
        app.clock.advance(Duration::minutes(14));
        assert_eq!(assert_retry_after(app.checkout(&again).await, "too_many_holds"), 60);
        app.clock.advance(Duration::minutes(1));
        app.checkout(&again).await.expect(201);
    }

    async fn paid_hold_resets_the_lapse_count(engine) {
        let app = start_with_limit(engine, "HOLDFAST_LAPSE_COOLDOWN", "15m").await;
        for n in 0..4 {
            let_hold_expire(&app, &slot(n)).await;
        }
        app.sold("call", &slot(4)).await;
        for n in 5..10 {
            let_hold_expire(&app, &slot(n)).await;
        }
        assert_retry_after(app.checkout(&order_by("bob@example.com", "call", &slot(11))).await, "too_many_holds");
    }

    async fn concurrent_holds_of_one_guest_count_together(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        let responses = send_simultaneously(build_requests(&[&app.instance, &other], 20, |n| WRITTEN[n % 4].to_owned())).await;
        assert!(responses.iter().all(|response| response.status == 201), "{responses:?}");
        assert_eq!(count_rows(&app, "allowances WHERE scope = 'email' AND subject = 'ada@example.com'").await, 20);
        // Nothing is written to one row by all of them.
        assert_eq!((count_rows(&app, "guests").await, count_rows(&app, "clients").await), (0, 0));
    }

    async fn guest_history_is_one_query_and_can_be_erased(engine) {
        let app = TestApp::start_with(engine, &[("HOLDFAST_FORGET_AFTER", "5d")]).await;
        for (n, email) in WRITTEN.iter().enumerate() {
            let hold = app.checkout(&order_by(email, "call", &slot(n))).await.expect(201);
            if n > 0 {
                app.cancel(&hold).await.expect(200);
            }
        }
        app.checkout(&order_by("bob@example.com", "call", &slot(9))).await.expect(201);
        let past = async |email: &str| {
            let query = url::form_urlencoded::byte_serialize(email.as_bytes()).collect::<String>();
            let path = format!("/v1/admin/holds?guest={query}");
            let list = app.admin(Method::GET, &path, None).await.expect(200);
            list.body["data"].as_array().unwrap().len()
        };
        for email in ["ada@example.com", "ADA@EXAMPLE.COM"] {
            assert_eq!(past(email).await, 4, "{email}");
        }
        assert_eq!((past("bob@example.com").await, past("eve@example.com").await), (1, 0));
        app.clock.advance(Duration::minutes(31));
        app.sweep().await;
        app.clock.advance(Duration::days(4));
        app.sweep().await;
        assert_eq!(past("ada@example.com").await, 4, "not yet");
        app.clock.advance(Duration::days(2));
        app.sweep().await;
        assert_eq!((past("ada@example.com").await, past("bob@example.com").await), (0, 0));
        assert_eq!(count_rows(&app, "allowances").await, 0);
        app.checkout(&order_by("ada@example.com", "call", &slot(0))).await.expect(201);
        assert_eq!(past("ada@example.com").await, 1);
    }

    async fn rate_limit_covers_writes_and_not_reads(engine) {
        let app = start_with_limit(engine, "HOLDFAST_RATE_LIMIT", "30/min").await;
        let nobody = |method| app.request(method, "/v1/holds/01990000-0000-7000-8000-000000000000").bearer_auth("x");
        for n in 0..30 {
            let answer = match n % 2 {
                0 => app.checkout(&json!({})).await,
                _ => app.send(nobody(Method::DELETE)).await,
            };
            assert_ne!(answer.status, 429, "{n}");
        }
        assert!(assert_retry_after(app.send(nobody(Method::DELETE)).await, "rate_limited") > 0);
        assert_retry_after(app.checkout(&order_by("ada@example.com", "call", SLOT)).await, "rate_limited");
        // No proxy is trusted, so nobody can claim another address.
        let claimed = app.send(forwarded(&app, "198.51.100.7")).await;
        assert_retry_after(claimed, "rate_limited");
        for _ in 0..40 {
            app.get("/v1/event-types/call/slots?from=2026-12-01T10:00:00Z&to=2026-12-01T11:00:00Z").await.expect(200);
        }
        for n in 0..35 {
            let body = order_by("ada@example.com", "call", &slot(n));
            app.send(app.request(Method::POST, "/v1/holds").bearer_auth(ADMIN_KEY).json(&body)).await.expect(201);
        }
        app.another_instance().await.checkout(&order_by("ada@example.com", "call", &slot(99))).await.expect(201);
    }

    async fn reads_of_one_address_are_limited(engine) {
        let app = start_with_limit(engine, "HOLDFAST_READ_LIMIT", "6/h").await;
        let hold = app.hold_slot("call", SLOT).await;
        let reads = [
            format!("/v1/holds/{}", hold.text("id")),
            "/v1/event-types/call/slots?from=2026-12-01T10:00:00Z&to=2026-12-01T11:00:00Z".to_owned(),
            "/openapi.json".to_owned(),
        ];
        for path in reads.iter().chain(&reads) {
            app.get(path).await.expect(200);
        }
        for path in &reads {
            assert!(assert_retry_after(app.get(path).await, "rate_limited") > 0);
            // With a key, and for those who watch the service, there is no limit.
            app.admin(Method::GET, path, None).await.expect(200);
        }
        for path in ["/livez", "/readyz", "/metrics", "/checkout/done", "/checkout/page.css", "/checkout/return.js"] {
            for _ in 0..10 {
                app.get(path).await.expect(200);
            }
        }
        app.checkout(&order_by("ada@example.com", "call", &slot(1))).await.expect(201);
        app.another_instance().await.get(&reads[0]).await.expect(200);
    }

    async fn trusted_proxy_names_the_client_address(engine) {
        let app = TestApp::start_with(
            engine, &[("HOLDFAST_RATE_LIMIT", "2/h"), ("HOLDFAST_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
        for guest in ["198.51.100.1", "198.51.100.2", "2001:db8::1"] {
            for n in 0..3 {
                // The guest wrote all addresses before the last one.
                let answer = app.send(forwarded(&app, &format!("203.0.113.{n}, {guest}"))).await;
                assert_eq!(answer.status == 429, n == 2, "{guest} {n}: {answer:?}");
            }
        }
        let same_household = app.send(forwarded(&app, "2001:db8::ffff")).await;
        assert_retry_after(same_household, "rate_limited");
    }

    async fn only_forged_webhooks_are_rate_limited(engine) {
        let app = start_with_limit(engine, "HOLDFAST_RATE_LIMIT", "5/h").await;
        let body = json!({"id": "evt_1", "object": "event", "type": "charge.updated", "livemode": false,
            "data": {"object": {"id": "ch_1", "object": "charge"}}}).to_string();
        let mut refused = Vec::new();
        for n in 0..8 {
            let answer = app.webhook((n % 2 == 0).then_some("t=1,v1=00"), body.clone()).await;
            refused.push(answer.status.as_u16());
        }
        assert_eq!(refused, [400, 400, 400, 400, 400, 429, 429, 429]);
        assert!(assert_retry_after(app.webhook(None, body.clone()).await, "rate_limited") > 0);
        for _ in 0..20 {
            let signature = signature_header(WEBHOOK_SECRET, app.clock.now().timestamp(), &body);
            let taken: Value = app.webhook(Some(&signature), body.clone()).await.expect(200).body;
            assert_eq!(taken["outcome"], "ignored");
        }
        // A checkout does not count towards the webhooks' limit.
        app.checkout(&order_by("ada@example.com", "call", SLOT)).await.expect(201);
    }
}
