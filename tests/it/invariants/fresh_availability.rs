//! Tests that availability is always read from the database (S6): whatever changes a slot, the next response of `GET
//! …/slots` shows it, at this instance and at another one.
//!
//! A table lists each change, the state before it, and the slots after it. A mutation runs the same table with cached
//! responses, as a cache without invalidation would keep them: the test must detect each change.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::json;

use self::slot_changes::{Case, visit};
use crate::support::app::{Instance, TestApp};
use crate::support::catalogue_fixtures::{day, put_event_type, put_resource};
use crate::support::feed_server::PRIVATE;
use crate::support::on_both_engines;

mod slot_changes;

const DATE: &str = "2026-12-01";

const FREE: &str = "10:00 free 1, 10:30 free 1, 11:00 free 1";
const HELD: &str = "10:00 held 0, 10:30 free 1, 11:00 free 1";
const TAKEN: &str = "10:00 taken 0, 10:30 free 1, 11:00 free 1";

/// The state before the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    Held,
    Processing,
    Confirmed,
    /// Released, though its guest can still pay.
    Lapsed,
    Blocked,
    Fed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SlotChange {
    Checkout,
    GuestCancel,
    Paid,
    PaymentFailed,
    SessionExpired,
    Sweep,
    PaidLate,
    OperatorRelease,
    OperatorCancel,
    RefundFromOutside,
    GuestMoves,
    OperatorMoves,
    BlockPut,
    BlockDelete,
    FeedRead,
    FeedEnded,
}

/// The state before, the slots before, the change, and the slots after it.
const CHANGES: [(Before, &str, SlotChange, &str); 18] = [
    (Before::Nothing, FREE, SlotChange::Checkout, HELD),
    (Before::Held, HELD, SlotChange::GuestCancel, FREE),
    (Before::Confirmed, TAKEN, SlotChange::GuestCancel, FREE),
    (Before::Held, HELD, SlotChange::Paid, TAKEN),
    (Before::Processing, HELD, SlotChange::PaymentFailed, FREE),
    (Before::Held, HELD, SlotChange::SessionExpired, FREE),
    (Before::Held, HELD, SlotChange::Sweep, FREE),
    (Before::Lapsed, FREE, SlotChange::PaidLate, TAKEN),
    (Before::Held, HELD, SlotChange::OperatorRelease, FREE),
    (Before::Confirmed, TAKEN, SlotChange::OperatorCancel, FREE),
    (Before::Confirmed, TAKEN, SlotChange::RefundFromOutside, FREE),
    (
        Before::Held,
        HELD,
        SlotChange::GuestMoves,
        "10:00 free 1, 10:30 free 1, 11:00 held 0",
    ),
    (
        Before::Confirmed,
        TAKEN,
        SlotChange::GuestMoves,
        "10:00 free 1, 10:30 free 1, 11:00 taken 0",
    ),
    (
        Before::Confirmed,
        TAKEN,
        SlotChange::OperatorMoves,
        "10:00 free 1, 10:30 free 1, 11:00 taken 0",
    ),
    (Before::Nothing, FREE, SlotChange::BlockPut, TAKEN),
    (Before::Blocked, TAKEN, SlotChange::BlockDelete, FREE),
    (Before::Nothing, FREE, SlotChange::FeedRead, TAKEN),
    (Before::Fed, TAKEN, SlotChange::FeedEnded, FREE),
];

/// How a client reads the slots.
enum View<'a> {
    Fresh(&'a Instance),
    /// The mutation: returns the first response again.
    Cached(&'a Instance, Mutex<HashMap<String, String>>),
}

impl View<'_> {
    async fn shows(&self, event_type: &str) -> String {
        match self {
            Self::Fresh(instance) => day(instance, event_type, DATE).await.join(", "),
            Self::Cached(instance, responses) => {
                if let Some(response) = responses.lock().unwrap().get(event_type) {
                    return response.clone();
                }
                let response = day(instance, event_type, DATE).await.join(", ");
                responses
                    .lock()
                    .unwrap()
                    .insert(event_type.to_owned(), response.clone());
                response
            }
        }
    }
}

/// Makes all changes of the table, and returns where a view showed a wrong result.
async fn wrong_views(app: &TestApp, capacity: u32, views: &[View<'_>]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, (before, slots_before, change, expected)) in CHANGES.into_iter().enumerate() {
        let mut case = Case::start(app, number, capacity).await;
        case.prepare(before).await;
        for view in views {
            assert_eq!(
                view.shows(&case.event_type).await,
                slots_before,
                "before {change:?}"
            );
        }
        case.apply_change(change).await;
        for view in views {
            let shown = view.shows(&case.event_type).await;
            if shown != expected {
                wrong.push(format!("{before:?}, {change:?}: {shown} instead of {expected}"));
            }
        }
        // The sweep counts what it releases, so no other hold may be overdue.
        if let Some(hold) = case
            .hold
            .as_ref()
            .filter(|_| change == SlotChange::Checkout || change == SlotChange::GuestMoves)
        {
            app.cancel(hold).await;
        }
    }
    wrong
}

on_both_engines! {
    async fn every_change_shows_in_the_next_response(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let other = app.another_instance().await;
        let views = [View::Fresh(&other), View::Fresh(&app.instance)];
        assert_eq!(wrong_views(&app, 1, &views).await, [""; 0]);
    }

    async fn every_change_shows_for_last_place_of_a_class(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let other = app.another_instance().await;
        let views = [View::Fresh(&other), View::Fresh(&app.instance)];
        assert_eq!(wrong_views(&app, 3, &views).await, [""; 0]);
    }

    /// Mutation: the test detects cached responses after every change.
    async fn mutation_with_cached_view_is_detected(engine) {
        let app = TestApp::start_with(engine, &PRIVATE).await;
        let cached = [View::Cached(&app.instance, Mutex::default())];
        let wrong = wrong_views(&app, 1, &cached).await;
        assert_eq!(wrong.len(), CHANGES.len(), "{wrong:#?}");
    }

    async fn catalogue_change_shows_in_the_next_response(engine) {
        let app = TestApp::start(engine).await;
        let other = app.another_instance().await;
        let mut case = Case::start(&app, 0, 1).await;
        case.check_out().await;
        let mut last = HELD.to_owned();
        for (what, members, expected) in [
            ("hours", visit("ana-0", 30, "11:00"), "10:00 held 0, 10:30 free 1"),
            ("duration", visit("ana-0", 60, "11:30"), "10:00 held 0, 10:30 free 1"),
            ("resource", visit("ben", 60, "12:00"), "10:00 free 1, 10:30 free 1, 11:00 free 1"),
            ("back", visit("ana-0", 15, "11:00"), "10:00 held 0, 10:30 free 1"),
            ("a pool", json!({"segments": [{"offset_minutes": 0, "duration_minutes": 30, "any_of": ["ana-0", "ben"]}],
                "schedule": visit("", 0, "11:00")["schedule"]}), "10:00 free 1, 10:30 free 2"),
        ] {
            put_event_type(&app, &case.event_type, members).await.expect(200);
            for instance in [&other, &app.instance] {
                let shown = day(instance, &case.event_type, DATE).await.join(", ");
                assert_eq!(shown, expected, "{what}");
            }
            if what != "duration" {
                assert_ne!(last, expected, "{what}: a cached response would pass");
            }
            last = expected.to_owned();
        }
        put_resource(&app, "ana-0", 3).await;
        for instance in [&other, &app.instance] {
            let shown = day(instance, &case.event_type, DATE).await.join(", ");
            assert_eq!(shown, "10:00 free 3, 10:30 free 4");
        }
    }
}
