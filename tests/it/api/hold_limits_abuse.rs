//! Tests that a stranger cannot keep slots for nothing: not with delayed payments, not with the address of somebody
//! else, and not by asking many times at once (S28).

use std::collections::BTreeMap;

use chrono::Duration;
use holdfast::domain::booking::{CheckoutClient, ClientId, Guest, NetworkId};
use holdfast::domain::ids::EventTypeId;
use holdfast::domain::session::CheckoutUi;
use holdfast::sandbox::PaymentOutcome;
use holdfast::workflow::start_checkout::{Checkout, CheckoutError, CheckoutRequest, start_checkout};
use reqwest::Method;

use crate::support::app::{ApiResponse, Instance, TestApp, order_by};
use crate::support::booking_actions::{COUNT_LOCK_WAITERS, after};
use crate::support::database::Engine;
use crate::support::database_lock::Lock;
use crate::support::on_both_engines;
use crate::support::race::{RaceRequest, RaceResponse, send_simultaneously};
use crate::support::wait_for::eventually;

const GUEST: &str = "HOLDFAST_MAX_LIVE_HOLDS_PER_GUEST";
const EMAIL: &str = "HOLDFAST_MAX_LIVE_HOLDS_PER_EMAIL";
const CLIENT: &str = "HOLDFAST_MAX_LIVE_HOLDS_PER_CLIENT";
const NETWORK: &str = "HOLDFAST_MAX_LIVE_HOLDS_PER_NETWORK";
pub(super) const COOLDOWN: &str = "HOLDFAST_LAPSE_COOLDOWN";
/// The tests stand in for a proxy, which names the address of the guest.
const PROXY: (&str, &str) = ("HOLDFAST_TRUSTED_PROXIES", "127.0.0.0/8");

pub(super) fn slot(n: usize) -> String {
    after("2026-12-01T10:00:00Z", 30 * i64::try_from(n).unwrap())
}

pub(super) fn call(email: &str, n: usize) -> serde_json::Value {
    order_by(email, "call", &slot(n))
}

/// Sends the checkout of a guest with this address.
async fn checkout_from(app: &TestApp, address: &str, email: &str, n: usize) -> ApiResponse {
    let request = app
        .request(Method::POST, "/v1/holds")
        .header("X-Forwarded-For", address);
    app.send(request.json(&call(email, n))).await
}

#[track_caller]
pub(super) fn assert_refused(answer: ApiResponse) -> u64 {
    let refused = answer.expect_problem(429, "too_many_holds");
    refused.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

pub(super) async fn let_hold_lapse(app: &TestApp, n: usize) {
    let hold = app.hold_slot("call", &slot(n)).await;
    app.clock.advance(Duration::minutes(31));
    app.sweep().await;
    assert_eq!(app.state_of(&hold).await, "released/expired");
}

pub(super) async fn start_payment(app: &TestApp, hold: &ApiResponse, outcome: PaymentOutcome) {
    app.pay(hold, outcome);
    app.deliver_all().await;
}

/// Places holds with a voucher or a bank debit until one is refused; at most five. Returns how many were placed.
async fn place_with_delayed_payments(app: &TestApp) -> usize {
    for n in 0..5 {
        let answer = app.checkout(&call("ada@example.com", n)).await;
        if answer.status != 201 {
            assert_refused(answer);
            return n;
        }
        start_payment(app, &answer, PaymentOutcome::Processing).await;
        assert_eq!(app.state_of(&answer).await, "processing");
    }
    5
}

/// Sends so many checkouts at once to two instances; returns how many were placed. All others got the limit's error.
async fn race(instances: [&Instance; 2], guests: usize, who: impl Fn(usize) -> (String, String)) -> usize {
    let request = |n: usize| {
        let (email, address) = who(n);
        RaceRequest {
            forwarded_for: Some(address),
            ..RaceRequest::new(instances[n % 2].address, call(&email, n))
        }
    };
    let responses = send_simultaneously((0..guests).map(request).collect()).await;
    let (placed, refused): (Vec<_>, Vec<_>) = responses.iter().partition(|answer| answer.status == 201);
    let is_limit = |answer: &&RaceResponse| answer.status == 429 && answer.body["code"] == "too_many_holds";
    assert!(refused.iter().all(is_limit), "{refused:?}");
    placed.len()
}

/// Sends a checkout past HTTP, from a client that is exempt from the limits on addresses or not.
async fn checkout_as(
    app: &TestApp,
    client: Option<CheckoutClient>,
    n: usize,
) -> Result<Checkout, CheckoutError> {
    let request = CheckoutRequest {
        locale: None,
        event_type: EventTypeId::parse("call").unwrap(),
        starts_at: slot(n).parse().unwrap(),
        quantity: 1,
        resource: None,
        replaces: None,
        guest: Guest {
            email: format!("guest-{n}@example.com"),
            name: None,
        },
        client,
        metadata: BTreeMap::new(),
        ui: CheckoutUi::Hosted,
        success_url: "https://shop.example/paid".to_owned(),
        cancel_url: "https://shop.example/back".to_owned(),
        key: None,
        fingerprint: "f".repeat(64),
    };
    start_checkout(&app.context, request).await
}

on_both_engines! {
    async fn processing_holds_count_until_their_payment_ends(engine) {
        let app = TestApp::start_with(engine, &[(GUEST, "3")]).await;
        let holds = [app.hold_slot("call", &slot(0)).await, app.hold_slot("call", &slot(1)).await,
            app.hold_slot("call", &slot(2)).await];
        for hold in &holds {
            start_payment(&app, hold, PaymentOutcome::Processing).await;
        }
        assert_refused(app.checkout(&call("ada@example.com", 3)).await);
        start_payment(&app, &holds[0], PaymentOutcome::ProcessingFailed).await;
        app.hold_slot("call", &slot(3)).await;
        assert_refused(app.checkout(&call("ada@example.com", 4)).await);
        start_payment(&app, &holds[1], PaymentOutcome::ProcessingSucceeded).await;
        app.hold_slot("call", &slot(4)).await;
        assert_refused(app.checkout(&call("ada@example.com", 5)).await);
    }

    async fn mutation_processing_not_counted_is_found(engine) {
        for mutated in [false, true] {
            let app = TestApp::start_with(engine, &[(GUEST, "3")]).await;
            if mutated {
                mutate(&app, "holds", "UPDATE OF status", "DELETE FROM allowances WHERE hold_id = NEW.id").await;
            }
            assert_eq!(place_with_delayed_payments(&app).await, if mutated { 5 } else { 3 });
            let findings = app.audit();
            let is_found = findings.iter().any(|one| one.starts_with("an unpaid hold without its email allowance"));
            assert_eq!(is_found, mutated, "{findings:?}");
            if mutated {
                app.without_audit("the mutation is meant to be found");
            }
        }
    }

    async fn stranger_with_a_guests_email_does_not_lock_the_guest_out(engine) {
        let app = TestApp::start_with(engine, &[PROXY, (GUEST, "3"), (EMAIL, "10")]).await;
        for n in 0..4 {
            let answer = checkout_from(&app, "198.51.100.1", "ada@example.com", n).await;
            assert_eq!(answer.status == 201, n < 3, "{answer:?}");
        }
        for n in 4..8 {
            let answer = checkout_from(&app, "203.0.113.7", " ADA@example.com", n).await;
            assert_eq!(answer.status == 201, n < 7, "{answer:?}");
        }
        // An address has a limit of its own, from however many clients.
        for n in 8..13 {
            let answer = checkout_from(&app, &format!("192.0.2.{n}"), "ada@example.com", n).await;
            assert_eq!(answer.status == 201, n < 12, "{answer:?}");
        }
        checkout_from(&app, "198.51.100.1", "bob@example.com", 13).await.expect(201);
    }

    async fn limits_of_addresses_do_not_hold_for_an_exempt_client(engine) {
        let limits = [(COOLDOWN, "15m"), (CLIENT, "2"), (NETWORK, "2")];
        let app = TestApp::start_with(engine, &limits).await;
        let client = |network: Option<&str>| CheckoutClient {
            id: ClientId("shop".to_owned()),
            network: network.map(|network| NetworkId(network.to_owned())),
        };
        for n in 0..6 {
            checkout_as(&app, Some(client(None)), n).await.unwrap();
        }
        app.clock.advance(Duration::minutes(31));
        app.sweep().await;
        let limited = checkout_as(&app, Some(client(Some("near"))), 6).await;
        assert!(matches!(limited, Err(CheckoutError::TooMany { .. })), "six holds lapsed: {limited:?}");
        for (n, exempt) in [(6, Some(client(None))), (7, None), (8, None), (9, None)] {
            checkout_as(&app, exempt, n).await.unwrap();
        }
    }

    async fn client_is_a_64_bit_network_of_ipv6(engine) {
        let app = TestApp::start_with(engine, &[PROXY, (CLIENT, "2")]).await;
        for (n, address, status) in [(0, "2001:db8:1:2::1", 201), (1, "2001:db8:1:2:3::", 201), (2, "2001:db8:1:2::3", 429),
            (2, "2001:db8:1:3::1", 201), (3, "198.51.100.1", 201), (4, "198.51.100.2", 201), (5, "198.51.100.1", 201),
            (6, "198.51.100.1", 429), (6, "198.51.100.2", 201)] {
            let answer = checkout_from(&app, address, &format!("guest-{n}@example.com"), n).await;
            assert_eq!(answer.status, status, "{n} {address}: {answer:?}");
        }
    }

    async fn network_is_24_bits_of_ipv4_or_48_bits_of_ipv6(engine) {
        let app = TestApp::start_with(engine, &[PROXY, (NETWORK, "2")]).await;
        for (n, address, status) in [(0, "198.51.100.1", 201), (1, "198.51.100.250", 201), (2, "198.51.100.3", 429),
            (2, "198.51.101.3", 201), (3, "2001:db8:1:2::1", 201), (4, "2001:db8:1:ffff::1", 201),
            (5, "2001:db8:1:3::1", 429), (5, "2001:db8:2:3::1", 201)] {
            let answer = checkout_from(&app, address, &format!("guest-{n}@example.com"), n).await;
            assert_eq!(answer.status, status, "{n} {address}: {answer:?}");
        }
        for table in ["allowances WHERE subject", "holds WHERE client_id"] {
            let raw = format!("SELECT count(*) FROM {table} LIKE '%198.51.%' OR guest_email IS NULL");
            let raw = if table.starts_with("holds") { raw } else { raw.replace(" OR guest_email IS NULL", "") };
            assert_eq!(app.database.count(&raw).await, 0, "an address is stored: {table}");
        }
    }

    async fn many_checkouts_at_once_never_exceed_a_limit(engine) {
        for (limit, most) in [(GUEST, 3), (EMAIL, 4), (CLIENT, 5), (NETWORK, 6)] {
            let value = most.to_string();
            let guest = if limit == EMAIL { "4" } else { "1000000" };
            let app = TestApp::start_with(engine, &[PROXY, (GUEST, guest), (limit, value.as_str())]).await;
            let other = app.another_instance().await;
            let who = |n: usize| match limit {
                GUEST => ("ada@example.com".to_owned(), "198.51.100.1".to_owned()),
                EMAIL => ("ada@example.com".to_owned(), format!("198.51.{n}.1")),
                CLIENT => (format!("guest-{n}@example.com"), "198.51.100.1".to_owned()),
                _ => (format!("guest-{n}@example.com"), format!("198.51.100.{n}")),
            };
            let placed = race([&app.instance, &other], 30, who).await;
            assert!((1..=most).contains(&placed), "{limit}: {placed}");
            // A guest who is refused in the race can still come, until the limit is reached.
            for n in placed..=most {
                let (email, address) = who(40 + n);
                let answer = checkout_from(&app, &address, &email, 40 + n).await;
                assert_eq!(answer.status == 201, n < most, "{limit} {n}: {answer:?}");
            }
        }
    }

    async fn mutation_without_allowances_exceeds_the_limit(engine) {
        let app = TestApp::start_with(engine, &[PROXY, (CLIENT, "5")]).await;
        app.without_audit("the mutation is meant to be found");
        mutate(&app, "holds", "INSERT", "DELETE FROM allowances WHERE hold_id = NEW.id").await;
        let other = app.another_instance().await;
        let who = |n: usize| (format!("guest-{n}@example.com"), "198.51.100.1".to_owned());
        assert_eq!(race([&app.instance, &other], 30, who).await, 30);
        assert!(app.audit().iter().any(|one| one.starts_with("an unpaid hold without its email allowance")));
    }

    async fn zero_turns_a_limit_off_and_counts_nothing(engine) {
        let limits = [(GUEST, "0"), (EMAIL, "0"), (CLIENT, "0"), (NETWORK, "0"), (COOLDOWN, "0s")];
        let app = TestApp::start_with(engine, &limits).await;
        app.without_audit("the auditor expects that holds are counted");
        for n in 0..12 {
            let_hold_lapse(&app, n).await;
            app.hold_slot("call", &slot(20 + n)).await;
        }
        assert_eq!(app.database.count("SELECT count(*) FROM allowances").await, 0);
        let on = app.another_instance_with(&[(GUEST, "0"), (EMAIL, "2")]).await;
        for n in 40..43 {
            assert_eq!(on.checkout(&call("ada@example.com", n)).await.status == 201, n < 42, "{n}");
        }
        assert_eq!(app.database.count("SELECT count(*) FROM allowances WHERE scope <> 'email'").await, 0);
    }

    async fn holds_above_a_lowered_limit_count(engine) {
        let app = TestApp::start_with(engine, &[(GUEST, "200")]).await;
        let mut holds = Vec::new();
        for n in 0..5 {
            holds.push(app.hold_slot("call", &slot(n)).await);
        }
        let lowered = app.another_instance_with(&[(GUEST, "3")]).await;
        for n in [0, 1, 2] {
            assert_refused(lowered.checkout(&call("ada@example.com", 10)).await);
            app.cancel(&holds[n]).await.expect(200);
        }
        lowered.checkout(&call("ada@example.com", 10)).await.expect(201);
        assert_refused(lowered.checkout(&call("ada@example.com", 11)).await);
    }
}

/// Adds a trigger that does this after each row that is written, as if the program did it.
async fn mutate(app: &TestApp, table: &str, event: &str, what: &str) {
    match app.database.engine() {
        Engine::Sqlite => {
            let trigger = format!("CREATE TRIGGER mutation AFTER {event} ON {table} BEGIN {what}; END");
            app.database.execute(&trigger).await;
        }
        Engine::Postgres => {
            let function = format!(
                "CREATE FUNCTION mutation() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {what}; RETURN NULL; END'"
            );
            app.database.execute(&function).await;
            let trigger = format!(
                "CREATE TRIGGER mutation AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION mutation()"
            );
            app.database.execute(&trigger).await;
        }
    }
}

/// On SQLite all writes are one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkouts_of_one_client_do_not_wait_for_each_other() {
    let app = TestApp::start_with(Engine::Postgres, &[(GUEST, "3"), (CLIENT, "10")]).await;
    let app = &app;
    let waiting = async |count: i64| {
        eventually("checkouts wait", async || {
            (app.database.count(COUNT_LOCK_WAITERS).await == count).then_some(())
        })
        .await;
    };
    let placing = Lock::on_placing(&app.database, "slow@example.com").await;
    let request = call("slow@example.com", 0);
    let slow = app.checkout(&request);
    let others = async {
        waiting(1).await;
        // The transaction of the first checkout is open, with one allowance of the client.
        for n in 1..10 {
            let hold = app.checkout(&call(&format!("guest-{n}@example.com"), n)).await;
            hold.expect(201);
        }
    };
    // Whether the last allowance is free depends on the first checkout, so that this one waits for it.
    let last = async {
        eventually("the other checkouts are placed", async || {
            (app.database.count("SELECT count(*) FROM holds").await == 9).then_some(())
        })
        .await;
        app.checkout(&call("last@example.com", 10)).await
    };
    let release = async {
        waiting(2).await;
        placing.release_lock().await;
    };
    let (slow, (), last, ()) = tokio::join!(slow, others, last, release);
    slow.expect(201);
    assert_refused(last);
}
