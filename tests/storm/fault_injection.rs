//! Injects faults while the guests are active: at Stripe, on the network, in the database, and into the processes.
//!
//! Each episode draws a fault profile first, so that some have few faults and some have all. The pauses are the pace
//! of the storm: no code waits for a state with them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use holdfast::sandbox::{
    ApiFault, Endpoint, FaultKind, Faults, PaymentOutcome, SessionStatus, Simulator, WebhookFaults,
};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use reqwest::Method;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::money;
use crate::mutation::Mutation;
use crate::processes::{Processes, random_clock_offset};
use crate::shop::{SlotRequest, random_class, random_start};
use crate::support::client::ADMIN_KEY;
use crate::support::database::{Engine, TestDatabase};
use crate::support::database_lock::Lock;
use crate::support::proxy::Proxy;
use crate::wrong_account::sweep_if_sold;

/// The number of events that are repeated at a time.
const LAST_EVENTS: usize = 8;

/// Sleeps for a random time of at most so many milliseconds.
pub(crate) async fn pause(rng: &mut StdRng, most_ms: u64) {
    tokio::time::sleep(Duration::from_millis(rng.random_range(0..=most_ms))).await;
}

/// The kinds of faults that an episode has.
#[derive(Clone, Copy)]
pub(crate) struct FaultProfile {
    stripe: bool,
    webhooks: bool,
    database: bool,
    processes: bool,
    /// Whether Stripe stores a 500 under its idempotency key and repeats it for a day; only then can the sweep finish.
    pub(crate) keeps_errors: bool,
}

impl FaultProfile {
    pub(crate) fn random(rng: &mut StdRng) -> Self {
        Self {
            stripe: rng.random_bool(0.8),
            webhooks: rng.random_bool(0.8),
            database: rng.random_bool(0.7),
            processes: rng.random_bool(0.7),
            keeps_errors: rng.random_bool(0.2),
        }
    }
}

/// The parts of an episode that can fail.
pub(crate) struct FaultInjector {
    pub(crate) processes: Arc<Processes>,
    pub(crate) simulator: Simulator,
    pub(crate) database: Arc<TestDatabase>,
    /// The proxy before the PostgreSQL server.
    pub(crate) proxy: Option<Arc<Proxy>>,
    pub(crate) rng: StdRng,
    pub(crate) profile: FaultProfile,
    pub(crate) mutation: Mutation,
    /// The URL of another Stripe account, whose key somebody uses by mistake.
    pub(crate) wrong_account: String,
    /// Sends what all waiting guests request at once.
    pub(crate) rush: watch::Sender<Option<SlotRequest>>,
    /// The first start that is for sale.
    pub(crate) first_start: DateTime<Utc>,
    /// What went wrong with the processes.
    pub(crate) findings: Vec<String>,
}

impl FaultInjector {
    /// Injects faults until the shop closes, and repairs each of them.
    pub(crate) async fn run_until_closed(mut self, shop_closes: CancellationToken) -> Self {
        self.inject_stripe_faults();
        while !shop_closes.is_cancelled() {
            pause(&mut self.rng, 100).await;
            self.mutation
                .run_once(&self.database, self.processes.max_clock_offset())
                .await;
            match self.rng.random_range(0..25) {
                0..2 => self.inject_stripe_faults(),
                2..5 if self.profile.database => self.inject_database_fault().await,
                5..8 if self.profile.processes => self.restart_process().await,
                8..10 => self.redirect_webhooks(),
                10 => self.sweep_as_operator().await,
                11 => self.refund_from_dashboard(),
                12 => self.pay_late(),
                13 => self.repeat_last_events(),
                14..17 => self.start_race_for_one_slot().await,
                17..19 => self.sweep_with_wrong_key().await,
                19..21 => self.cancel_as_operator().await,
                21..23 => money::move_money(&self.simulator, &mut self.rng),
                23 => money::decide_next_refunds(&self.simulator, &mut self.rng),
                _ => self.decide_slow_payment(),
            }
        }
        self
    }

    fn inject_stripe_faults(&mut self) {
        let rng = &mut self.rng;
        let mut faults = Faults {
            seed: Some(rng.random()),
            ..Faults::default()
        };
        if self.profile.stripe {
            faults.jitter_ms = rng.random_range(0..80);
            faults.hang_ms = rng.random_range(50..600);
            faults.api = random_api_faults(rng, self.profile.keeps_errors);
        }
        if self.profile.webhooks {
            faults.webhooks = random_webhook_faults(rng);
        }
        self.simulator.set_faults(faults);
    }

    async fn inject_database_fault(&mut self) {
        match &self.proxy {
            Some(proxy) => {
                match self.rng.random_range(0..3) {
                    0 => proxy.cut(),
                    1 => proxy.drop_responses(),
                    _ => proxy.stall(),
                }
                pause(&mut self.rng, 250).await;
                proxy.restore_traffic();
            }
            None if self.database.engine() == Engine::Sqlite => {
                let busy = Lock::on_hold(&self.database, "any").await;
                pause(&mut self.rng, 250).await;
                busy.release_lock().await;
            }
            None => {}
        }
    }

    async fn restart_process(&mut self) {
        let index = self.rng.random_range(0..self.processes.size());
        if self.rng.random_bool(0.7) {
            self.processes.kill(index).await;
        } else {
            self.findings.extend(self.processes.stop(index).await);
        }
        pause(&mut self.rng, 150).await;
        let ahead = random_clock_offset(&mut self.rng);
        self.processes.start(index, ahead).await;
    }

    /// Lets all waiting guests request one start at once. A lock that every placement needs last collects them
    /// before it, so that they continue together. In half of the races all request places in the same class: only
    /// then do several meet at each of its units.
    async fn start_race_for_one_slot(&mut self) {
        let request = SlotRequest {
            start: random_start(self.first_start, &mut self.rng),
            offer: self.rng.random_bool(0.5).then(|| random_class(&mut self.rng)),
            quantity: None,
        };
        let busy = Lock::on_placing(&self.database, "%").await;
        self.rush.send_replace(Some(request));
        // The guests need this long to get their sessions.
        tokio::time::sleep(Duration::from_millis(200)).await;
        pause(&mut self.rng, 200).await;
        busy.release_lock().await;
    }

    fn redirect_webhooks(&mut self) {
        let process = self
            .processes
            .address(self.rng.random_range(0..self.processes.size()));
        self.simulator
            .set_webhook_url(format!("http://{}/webhooks/stripe", process.address));
    }

    async fn sweep_as_operator(&mut self) {
        let client = self
            .processes
            .client(self.rng.random_range(0..self.processes.size()));
        let request = client
            .request(Method::POST, "/v1/admin/sweep")
            .bearer_auth(ADMIN_KEY);
        // The process may be dead, or the sweep may take longer than the timeout.
        let _ = client.try_send(request.timeout(Duration::from_secs(1))).await;
    }

    /// Sweeps once with the key of another account.
    async fn sweep_with_wrong_key(&mut self) {
        let ahead = random_clock_offset(&mut self.rng);
        sweep_if_sold(&self.database, &self.processes, &self.wrong_account, ahead).await;
    }

    /// Cancels a booking, and refunds all, nothing or a part of it.
    async fn cancel_as_operator(&mut self) {
        let bookings = "SELECT CAST(id AS text) FROM holds WHERE status = 'confirmed'";
        let bookings = self.database.texts(bookings).await;
        let Some(hold) = bookings.choose(&mut self.rng) else {
            return;
        };
        let refunds = [json!("full"), json!("none"), json!(1_000)];
        let order = json!({ "refund": refunds.choose(&mut self.rng) });
        let client = self
            .processes
            .client(self.rng.random_range(0..self.processes.size()));
        let request = client
            .request(Method::POST, &format!("/v1/admin/holds/{hold}/cancel"))
            .bearer_auth(ADMIN_KEY)
            .json(&order);
        // The process may be dead, or the guest may have cancelled it meanwhile.
        let _ = client.try_send(request.timeout(Duration::from_secs(1))).await;
    }

    /// Refunds all or a part of a payment from the dashboard.
    fn refund_from_dashboard(&mut self) {
        let paid: Vec<_> = self.simulator.intents();
        let paid: Vec<_> = paid.iter().filter(|intent| intent.amount_received > 0).collect();
        if let Some(intent) = paid.choose(&mut self.rng) {
            let amount = self.rng.random_bool(0.3).then_some(1_000);
            // The payment may already be refunded.
            let _ = self.simulator.refund_from_dashboard(&intent.id, amount);
        }
    }

    /// Pays through an expired session, against the promise of Stripe.
    fn pay_late(&mut self) {
        let sessions = self.simulator.sessions();
        let over: Vec<_> = sessions
            .iter()
            .filter(|session| session.status == SessionStatus::Expired)
            .collect();
        if let Some(session) = over.choose(&mut self.rng) {
            // A session accepts only one late payment.
            let _ = self.simulator.pay_late(&session.id);
        }
    }

    /// Delivers the last events once more, all at once, accepted before or not.
    fn repeat_last_events(&mut self) {
        for event in self.simulator.events().into_iter().rev().take(LAST_EVENTS) {
            let simulator = self.simulator.clone();
            tokio::spawn(async move { simulator.deliver(&event.id).await });
        }
    }

    /// Lets one slow payment succeed or fail.
    fn decide_slow_payment(&mut self) {
        let sessions = self.simulator.sessions();
        if let Some(session) = sessions.choose(&mut self.rng) {
            let succeeds = self.rng.random_bool(0.6);
            decide_payment(&self.simulator, &session.id, session.status, succeeds);
        }
    }
}

/// Lets the slow payment of a session succeed or fail, if it has one.
pub(crate) fn decide_payment(simulator: &Simulator, session: &str, status: SessionStatus, succeeds: bool) {
    if status == SessionStatus::Complete {
        let outcome = if succeeds {
            PaymentOutcome::ProcessingSucceeded
        } else {
            PaymentOutcome::ProcessingFailed
        };
        // Most sessions were paid at once, or are already decided: the simulator refuses those.
        let _ = simulator.pay(session, outcome);
    }
}

fn random_api_faults(rng: &mut StdRng, keeps_errors: bool) -> Vec<ApiFault> {
    let kinds = [
        FaultKind::RateLimited,
        FaultKind::LockTimeout,
        FaultKind::ServerError,
        FaultKind::BadGateway,
        FaultKind::Cut,
        FaultKind::LostAnswer,
        FaultKind::Hang,
        FaultKind::ServerErrorKept,
    ];
    let kinds = &kinds[..kinds.len() - usize::from(!keeps_errors)];
    let endpoints = [
        None,
        Some(Endpoint::CreateSession),
        Some(Endpoint::ExpireSession),
        Some(Endpoint::RetrieveSession),
        Some(Endpoint::CreateRefund),
    ];
    let mut faults = Vec::new();
    for _ in 0..rng.random_range(0..=3) {
        faults.push(ApiFault {
            endpoint: endpoints[rng.random_range(0..endpoints.len())],
            probability: rng.random_range(0.0..0.2),
            ..ApiFault::new(kinds[rng.random_range(0..kinds.len())])
        });
    }
    faults
}

fn random_webhook_faults(rng: &mut StdRng) -> WebhookFaults {
    let mut random_fault = || holdfast::sandbox::FaultRate {
        next: 0,
        probability: rng.random_range(0.0..0.4),
    };
    WebhookFaults {
        doubled: random_fault(),
        dropped: random_fault(),
        shuffled: random_fault(),
        delayed: random_fault(),
        delayed_ms: 400,
    }
}
