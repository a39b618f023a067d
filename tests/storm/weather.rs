//! What befalls an episode while its guests are busy: at Stripe, on the wire, in the database, to the processes.
//!
//! Each episode has a climate of its own, drawn first, so that some are mild and some have everything at once. Pauses are
//! the one thing here that takes time by the clock: they are the storm's own pace, nothing waits for a state with them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use holdfast::sandbox::{
    ApiFault, Endpoint, FaultKind, Faults, Outcome, SessionStatus, Simulator, WebhookFaults,
};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use reqwest::Method;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::fleet::{Fleet, some_clock};
use crate::plant::Plant;
use crate::shop::some_start;
use crate::support::client::ADMIN_KEY;
use crate::support::database::{Engine, TestDatabase};
use crate::support::database_lock::Lock;
use crate::support::proxy::Proxy;

/// So many events are repeated at a time.
const LAST_EVENTS: usize = 8;

/// Some time goes by.
pub(crate) async fn pause(chance: &mut StdRng, most_ms: u64) {
    tokio::time::sleep(Duration::from_millis(chance.random_range(0..=most_ms))).await;
}

/// How rough an episode is.
#[derive(Clone, Copy)]
pub(crate) struct Climate {
    stripe: bool,
    webhooks: bool,
    database: bool,
    processes: bool,
    /// Stripe keeps a 500 under its idempotency key and says it again for a day, so that only then all can be mended.
    pub(crate) keeps_errors: bool,
}

impl Climate {
    pub(crate) fn by(chance: &mut StdRng) -> Self {
        Self {
            stripe: chance.random_bool(0.8),
            webhooks: chance.random_bool(0.8),
            database: chance.random_bool(0.7),
            processes: chance.random_bool(0.7),
            keeps_errors: chance.random_bool(0.2),
        }
    }
}

/// All that the weather plays with.
pub(crate) struct Weather {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) simulator: Simulator,
    pub(crate) database: Arc<TestDatabase>,
    /// Before PostgreSQL.
    pub(crate) proxy: Option<Arc<Proxy>>,
    pub(crate) chance: StdRng,
    pub(crate) climate: Climate,
    pub(crate) plant: Plant,
    /// Gives a sign to all who wait for it: the start that everybody wants now.
    pub(crate) rush: watch::Sender<Option<DateTime<Utc>>>,
    /// The first start for sale.
    pub(crate) first_start: DateTime<Utc>,
    /// What should not have happened.
    pub(crate) faults: Vec<String>,
}

impl Weather {
    /// Until the shop closes; what the weather broke is whole again then.
    pub(crate) async fn rages(mut self, shop_closes: CancellationToken) -> Self {
        self.trouble_at_stripe();
        while !shop_closes.is_cancelled() {
            pause(&mut self.chance, 100).await;
            self.plant
                .strikes(&self.database, self.fleet.furthest_ahead())
                .await;
            match self.chance.random_range(0..20) {
                0..2 => self.trouble_at_stripe(),
                2..5 if self.climate.database => self.trouble_in_the_database().await,
                5..8 if self.climate.processes => self.trouble_with_a_process().await,
                8..10 => self.webhooks_go_elsewhere(),
                10 => self.operator_sweeps().await,
                11 => self.money_goes_back(),
                12 => self.money_comes_late(),
                13 => self.stripe_repeats_itself(),
                14..17 => self.everybody_wants_one_slot().await,
                _ => self.banks_decide(),
            }
        }
        self
    }

    fn trouble_at_stripe(&mut self) {
        let chance = &mut self.chance;
        let mut faults = Faults {
            seed: Some(chance.random()),
            ..Faults::default()
        };
        if self.climate.stripe {
            faults.jitter_ms = chance.random_range(0..80);
            faults.hang_ms = chance.random_range(50..600);
            faults.api = some_api_faults(chance, self.climate.keeps_errors);
        }
        if self.climate.webhooks {
            faults.webhooks = some_webhook_faults(chance);
        }
        self.simulator.set_faults(faults);
    }

    async fn trouble_in_the_database(&mut self) {
        match &self.proxy {
            Some(proxy) => {
                match self.chance.random_range(0..3) {
                    0 => proxy.cut(),
                    1 => proxy.lose_answers(),
                    _ => proxy.stall(),
                }
                pause(&mut self.chance, 250).await;
                proxy.mend();
            }
            None if self.database.engine() == Engine::Sqlite => {
                let busy = Lock::on_hold(&self.database, "any").await;
                pause(&mut self.chance, 250).await;
                busy.let_go().await;
            }
            None => {}
        }
    }

    async fn trouble_with_a_process(&mut self) {
        let berth = self.chance.random_range(0..self.fleet.size());
        if self.chance.random_bool(0.7) {
            self.fleet.kill(berth).await;
        } else {
            self.faults.extend(self.fleet.stop(berth).await);
        }
        pause(&mut self.chance, 150).await;
        let ahead = some_clock(&mut self.chance);
        self.fleet.start(berth, ahead).await;
    }

    /// All at once. Where somebody has what every placing comes to in the end, they stand side by side in front of it, each
    /// with the windows that it could take.
    async fn everybody_wants_one_slot(&mut self) {
        let start = some_start(self.first_start, &mut self.chance);
        let busy = Lock::on_clients(&self.database).await;
        self.rush.send_replace(Some(start));
        // So long it takes them to get their sessions.
        tokio::time::sleep(Duration::from_millis(200)).await;
        pause(&mut self.chance, 200).await;
        busy.let_go().await;
    }

    fn webhooks_go_elsewhere(&mut self) {
        let door = self.fleet.door(self.chance.random_range(0..self.fleet.size()));
        self.simulator
            .set_webhook_url(format!("http://{}/webhooks/stripe", door.address));
    }

    async fn operator_sweeps(&mut self) {
        let client = self.fleet.client(self.chance.random_range(0..self.fleet.size()));
        let request = client
            .request(Method::POST, "/v1/admin/sweep")
            .bearer_auth(ADMIN_KEY);
        // Nobody may be there, or it may take longer than this operator waits.
        let _ = client.try_send(request.timeout(Duration::from_secs(1))).await;
    }

    /// From the dashboard, all or a part.
    fn money_goes_back(&mut self) {
        let paid: Vec<_> = self.simulator.intents();
        let paid: Vec<_> = paid.iter().filter(|intent| intent.amount_received > 0).collect();
        if let Some(intent) = paid.choose(&mut self.chance) {
            let amount = self.chance.random_bool(0.3).then_some(1_000);
            // It may be back already.
            let _ = self.simulator.refund_from_dashboard(&intent.id, amount);
        }
    }

    /// Against Stripe's promise, through a session that is over.
    fn money_comes_late(&mut self) {
        let sessions = self.simulator.sessions();
        let over: Vec<_> = sessions
            .iter()
            .filter(|session| session.status == SessionStatus::Expired)
            .collect();
        if let Some(session) = over.choose(&mut self.chance) {
            // Once is late enough.
            let _ = self.simulator.pay_late(&session.id);
        }
    }

    /// The last events once more, whether they were taken or not, all at once.
    fn stripe_repeats_itself(&mut self) {
        for event in self.simulator.events().into_iter().rev().take(LAST_EVENTS) {
            let simulator = self.simulator.clone();
            tokio::spawn(async move { simulator.deliver(&event.id).await });
        }
    }

    /// About slow payments: of one, well or badly.
    fn banks_decide(&mut self) {
        let sessions = self.simulator.sessions();
        if let Some(session) = sessions.choose(&mut self.chance) {
            let well = self.chance.random_bool(0.6);
            decide(&self.simulator, &session.id, session.status, well);
        }
    }
}

/// The bank's last word on a slow payment, where one is at work.
pub(crate) fn decide(simulator: &Simulator, session: &str, status: SessionStatus, well: bool) {
    if status == SessionStatus::Complete {
        let verdict = if well {
            Outcome::ProcessingSucceeded
        } else {
            Outcome::ProcessingFailed
        };
        // Most have been paid at once, or have their verdict.
        let _ = simulator.pay(session, verdict);
    }
}

fn some_api_faults(chance: &mut StdRng, keeps_errors: bool) -> Vec<ApiFault> {
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
    for _ in 0..chance.random_range(0..=3) {
        faults.push(ApiFault {
            endpoint: endpoints[chance.random_range(0..endpoints.len())],
            probability: chance.random_range(0.0..0.2),
            ..ApiFault::of(kinds[chance.random_range(0..kinds.len())])
        });
    }
    faults
}

fn some_webhook_faults(chance: &mut StdRng) -> WebhookFaults {
    let mut some = || holdfast::sandbox::Chance {
        next: 0,
        probability: chance.random_range(0.0..0.4),
    };
    WebhookFaults {
        doubled: some(),
        dropped: some(),
        shuffled: some(),
        delayed: some(),
        delayed_ms: 400,
    }
}
