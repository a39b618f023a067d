//! A stranger at one client address, who keeps slots without paying, uses a guest's e-mail address, and sends requests
//! that never end.
//!
//! The stranger may get as many holds as the limits allow, and no more; no guest may be refused because of it. At the
//! end it reaches a limit for certain, from an address that it has not used before.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use holdfast::sandbox::{ControlError, PaymentOutcome, Simulator};
use rand::Rng;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::fault_injection::pause;
use crate::guest::guest_email;
use crate::observations::Observations;
use crate::processes::{MOST_UNPAID_HOLDS, ProcessAddress, Processes};
use crate::shop::{random_offer, random_start};
use crate::support::client::ApiResponse;
use crate::support::database::TestDatabase;
use crate::support::wait_for::eventually;

/// The stranger's address, which a trusted proxy names.
const ADDRESS: &str = "203.0.113.9";
/// The address at the end: it has no lapsed holds yet, which limit a client as well.
const LAST_ADDRESS: &str = "203.0.113.10";
/// How often the stranger requests a hold at the end: more often than the limit allows, because a request may fail.
const MOST_ATTEMPTS: i64 = 12;
/// The most requests that are sent a byte at a time, at once.
const SLOW_REQUESTS: usize = 30;
/// The pause between two bytes.
const BYTE_PAUSE: Duration = Duration::from_millis(100);
/// The timeout of a checkout.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(1_500);

/// The stranger of an episode, with its own random numbers.
pub(crate) struct Stranger {
    pub(crate) processes: Arc<Processes>,
    pub(crate) simulator: Simulator,
    pub(crate) observations: Arc<Observations>,
    pub(crate) rng: StdRng,
    /// The first start that is for sale.
    pub(crate) first_start: DateTime<Utc>,
    pub(crate) shop_closes: CancellationToken,
}

impl Stranger {
    /// Starts one checkout after the other until the shop closes.
    pub(crate) async fn run(mut self) {
        let mut slow_requests = JoinSet::new();
        while !self.shop_closes.is_cancelled() {
            pause(&mut self.rng, 80).await;
            if slow_requests.len() < SLOW_REQUESTS {
                slow_requests.spawn(send_slowly(self.random_process()));
            }
            while slow_requests.try_join_next().is_some() {}
            self.keep_slot().await;
        }
    }

    fn random_process(&mut self) -> ProcessAddress {
        let index = self.rng.random_range(0..self.processes.size());
        self.processes.address(index)
    }

    /// A start that the guests want as well, or one of another day: against the guests alone, the stranger seldom gets
    /// enough slots to meet a limit.
    fn wanted_start(&mut self) -> DateTime<Utc> {
        let days = if self.rng.random_bool(0.5) { 2 } else { 0 };
        random_start(self.first_start + TimeDelta::days(days), &mut self.rng)
    }

    /// Requests a slot, and starts a payment that takes days, or leaves the hold.
    async fn keep_slot(&mut self) {
        let body = json!({"event_type": random_offer(&mut self.rng).id,
            "starts_at": self.wanted_start(), "guest": {"email": guest_email(0)}});
        if let Some(answer) = self.check_out(ADDRESS, &body).await
            && answer.status == 201
            && self.rng.random_bool(0.8)
        {
            drop(self.start_slow_payment(&answer));
        }
    }

    /// Starts payments that take days, one after the other, until a limit refuses the next hold. Comes from an address
    /// of its own to starts that nobody else wants, so that nothing else refuses it.
    pub(crate) async fn reach_limit(mut self, database: &TestDatabase) {
        let mut kept = 0;
        for hour in 0..MOST_ATTEMPTS {
            let body = json!({"event_type": "call", "starts_at": self.first_start + TimeDelta::hours(hour),
                "guest": {"email": "stranger@example.com"}});
            let Some(answer) = self.check_out(LAST_ADDRESS, &body).await else {
                continue;
            };
            if answer.status == 429 {
                return;
            }
            if answer.status != 201 || self.start_slow_payment(&answer).is_err() {
                continue;
            }
            // Only then does the next request meet a limit that must count this hold.
            let processing = format!(
                "SELECT count(*) FROM holds WHERE status = 'processing' AND id = '{}'",
                answer.text("id")
            );
            eventually("a hold with a slow payment", async || {
                (database.count(&processing).await > 0).then_some(())
            })
            .await;
            kept += 1;
            if kept > MOST_UNPAID_HOLDS {
                // One hold too many is enough for the checks.
                return;
            }
        }
    }

    fn start_slow_payment(&self, hold: &ApiResponse) -> Result<(), ControlError> {
        self.simulator
            .pay(hold.text("checkout_session"), PaymentOutcome::Processing)
    }

    /// Requests a hold; `None` if the process is dead or its response lost. Counts refusals by a limit, and records
    /// responses that are not allowed.
    async fn check_out(&mut self, address: &str, body: &Value) -> Option<ApiResponse> {
        let index = self.rng.random_range(0..self.processes.size());
        let client = self.processes.client(index);
        let request = client
            .request(Method::POST, "/v1/holds")
            .header("X-Forwarded-For", address);
        let request = request.json(body).timeout(REQUEST_TIMEOUT);
        let answer = client.try_send(request).await.ok()?;
        match (
            answer.status.as_u16(),
            answer.body["code"].as_str().unwrap_or_default(),
        ) {
            (201, _) | (409, "slot_taken") | (503, _) => {}
            (429, "too_many_holds") => *self.observations.limited.lock().unwrap() += 1,
            _ => self
                .observations
                .add_unexpected(format!("the stranger received {answer:?}")),
        }
        Some(answer)
    }
}

/// Sends a request a byte at a time until the process closes the connection.
async fn send_slowly(process: ProcessAddress) {
    let Ok(mut connection) = TcpStream::connect(process.address).await else {
        return;
    };
    let request = b"POST /v1/holds HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000\r\n\r\n".iter();
    for byte in request.chain(std::iter::repeat(&b' ')) {
        if connection.write_all(&[*byte]).await.is_err() {
            return;
        }
        tokio::time::sleep(BYTE_PAUSE).await;
    }
}
