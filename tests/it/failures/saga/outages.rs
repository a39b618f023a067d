//! Cuts the database connections before each step of the workflows, then restores them (S23). The same process goes on
//! with the same pool, and the database is consistent without a restart.

use super::attempts::{SessionState, StoppedAttempt};
use super::checkouts::{Lost, Overdue, Won};
use super::commands::{CommandCase, Enqueued};
use super::events::StripeEvent;
use super::fixture::SagaFixture;
use super::inject_at_every_step;
use super::releases::{ByGuest, BySweep};
use crate::support::fault_injection::Fault;

/// Defines one test for each workflow.
macro_rules! cut_at_every_step {
    ($($name:ident: $($case:expr),+;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let fixture = SagaFixture::start_behind_proxy().await;
            $(inject_at_every_step(&fixture, $case, &[Fault::Disturbed]).await;)+
        }
    )+};
}

cut_at_every_step! {
    checkout_survives_lost_connections_at_every_step: Won, Lost, Overdue;
    webhook_survives_lost_connections_at_every_step:
        StripeEvent::Paid, StripeEvent::Delayed, StripeEvent::LateSlotFree, StripeEvent::LateSlotTaken;
    release_survives_lost_connections_at_every_step: ByGuest { paid: false }, ByGuest { paid: true };
    sweep_survives_lost_connections_at_every_step:
        BySweep, StoppedAttempt { session: SessionState::Created }, Enqueued(CommandCase::ExpirePaid);
}
