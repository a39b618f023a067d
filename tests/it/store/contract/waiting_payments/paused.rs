//! Recording money and ending its attempt at the same time, with a pause on either side.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use holdfast::domain::booking::Booking;
use holdfast::store::{ApplyOutcome, PlaceOutcome, Store};

use super::{End, WITHOUT_HOLD, begin, count_orders, count_waiting, end, prepare_end, report};
use crate::store::contract::DONE;
use crate::support::database::TestDatabase;
use crate::support::database_lock::{Lock, with_pause};

on_both_engines!(
    money_recorded_during_an_end_waits_for_it,
    attempt_ended_during_a_report_waits_for_it,
);

/// The table whose changed row the first transaction pauses with.
const ATTEMPTS: &str = "checkout_attempts";

fn ending(store: &Arc<dyn Store>, mine: &Booking, how: End) -> BoxFuture<'static, Option<PlaceOutcome>> {
    let (store, mine) = (Arc::clone(store), mine.clone());
    async move { end(&*store, &mine, how).await }.boxed()
}

fn reporting(store: &Arc<dyn Store>, mine: &Booking) -> BoxFuture<'static, ApplyOutcome> {
    let (store, mine) = (Arc::clone(store), mine.clone());
    async move { report(&*store, &mine).await }.boxed()
}

/// The attempt ends first, and its transaction pauses with the attempt's row written.
async fn money_recorded_during_an_end_waits_for_it(database: &TestDatabase) {
    let store = database.store();
    for (n, how) in (0..).zip([WITHOUT_HOLD.as_slice(), &[End::Placed]].concat()) {
        let mine = begin(&*store, n).await;
        prepare_end(&*store, &mine, how).await;
        let (placed, reported) = with_pause(
            database,
            Lock::on_changed_row(database, ATTEMPTS),
            ending(&store, &mine, how),
            reporting(&store, &mine),
        )
        .await;
        let (waiting, orders) = (
            count_waiting(&*store, &mine).await,
            count_orders(database, &mine).await,
        );
        match how {
            End::Placed => {
                assert_eq!(placed, Some(PlaceOutcome::Placed));
                assert_eq!((reported, waiting, orders), (ApplyOutcome::Conflict, 0, 0));
            }
            _ => assert_eq!(
                (reported, waiting, orders),
                (ApplyOutcome::Done { commands: 1 }, 0, 1),
                "{how:?}"
            ),
        }
    }
}

/// The money is recorded first, and its transaction pauses with the attempt's row written.
async fn attempt_ended_during_a_report_waits_for_it(database: &TestDatabase) {
    let store = database.store();
    for (n, how) in (0..).zip([WITHOUT_HOLD.as_slice(), &[End::Placed]].concat()) {
        let mine = begin(&*store, n).await;
        prepare_end(&*store, &mine, how).await;
        let (reported, placed) = with_pause(
            database,
            Lock::on_changed_row(database, ATTEMPTS),
            reporting(&store, &mine),
            ending(&store, &mine, how),
        )
        .await;
        assert_eq!(reported, DONE);
        let (waiting, orders) = (
            count_waiting(&*store, &mine).await,
            count_orders(database, &mine).await,
        );
        match how {
            End::Placed => {
                assert_eq!(placed, Some(PlaceOutcome::PlacedWithMoney));
                assert_eq!((waiting, orders), (1, 0));
            }
            _ => assert_eq!((waiting, orders), (0, 1), "{how:?}"),
        }
    }
}
