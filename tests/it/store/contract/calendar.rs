//! Tests which windows keep resources busy, and with which status.

use chrono::{DateTime, Utc};
use holdfast::domain::availability::{Occupancy, OccupancyStatus, OccupiedBy};
use holdfast::domain::catalogue::Resource;
use holdfast::domain::hold::Status;
use holdfast::domain::ids::HoldId;
use holdfast::store::{AvailabilityQuery, Store};

use super::{EXPIRED, after, at, becomes, booking, placed, segment, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(
    occupancies_are_reported_with_their_status,
    units_are_grouped_by_status_without_the_moving_hold,
    query_without_statuses_reports_the_same_units,
);

/// The resource, start, status and units of an occupancy.
type Reported = (String, DateTime<Utc>, OccupancyStatus, Vec<u32>);

async fn busy(store: &dyn Store, resources: &[&str], window: (i64, i64), now: i64) -> Vec<Reported> {
    busy_without(store, None, resources, window, now).await
}

/// Reads the occupancies of some resources in a window of minutes, without the hold that moves.
async fn busy_without(
    store: &dyn Store,
    moving: Option<HoldId>,
    resources: &[&str],
    (from, to): (i64, i64),
    now: i64,
) -> Vec<Reported> {
    let resources: Vec<_> = resources.iter().map(|id| segment(id, 0, 1).resource).collect();
    let within = segment("ana", from, to).window;
    let question = AvailabilityQuery {
        resources: &resources,
        within,
        moving,
        statuses_at: Some(at(now)),
    };
    let calendar = store.load_availability(&question).await.unwrap();
    let reported = |one: &Occupancy| match &one.by {
        OccupiedBy::Holds { units, status } => {
            let mut units = units.clone();
            units.sort_unstable();
            (one.resource.to_string(), one.window.starts_at(), *status, units)
        }
        OccupiedBy::Block => panic!("there are no blocks"),
    };
    calendar.occupancies().map(reported).collect()
}

async fn occupancies_are_reported_with_their_status(database: &TestDatabase) {
    let store = database.store();
    let late = booking(vec![segment("ana", 60, 90), segment("ben", 90, 120)]);
    let late = placed(&*store, late).await;
    let early = placed(&*store, with_ana(0, 30)).await;
    let ana = |from, status| ("ana".to_owned(), at(from), status, vec![1]);
    let ben = ("ben".to_owned(), at(90), OccupancyStatus::Unpaid, vec![1]);
    let (unpaid, first) = (OccupancyStatus::Unpaid, ana(0, OccupancyStatus::Unpaid));
    assert_eq!(
        busy(&*store, &["ana"], (0, 120), 0).await,
        [first.clone(), ana(60, unpaid)]
    );
    assert_eq!(
        busy(&*store, &["ana"], (30, 60), 0).await,
        [],
        "windows that touch"
    );
    assert_eq!(
        busy(&*store, &["ana"], (29, 60), 0).await,
        [first],
        "the whole window, which starts before the range"
    );
    assert_eq!(busy(&*store, &["zoe"], (0, 120), 0).await, [], "no occupancies");
    assert_eq!(
        busy(&*store, &["ben", "ana"], (89, 91), 0).await,
        [ana(60, unpaid), ben]
    );
    assert_eq!(busy(&*store, &["ana"], (0, 30), 29).await, [ana(0, unpaid)]);
    assert_eq!(
        busy(&*store, &["ana"], (0, 30), 30).await,
        [ana(0, OccupancyStatus::Overdue(early.hold.id))]
    );
    after(&*store, &late, becomes(&late, Status::Confirmed)).await;
    after(&*store, &early, becomes(&early, EXPIRED)).await;
    let left = busy(&*store, &["ana"], (0, 120), 60).await;
    assert_eq!(
        left,
        [ana(60, OccupancyStatus::Confirmed)],
        "confirmed is not overdue"
    );
}

async fn units_are_grouped_by_status_without_the_moving_hold(database: &TestDatabase) {
    let store = database.store();
    let ana = Resource {
        id: segment("ana", 0, 1).resource,
        name: "Ana's class".into(),
        capacity: 5,
    };
    store.put_resource(&ana, at(0)).await.unwrap();
    let mut pair = with_ana(0, 30);
    pair.quantity = 2;
    let pair = placed(&*store, pair).await;
    let late = placed(&*store, with_ana(0, 30)).await;
    let firm = placed(&*store, with_ana(0, 30)).await;
    after(&*store, &firm, becomes(&firm, Status::Confirmed)).await;
    let summary = |found: &[Reported]| {
        let count = |status| {
            let of = found.iter().filter(|one| one.2 == status);
            of.map(|one| one.3.len()).collect::<Vec<_>>()
        };
        (
            count(OccupancyStatus::Confirmed),
            count(OccupancyStatus::Unpaid),
            found.len(),
        )
    };
    let found = busy(&*store, &["ana"], (0, 30), 0).await;
    assert_eq!(summary(&found), (vec![1], vec![3], 2));
    let mut units: Vec<u32> = found.iter().flat_map(|one| one.3.clone()).collect();
    units.sort_unstable();
    units.dedup();
    assert_eq!(units.len(), 4, "the units are distinct: {found:?}");
    let found = busy_without(&*store, Some(pair.hold.id), &["ana"], (0, 30), 0).await;
    assert_eq!(
        summary(&found),
        (vec![1], vec![1], 2),
        "the units of the moving hold are left out"
    );
    // Overdue holds are reported one by one, because Stripe is asked about each of them.
    let found = busy(&*store, &["ana"], (0, 30), 30).await;
    let overdue = |hold: HoldId| found.iter().find(|one| one.2 == OccupancyStatus::Overdue(hold));
    assert_eq!(overdue(pair.hold.id).unwrap().3.len(), 2);
    assert_eq!(overdue(late.hold.id).unwrap().3.len(), 1);
    assert_eq!(found.len(), 3);
}

async fn query_without_statuses_reports_the_same_units(database: &TestDatabase) {
    let store = database.store();
    let first = placed(&*store, with_ana(0, 30)).await;
    placed(&*store, with_ana(30, 60)).await;
    after(&*store, &first, becomes(&first, Status::Confirmed)).await;
    let resources = [segment("ana", 0, 1).resource];
    let ask = async |statuses_at, moving| {
        let question = AvailabilityQuery {
            resources: &resources,
            within: segment("ana", 0, 60).busy,
            moving,
            statuses_at,
        };
        let calendar = store.load_availability(&question).await.unwrap();
        let units = |one: &Occupancy| match &one.by {
            OccupiedBy::Holds { units, .. } => (one.window, units.clone()),
            OccupiedBy::Block => panic!("there are no blocks"),
        };
        calendar.occupancies().map(units).collect::<Vec<_>>()
    };
    assert_eq!(ask(None, None).await.len(), 2);
    assert_eq!(ask(None, None).await, ask(Some(at(31)), None).await);
    let moving = Some(first.hold.id);
    assert_eq!(ask(None, moving).await, ask(Some(at(31)), moving).await);
    assert_eq!(ask(None, moving).await.len(), 1);
}
