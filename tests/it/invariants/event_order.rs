//! Tests that the events of one checkout end in one state in every order, each event delivered twice (S17): for each
//! scenario of a checkout, with a late payment and its refund.

use futures::StreamExt;
use holdfast::domain::time::Clock;
use holdfast::sandbox::{PaymentOutcome, QueuedEvent};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp, order_by};
use crate::support::catalogue_fixtures::put_event_type;
use crate::support::on_both_engines;

/// What happens after the guest's actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    ByItself,
    Expired,
    /// An operator refunds the payment in Stripe's dashboard.
    Refunded,
    /// Stripe takes money through the expired session before the service learns that it expired.
    ExpiredAndPaid,
    /// The guest releases the hold, and Stripe takes the money all the same; the slot is free.
    LateAndFree,
    /// The hold is released, and the guest pays its session with a discount; the slot is free.
    LateAndDiscounted,
    /// The guest releases the hold and pays late, and another guest has the slot. The refund that follows is one of the events.
    LateAndTaken,
    /// An operator releases the hold while its delayed payment is in progress, which succeeds then. The refund that follows is one
    /// of the events.
    ReleasedAndPaid,
    /// The same, but the payment fails.
    ReleasedAndFailed,
}

impl End {
    fn has_refund(self) -> bool {
        matches!(self, Self::LateAndTaken | Self::ReleasedAndPaid)
    }
}

/// One run of a scenario: its hold, and the events to be delivered in some order.
struct Run {
    hold: ApiResponse,
    events: Vec<QueuedEvent>,
    intent: Option<String>,
}

/// Returns the events since then that differ in what they say: of a refund only `charge.refunded`, so that all orders can be
/// tried. `refunds_and_disputes` has the other types.
fn events_since(app: &TestApp, since: usize) -> Vec<QueuedEvent> {
    let is_tried = |event: &QueuedEvent| {
        !matches!(
            event.event_type.as_str(),
            "charge.succeeded" | "refund.created" | "refund.updated" | "charge.refund.updated"
        )
    };
    let events = app.simulator.events().into_iter();
    events.skip(since).filter(is_tried).collect()
}

async fn run_scenario(
    app: &TestApp,
    event_type: &str,
    starts_at: &str,
    actions: &[PaymentOutcome],
    end: End,
) -> Run {
    let stripe = &app.simulator;
    let hold = app.hold_slot(event_type, starts_at).await;
    let mut since = stripe.events().len();
    actions.iter().for_each(|action| app.pay(&hold, *action));
    let session = hold.text("checkout_session");
    let intent = || stripe.session(session).unwrap().payment_intent;
    match end {
        End::ByItself => {}
        End::Expired => stripe.expire(session).unwrap(),
        End::Refunded => stripe.refund_from_dashboard(&intent().unwrap(), None).unwrap(),
        End::ExpiredAndPaid => {
            stripe.expire(session).unwrap();
            stripe.pay_late(session).unwrap();
        }
        End::LateAndDiscounted => {
            app.expire_by_false_event(&hold).await;
            stripe.apply_promotion_code(session, "OFF50").unwrap();
            app.pay(&hold, PaymentOutcome::Paid);
        }
        End::LateAndFree | End::LateAndTaken => {
            app.cancel(&hold).await.expect(200);
            if end == End::LateAndTaken {
                let other = order_by("bob@example.com", event_type, starts_at);
                app.checkout(&other).await.expect(201);
            }
            stripe.pay_late(session).unwrap();
        }
        End::ReleasedAndPaid | End::ReleasedAndFailed => {
            // What the session says. That its intent was made and waits says no more, and would make many orders.
            since = stripe.events().len() - 1;
            release_and_finish(app, &hold, end == End::ReleasedAndPaid).await;
        }
    }
    Run {
        events: events_since(app, since),
        intent: intent(),
        hold,
    }
}

/// Releases a hold for an operator, who has learnt from Stripe that its payment is in progress. Then the payment ends.
async fn release_and_finish(app: &TestApp, hold: &ApiResponse, is_paid: bool) {
    for (act, status) in [("refresh", "processing"), ("release", "released")] {
        let path = format!("/v1/admin/holds/{}/{act}", hold.text("id"));
        let answer = app.admin(Method::POST, &path, None).await.expect(200);
        assert_eq!(answer.text("status"), status);
    }
    let outcome = match is_paid {
        true => PaymentOutcome::ProcessingSucceeded,
        false => PaymentOutcome::ProcessingFailed,
    };
    app.pay(hold, outcome);
}

impl Run {
    /// Returns all orders in which the events can be delivered. The last item of the list is a refund that the
    /// service itself orders, so it cannot come before the payment's event.
    fn orders(&self, end: End) -> Vec<Vec<usize>> {
        if !end.has_refund() {
            return permutations(self.events.len());
        }
        let is_money = |event: &QueuedEvent| event.event_type == "payment_intent.succeeded";
        let money = self.events.iter().position(is_money).unwrap();
        let refund = self.events.len();
        let place = |order: &[usize], n| order.iter().position(|one| *one == n);
        let mut orders = permutations(refund + 1);
        orders.retain(|order| place(order, money) < place(order, refund));
        orders
    }

    /// Delivers one item: an event, or the refund, which is made first. Returns its type.
    async fn deliver_item(&self, app: &TestApp, n: usize) -> String {
        if let Some(event) = self.events.get(n) {
            deliver_event(app, event).await;
            return event.event_type.clone();
        }
        app.sweep().await;
        let intent = self.intent.as_ref().unwrap();
        let mut events = app.simulator.events();
        events.retain(|event| event.event_type == "charge.refunded" && event.payload.contains(intent));
        assert_eq!(events.len(), 1, "one refund");
        deliver_event(app, &events[0]).await;
        events[0].event_type.clone()
    }
}

async fn deliver_event(app: &TestApp, event: &QueuedEvent) {
    let delivery = app.simulator.deliver(&event.id).await.unwrap();
    assert!(delivery.accepted(), "{delivery:?}");
}

/// Runs the scenario once for each order of its events, each event delivered twice; returns the number of orders.
async fn run_every_order(
    app: &TestApp,
    event_type: &str,
    (actions, end): (&[PaymentOutcome], End),
    (state, payments): (&str, &Value),
) -> usize {
    let mut runs: Vec<Run> = Vec::new();
    let mut orders = vec![Vec::new()];
    while runs.len() < orders.len() {
        let day = 1 + i64::try_from(runs.len()).unwrap();
        let starts_at = (app.clock.now() + chrono::Duration::days(day)).format("%Y-%m-%dT%H:00:00Z");
        let run = run_scenario(app, event_type, &starts_at.to_string(), actions, end).await;
        if runs.is_empty() {
            orders = run.orders(end);
        }
        runs.push(run);
    }
    let total = runs.len();
    let deliver_item = |(run, order): (Run, Vec<usize>)| async move {
        let mut names = Vec::new();
        for n in order.iter().chain(order.iter().rev()) {
            names.push(run.deliver_item(app, *n).await);
        }
        assert_eq!(app.state_of(&run.hold).await, state, "{names:?}");
        let shown = app.admin_hold(run.hold.text("id")).await;
        let mut found = shown["payments"].clone();
        for payment in found.as_array_mut().unwrap() {
            payment.as_object_mut().unwrap().remove("intent");
        }
        assert_eq!(
            (&found, &shown["price_mismatch"]),
            (payments, &json!(false)),
            "{names:?}"
        );
    };
    let all = futures::stream::iter(runs.into_iter().zip(orders))
        .map(deliver_item)
        .buffer_unordered(8);
    all.collect::<Vec<()>>().await;
    total
}

/// Returns all orders of `0..n`.
fn permutations(n: usize) -> Vec<Vec<usize>> {
    let Some(last) = n.checked_sub(1) else {
        return vec![Vec::new()];
    };
    let insert = |order: Vec<usize>| {
        (0..=last).map(move |place| {
            let mut longer = order.clone();
            longer.insert(place, last);
            longer
        })
    };
    permutations(last).into_iter().flat_map(insert).collect()
}

on_both_engines! {
    async fn any_event_order_ends_in_one_state(engine) {
        use PaymentOutcome::{Declined, Paid, Processing, ProcessingFailed, ProcessingSucceeded};
        let app = TestApp::start(engine).await;
        let none = json!([]);
        let paid = json!([{"amount": 5000, "refunded": 0, "currency": "eur", "status": "succeeded", "state": "paid"}]);
        let back = json!([{"amount": 5000, "refunded": 5000, "currency": "eur", "status": "succeeded", "state": "refunded"}]);
        let half = json!([{"amount": 2500, "refunded": 0, "currency": "eur", "status": "succeeded", "state": "paid"}]);
        let scenarios: [(&[PaymentOutcome], End, &str, &Value); 13] = [
            (&[Paid], End::ByItself, "confirmed", &paid),
            (&[Declined, Paid], End::ByItself, "confirmed", &paid),
            (&[Processing, ProcessingSucceeded], End::ByItself, "confirmed", &paid),
            (&[Processing, ProcessingFailed], End::ByItself, "released/payment_failed", &none),
            (&[], End::Expired, "released/expired", &none),
            (&[Declined], End::Expired, "released/expired", &none),
            (&[Paid], End::Refunded, "cancelled/refunded", &back),
            (&[], End::ExpiredAndPaid, "confirmed", &paid),
            (&[], End::LateAndFree, "confirmed", &paid),
            (&[], End::LateAndDiscounted, "confirmed", &half),
            (&[], End::LateAndTaken, "released/late_payment_refunded", &back),
            (&[Processing], End::ReleasedAndPaid, "released/late_payment_refunded", &back),
            (&[Processing], End::ReleasedAndFailed, "released/operator", &none),
        ];
        for (number, (actions, end, state, payments)) in scenarios.into_iter().enumerate() {
            let ana = format!("ana-{number}");
            let call = json!({"resource": ana, "duration_minutes": 30, "checkout": {"promotion_codes": true}});
            put_event_type(&app, &ana, call).await.expect(201);
            let count = run_every_order(&app, &ana, (actions, end), (state, payments)).await;
            eprintln!("{engine:?}: {actions:?} {end:?}: {count} orders end {state}");
        }
    }
}
