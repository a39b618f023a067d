//! Tests of the calls about refunds and disputes: what they send, what they return, and that a list is whole or fails.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use holdfast::doctor::{self, Verdict};
use holdfast::domain::ids::{CommandId, IntentId};
use holdfast::domain::ledger::snapshots::{DisputeStatus, RefundStatus};
use holdfast::gateway::client::StripeGateway;
use holdfast::gateway::{Gateway, GatewayError, LedgerGateway, ListFilter};
use holdfast::sandbox::{
    Mode, NewDispute, PaymentLinkVisit, PaymentOutcome, RefundOutcome, Simulator, SimulatorConfig,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::scripted_server::{Reply, ScriptedServer};
use super::{config, error_body, eur, gateway};
use crate::support::app::TestApp;
use crate::support::on_both_engines;

const COMMAND: CommandId = CommandId(Uuid::from_u128(9));

fn refund(id: &str, status: &str) -> Value {
    json!({"id": id, "amount": 5000, "currency": "eur", "created": 1, "status": status, "charge": "ch_1",
           "payment_intent": "pi_1", "metadata": {"holdfast_command": COMMAND.to_string()}})
}

fn page(data: &[Value], has_more: bool) -> Reply {
    Reply::ok(&json!({"object": "list", "data": data, "has_more": has_more}).to_string())
}

#[tokio::test]
async fn refund_carries_its_command_and_returns_what_stripe_made() {
    let failed = refund("re_1", "failed").to_string();
    let server = ScriptedServer::start([
        Reply::ok(&failed),
        Reply::status(400, &error_body("charge_already_refunded")),
    ])
    .await;
    let gateway = gateway(&server);
    let intent = IntentId::new("pi_1");
    let made = gateway
        .create_refund(&intent, eur(5000), COMMAND, "k")
        .await
        .unwrap();
    assert_eq!(
        (made.status, made.command, made.money),
        (RefundStatus::Failed, Some(COMMAND), eur(5000))
    );
    let request = &server.requests()[0];
    assert_eq!(request.header("idempotency-key"), Some("k"));
    let body: Vec<(String, String)> = url::form_urlencoded::parse(request.body.as_bytes())
        .into_owned()
        .collect();
    let command = COMMAND.to_string();
    let expected = [
        ("amount", "5000"),
        ("metadata[holdfast_command]", &command),
        ("payment_intent", "pi_1"),
    ];
    assert_eq!(
        body,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    // A refusal is the caller's to judge, and only the caller chooses another amount.
    let refused = gateway.create_refund(&intent, eur(5000), COMMAND, "k").await;
    assert!(matches!(refused, Err(GatewayError::Refused(_))), "{refused:?}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn list_of_a_payment_reads_all_pages() {
    let server = ScriptedServer::start([
        page(&[refund("re_3", "succeeded"), refund("re_2", "half_way")], true),
        page(&[refund("re_1", "failed")], false),
    ])
    .await;
    let refunds = gateway(&server)
        .list_refunds(&IntentId::new("pi_1"))
        .await
        .unwrap();
    let ids: Vec<&str> = refunds.iter().map(|refund| refund.id.as_str()).collect();
    assert_eq!(ids, ["re_3", "re_2", "re_1"]);
    assert_eq!(refunds[1].status.as_word(), "half_way");
    let lines: Vec<String> = server
        .requests()
        .into_iter()
        .map(|request| request.line)
        .collect();
    assert_eq!(
        lines,
        [
            "GET /v1/refunds?limit=100&payment_intent=pi_1 HTTP/1.1",
            "GET /v1/refunds?limit=100&payment_intent=pi_1&starting_after=re_2 HTTP/1.1"
        ]
    );
}

#[tokio::test]
async fn list_that_is_not_whole_fails() {
    let mut unreadable = refund("re_1", "succeeded");
    unreadable["amount"] = json!("5000");
    for reply in [
        page(&[unreadable], false),
        page(&[], true),
        Reply::ok(r#"{"object": "list", "data": []}"#),
    ] {
        let server = ScriptedServer::start([reply.clone()]).await;
        let listed = gateway(&server).list_refunds(&IntentId::new("pi_1")).await;
        assert!(
            matches!(listed, Err(GatewayError::Unavailable { .. })),
            "{listed:?}"
        );
    }
    let server = ScriptedServer::start([Reply::status(403, &error_body("permission"))]).await;
    let refused = gateway(&server).list_disputes(&IntentId::new("pi_1")).await;
    assert!(matches!(refused, Err(GatewayError::Refused(_))), "{refused:?}");
}

/// A simulator with one payment, and the client of the service on it.
struct PaidOnSimulator {
    simulator: Simulator,
    gateway: StripeGateway,
    intent: IntentId,
    _stop_on_drop: DropGuard,
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

impl PaidOnSimulator {
    async fn start() -> Self {
        let simulator = Simulator::new(SimulatorConfig {
            webhook_url: Some("http://127.0.0.1:9/webhooks/stripe".into()),
            webhook_secret: "whsec_tests".into(),
            mode: Mode::Explicit,
            now: Arc::new(start),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(simulator.clone().serve(listener, stop.clone()));
        let visit: PaymentLinkVisit =
            serde_json::from_value(json!({"amount": 50_000, "currency": "eur"})).unwrap();
        let session = simulator.visit_payment_link(visit);
        simulator.pay(&session.id, PaymentOutcome::Paid).unwrap();
        Self {
            intent: IntentId::new(&*simulator.intents()[0].id),
            simulator,
            gateway: StripeGateway::new(&config(&base)).unwrap(),
            _stop_on_drop: stop.drop_guard(),
        }
    }
}

#[tokio::test]
async fn refund_is_found_again_by_its_command_when_its_key_is_pruned() {
    let stripe = PaidOnSimulator::start().await;
    let (gateway, intent) = (&stripe.gateway, &stripe.intent);
    let pending = RefundOutcome::new(holdfast::sandbox::RefundStatus::Pending);
    stripe.simulator.set_refund_outcome(pending);
    let made = gateway
        .create_refund(intent, eur(100), COMMAND, "k")
        .await
        .unwrap();
    assert_eq!(made.status, RefundStatus::Pending);
    stripe.simulator.prune_idempotency_keys();
    stripe
        .simulator
        .refund_from_dashboard(intent.as_str(), Some(100))
        .unwrap();
    let listed = gateway.list_refunds(intent).await.unwrap();
    let found: Vec<_> = listed
        .iter()
        .filter(|refund| refund.command == Some(COMMAND))
        .collect();
    assert_eq!((listed.len(), found), (2, vec![&made]));
    let failed = RefundOutcome {
        status: holdfast::sandbox::RefundStatus::Failed,
        failure_reason: Some("insufficient_funds".into()),
    };
    stripe.simulator.change_refund(made.id.as_str(), &failed).unwrap();
    let listed = gateway.list_refunds(intent).await.unwrap();
    let read = listed.into_iter().find(|refund| refund.id == made.id).unwrap();
    assert!(read > made, "the newer snapshot overrules the older one");
    assert_eq!(read.failure_reason.unwrap().as_str(), "insufficient_funds");
}

#[tokio::test]
async fn more_refunds_and_disputes_than_a_page_are_all_listed() {
    let stripe = PaidOnSimulator::start().await;
    for _ in 0..205 {
        stripe
            .simulator
            .refund_from_dashboard(stripe.intent.as_str(), Some(1))
            .unwrap();
    }
    let refunds = stripe.gateway.list_refunds(&stripe.intent).await.unwrap();
    assert_eq!((refunds.len(), stripe.simulator.calls().refund_list), (205, 3));
    let dispute = NewDispute {
        amount: Some(300),
        ..NewDispute::default()
    };
    let id = stripe
        .simulator
        .open_dispute(stripe.intent.as_str(), dispute)
        .unwrap();
    let disputes = stripe.gateway.list_disputes(&stripe.intent).await.unwrap();
    assert_eq!(disputes.len(), 1);
    assert_eq!(
        (disputes[0].id.as_str(), disputes[0].money, &disputes[0].status),
        (&*id, eur(300), &DisputeStatus::NeedsResponse)
    );
    assert!(disputes[0].due_by.unwrap() > start());
    let range = |from, to| ListFilter::Created {
        from: start() + Duration::seconds(from),
        to: start() + Duration::seconds(to),
    };
    let first = stripe.gateway.list_refund_page(&range(0, 0), None).await.unwrap();
    assert_eq!((first.items.len(), first.has_more), (100, true));
    let earlier = stripe
        .gateway
        .list_refund_page(&range(-9, -1), None)
        .await
        .unwrap();
    assert_eq!((earlier.items.len(), earlier.has_more), (0, false));
    let disputes = stripe
        .gateway
        .list_dispute_page(&range(0, 9), None)
        .await
        .unwrap();
    assert_eq!(disputes.items.len(), 1);
}

#[tokio::test]
async fn webhook_endpoint_is_listed_with_its_events() {
    let stripe = PaidOnSimulator::start().await;
    let endpoints = stripe.gateway.list_webhook_endpoints().await.unwrap();
    assert_eq!(endpoints.len(), 1);
    assert_eq!(endpoints[0].url, "http://127.0.0.1:9/webhooks/stripe");
    assert_eq!(
        (endpoints[0].is_enabled, &*endpoints[0].enabled_events),
        (true, &["*".to_owned()][..])
    );
}

on_both_engines! {
    async fn permission_that_the_key_lacks_is_named_by_doctor(engine) {
        let app = TestApp::start(engine).await;
        let balance = Reply::ok(r#"{"object": "balance", "livemode": false}"#);
        let server = ScriptedServer::start([balance, Reply::status(403, &error_body("permission"))]).await;
        let config = app.config_with(&[("STRIPE_API_BASE", &server.base())]);
        let checks = doctor::examine(&config, config.stripe.as_ref().unwrap(), app.clock.clone()).await;
        let check = checks.iter().find(|check| check.check == "stripe permissions").unwrap();
        assert_eq!(check.verdict, Verdict::Warning);
        assert_eq!(check.found, "the key may not read Refunds, Disputes, Webhook Endpoints");
    }
}
