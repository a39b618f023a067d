//! The database goes away before each step of the workflows, and comes back (S23): the connections are cut as a network
//! cuts them, and the same process goes on with the same pool. The books are right without a restart.

use super::at_every_step;
use super::attempts::{Died, Session};
use super::checkouts::{Lost, Overdue, Won};
use super::commands::{CommandAction, Ordered};
use super::events::News;
use super::releases::{ByGuest, BySweep};
use super::stage::Stage;
use crate::support::fault_injection::Fault;

/// One test for each workflow.
macro_rules! cut_at_every_step {
    ($($name:ident: $($story:expr),+;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let stage = Stage::behind_a_proxy().await;
            $(at_every_step(&stage, $story, &[Fault::Disturbed]).await;)+
        }
    )+};
}

cut_at_every_step! {
    s23_cut_at_every_step_of_a_checkout: Won, Lost, Overdue;
    s23_cut_at_every_step_of_a_webhook: News::Paid, News::Slow, News::LateAndFree, News::LateAndTaken;
    s23_cut_at_every_step_of_a_release: ByGuest { paid: false }, ByGuest { paid: true };
    s23_cut_at_every_step_of_a_sweep: BySweep, Died { session: Session::Made }, Ordered(CommandAction::ExpirePaid);
}
