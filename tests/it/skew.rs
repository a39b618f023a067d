//! Five instances on one PostgreSQL whose clocks are up to ten minutes off (S25): a wrong clock asks too early or too
//! late, and changes no answer; nothing is done twice, nothing is lost.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use holdfast::domain::time::Clock;
use holdfast::sandbox::Outcome;
use holdfast::workflow::sweep;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::app::{Answer, Instance, ManualClock, TestApp, order_by};
use crate::support::crowd::{Wish, press_together, tally};
use crate::support::database::Engine;

const SLOTS: usize = 30;

/// A clock that goes as fast as another, and shows another time.
struct Skewed {
    right: Arc<ManualClock>,
    by: Duration,
}

impl Clock for Skewed {
    fn now(&self) -> DateTime<Utc> {
        self.right.now() + self.by
    }
}

/// Five, of which the first is the app's own and right.
async fn five(app: &TestApp) -> Vec<Instance> {
    let mut others = Vec::new();
    for minutes in [-10, -4, 4, 10] {
        let clock = Skewed {
            right: app.clock.clone(),
            by: Duration::minutes(minutes),
        };
        others.push(app.another_instance_at(Arc::new(clock)).await);
    }
    others
}

/// Every slot is wanted by five guests, each at another instance; who got it.
async fn rush(app: &TestApp, others: &[Instance]) -> Vec<Answer> {
    let doors: Vec<_> = std::iter::once(app.address)
        .chain(others.iter().map(|other| other.address))
        .collect();
    let first = app.clock_now() + Duration::days(7);
    let wish = |n: usize| {
        let slot = first + Duration::minutes(30 * i64::try_from(n / 5).unwrap());
        let body = order_by(
            &format!("guest-{n}@example.com"),
            "call",
            &slot.format("%Y-%m-%dT%H:%M:00Z").to_string(),
        );
        Wish::new(doors[n % 5], body)
    };
    let got = press_together((0..5 * SLOTS).map(wish).collect()).await;
    let counted = tally(&got);
    assert_eq!(
        (counted.won, counted.taken),
        (SLOTS, 4 * SLOTS),
        "{:?}",
        counted.other
    );
    let won = got.into_iter().filter(|got| got.status == 201);
    won.map(|got| Answer {
        status: reqwest::StatusCode::CREATED,
        headers: reqwest::header::HeaderMap::new(),
        body: got.body,
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s25_five_instances_with_skewed_clocks_do_nothing_twice_and_lose_nothing() {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let app = TestApp::start(Engine::Postgres).await;
    let others = five(&app).await;
    let holds = rush(&app, &others).await;
    let mut ends = Vec::new();
    for hold in &holds {
        ends.push(match chance.random_range(0..3) {
            0 => {
                app.pay(hold, Outcome::Paid);
                "confirmed"
            }
            1 => {
                others[chance.random_range(0..4)].cancel(hold).await.expect(200);
                "released/guest"
            }
            _ => "released/expired",
        });
    }
    // Signatures are judged by the instance's own clock: one that is ten minutes off takes no event, and Stripe tells
    // it again.
    app.simulator.set_webhook_url(others[3].url("/webhooks/stripe"));
    let refused = app.simulator.deliver_all().await;
    assert!(
        refused.iter().all(|delivery| delivery.status == Ok(400)),
        "{refused:?}"
    );
    app.simulator.set_webhook_url(others[1].url("/webhooks/stripe"));
    app.deliver_all().await;
    for _ in 0..9 {
        app.clock.advance(Duration::minutes(5));
        let sweeps = others.iter().map(|other| sweep::run_once(&other.context));
        let (own, swept) = tokio::join!(sweep::run_once(&app.context), futures::future::join_all(sweeps));
        assert!(
            own.is_ok() && swept.iter().all(Result::is_ok),
            "seed {seed}: {swept:?}"
        );
    }
    app.deliver_all().await;
    for (hold, end) in holds.iter().zip(ends) {
        assert_eq!(app.state_of(hold).await, end, "seed {seed}");
    }
    nothing_twice(&app, seed).await;
}

/// Stripe was told once of each session to end it, and no step is in a history twice.
async fn nothing_twice(app: &TestApp, seed: u64) {
    let (calls, sessions) = (app.simulator.calls(), app.simulator.sessions());
    let paid = app.simulator.intents().len();
    eprintln!("five instances, {SLOTS} slots: {calls:?}, {paid} paid");
    assert_eq!(calls.create, sessions.len() as u64, "seed {seed}");
    assert_eq!(
        calls.expire,
        (sessions.len() - paid) as u64,
        "seed {seed}: each session is ended once"
    );
    assert_eq!(calls.refund, 0, "seed {seed}");
    let twice =
        "SELECT count(*) FROM (SELECT 1 FROM hold_history WHERE from_status IS DISTINCT FROM to_status
                 GROUP BY hold_id, to_status HAVING count(*) > 1) AS twice";
    assert_eq!(app.database.count(twice).await, 0, "seed {seed}");
    let left = "SELECT (SELECT count(*) FROM commands WHERE done_at IS NULL)
        + (SELECT count(*) FROM checkout_attempts WHERE state IN ('running', 'unsettled'))
        + (SELECT count(*) FROM holds WHERE status = 'held')";
    assert_eq!(app.database.count(left).await, 0, "seed {seed}");
}
