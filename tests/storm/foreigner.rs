//! A foreigner: buyers of other products, and another installation, on the same Stripe account. They write our ids
//! wherever they can.
//!
//! None of it may have an effect. The auditor reports a foreign payment that is in the ledger or is being refunded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use holdfast::clock::SystemClock;
use holdfast::domain::time::Clock;
use holdfast::sandbox::{PaymentLinkVisit, PaymentOutcome, Simulator, signature_header};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::fault_injection::pause;
use crate::observations::Observations;
use crate::processes::{Processes, WEBHOOK_SECRET};
use crate::support::database::TestDatabase;

/// The interval at which the mutation looks for new events.
const SEND_INTERVAL: Duration = Duration::from_millis(20);

/// The foreigner of an episode, with its own random numbers.
pub(crate) struct Foreigner {
    pub(crate) simulator: Simulator,
    pub(crate) observations: Arc<Observations>,
    pub(crate) rng: StdRng,
    pub(crate) shop_closes: CancellationToken,
}

impl Foreigner {
    /// Makes one purchase after the other until the shop closes.
    pub(crate) async fn run(mut self) {
        while !self.shop_closes.is_cancelled() {
            pause(&mut self.rng, 120).await;
            if let Some(hold) = self.observations.hold_ids().choose(&mut self.rng) {
                self.purchase(hold.clone());
            }
        }
    }

    /// Opens a session that names the hold, and completes or expires it.
    fn purchase(&mut self, hold: String) {
        let marked = BTreeMap::from([("holdfast_hold".to_owned(), hold.clone())]);
        let metadata = match self.rng.random_range(0..3) {
            0 => BTreeMap::new(),
            1 => marked,
            _ => {
                let another = ("holdfast_installation".to_owned(), "another".to_owned());
                marked.into_iter().chain([another]).collect()
            }
        };
        let prices = [100, 2_500, 5_000, 50_000];
        let session = self.simulator.visit_payment_link(PaymentLinkVisit {
            amount: prices[self.rng.random_range(0..prices.len())],
            currency: "eur".to_owned(),
            client_reference_id: Some(hold),
            intent_metadata: metadata.clone(),
            metadata,
        });
        let outcome = match self.rng.random_range(0..10) {
            0..6 => PaymentOutcome::Paid,
            6 => PaymentOutcome::ProcessingFailed,
            7 => PaymentOutcome::ProcessingSucceeded,
            _ => return self.simulator.expire(&session.id).unwrap(),
        };
        self.simulator.pay(&session.id, outcome).unwrap();
        let paid = self
            .simulator
            .session(&session.id)
            .and_then(|session| session.payment_intent);
        if let Some(intent) = paid
            && self.rng.random_bool(0.3)
        {
            // The payment may have failed.
            let _ = self.simulator.dispute(&intent);
        }
    }
}

/// The bug that a `client_reference_id` makes a session ours: each event of a foreign session gets the metadata that
/// our own session would have, so that the tested program treats it as its own.
pub(crate) struct ReferenceBeliever {
    pub(crate) database: Arc<TestDatabase>,
    pub(crate) simulator: Simulator,
    pub(crate) processes: Arc<Processes>,
}

impl ReferenceBeliever {
    /// Sends the events of foreign sessions as they come.
    pub(crate) async fn run(&self) {
        let mut sent = 0;
        loop {
            self.send_new_events(&mut sent).await;
            tokio::time::sleep(SEND_INTERVAL).await;
        }
    }

    async fn send_new_events(&self, sent: &mut usize) {
        let installation = self.database.texts("SELECT id FROM installation").await.remove(0);
        for event in self.simulator.events().into_iter().skip(*sent) {
            *sent += 1;
            let Some(body) = with_our_metadata(event.json(), &installation) else {
                continue;
            };
            let process = self.processes.address(0);
            let at = SystemClock.now().timestamp() + process.ahead;
            let signature = signature_header(WEBHOOK_SECRET, at, &body);
            let url = format!("http://{}/webhooks/stripe", process.address);
            let request = reqwest::Client::builder().no_proxy().build().unwrap().post(url);
            let request = request
                .header("content-type", "application/json")
                .header("Stripe-Signature", signature);
            // The process may be dead, and the injected faults apply to it as well.
            let _ = request.body(body).send().await;
        }
    }
}

/// Returns the body of a foreign session's event as if its reference were our metadata; `None` for other events.
fn with_our_metadata(mut event: Value, installation: &str) -> Option<String> {
    let object = &mut event["data"]["object"];
    let reference = object["client_reference_id"].as_str()?.to_owned();
    if object["metadata"]["holdfast_installation"] == installation {
        return None;
    }
    object["metadata"]["holdfast_hold"] = reference.into();
    object["metadata"]["holdfast_installation"] = installation.into();
    let id = format!("{}_believed", event["id"].as_str()?);
    event["id"] = id.into();
    Some(event.to_string())
}
