//! Tests that each caller of reads that run together gets its own answer: the one that it gets alone.
//!
//! Callers that one task polls in turn all wait before the first statement is answered, so that they form groups.

use std::collections::BTreeSet;

use futures::future::join_all;
use holdfast::domain::booking::ClientId;
use holdfast::domain::hold_limit::{AllowanceRange, HoldLimit, LimitScope};
use holdfast::domain::ids::{EventTypeId, HoldId, ResourceId};
use holdfast::domain::time::Window;
use holdfast::store::{
    AvailabilityQuery, Claim, HoldLimits, LapseQuery, LimitUsage, LimitUsageQuery, Lookup, LookupQuery,
    PlaceOutcome, SlotQuery, Store,
};

use super::catalogue::{closure_zones, event_type, put_resources};
use super::{EXPIRED, after, at, attempt, becomes, first_units, key, offer, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(each_caller_of_a_group_of_reads_gets_its_own_answer);

/// How many callers ask at the same time. Half of them ask about a hold.
const CALLERS: i64 = 60;

/// Places the `n`-th hold, with a key, a client and a limit of its own. Each third one has expired.
async fn place(store: &dyn Store, n: i64) -> HoldId {
    let mine = with_ana(60 * n, 60 * n + 30);
    let claimed = attempt(&mine, Some(&name(n)), "body");
    store.claim_attempt(&claimed).await.unwrap();
    let mut own = offer(LimitScope::Client, &[1 + u32::try_from(n).unwrap()]);
    own.limit.subject = name(n);
    let limits = HoldLimits {
        client: Some(ClientId(name(n))),
        allowances: vec![own],
        waits: false,
    };
    let placed = store.place_hold(&mine, &first_units(&mine), &limits).await;
    assert_eq!(placed.unwrap(), PlaceOutcome::Placed);
    if n % 3 == 0 {
        after(store, &mine, becomes(&mine, EXPIRED)).await;
    }
    mine.hold.id
}

fn name(n: i64) -> String {
    format!("name-{n}")
}

/// Asks what a checkout reads for the `n`-th slot, client and key; returns all answers as text.
async fn ask(store: &dyn Store, n: i64, moving: Option<HoldId>) -> String {
    let resources = ["ana", "ben"].map(|id| ResourceId::parse(id).unwrap());
    let occupancy = AvailabilityQuery {
        resources: &resources[..if n % 5 == 0 { 2 } else { 1 }],
        within: Window::new(at(60 * n), at(60 * n + 60)).unwrap(),
        moving: moving.filter(|_| n % 4 == 1),
        statuses_at: (n % 2 == 0).then(|| at(n)),
    };
    let occupancy = store.load_availability(&occupancy).await.unwrap();
    let limit = HoldLimit {
        scope: LimitScope::Client,
        subject: name(n),
        most: 64,
    };
    let client = ClientId(name(n));
    let range = AllowanceRange {
        limit,
        first: 1,
        last: 64,
    };
    let usage = LimitUsageQuery {
        ranges: std::slice::from_ref(&range),
        lapses: Some(LapseQuery {
            client: &client,
            since: at(-60),
        }),
    };
    let usage = store.load_limit_usage(&usage).await.unwrap();
    let lookup = LookupQuery {
        event_type: EventTypeId::parse(&name(n % 7)).unwrap(),
        key: Some((
            key(&name(n)),
            if n % 2 == 0 { "body" } else { "other" }.to_owned(),
        )),
        slot: (n % 3 < 2).then(|| SlotQuery {
            starts_at: at(60 * n),
            ranges: vec![range.clone()],
            lapses: Some((client.clone(), at(-60))),
        }),
    };
    let found = store.look_up(&lookup).await.unwrap();
    assert_slot_is_as_read_apart(store, &lookup, &found, &usage).await;
    format!(
        "{occupancy:?}, {usage:?}, {:?}, {:?}, {:?}",
        found.event_type, found.claim, found.slot
    )
}

/// Checks that the first read finds of a slot what the reads on their own find, if the key is free and there is an event type.
async fn assert_slot_is_as_read_apart(
    store: &dyn Store,
    query: &LookupQuery,
    found: &Lookup,
    usage: &LimitUsage,
) {
    let slot = query.slot.as_ref().filter(|_| found.claim == Claim::Free);
    let Some((slot, event_type)) = slot.zip(found.event_type.as_ref()) else {
        assert!(found.slot.is_none(), "{found:?}");
        return;
    };
    let apart = AvailabilityQuery {
        resources: &event_type.list_resources(),
        within: event_type.occupied_span(slot.starts_at).unwrap(),
        moving: None,
        statuses_at: None,
    };
    let apart = (store.load_availability(&apart).await.unwrap(), usage);
    let reading = found.slot.as_ref().unwrap();
    let reading = (&reading.availability, &reading.usage);
    assert_eq!(format!("{reading:?}"), format!("{apart:?}"));
}

async fn each_caller_of_a_group_of_reads_gets_its_own_answer(database: &TestDatabase) {
    let store = database.store();
    put_resources(&*store, &["ana", "ben"]).await;
    for n in 0..5 {
        let offered = event_type(&name(n), 5000 + n);
        store
            .put_event_type(&offered, closure_zones(), at(0))
            .await
            .unwrap()
            .unwrap();
    }
    let mut holds = Vec::new();
    for n in 0..CALLERS {
        holds.push(match n % 2 {
            0 => Some(place(&*store, n / 2).await),
            _ => None,
        });
    }
    holds.sort_by_key(Option::is_none);
    let calls = || (0..).zip(&holds);
    let mut alone = Vec::new();
    for (n, hold) in calls() {
        alone.push(ask(&*store, n, *hold).await);
    }
    let distinct: BTreeSet<_> = alone.iter().collect();
    assert!(distinct.len() > 30, "{} answers differ", distinct.len());
    let together = join_all(calls().map(|(n, hold)| ask(&*store, n, *hold))).await;
    for (n, (alone, together)) in alone.iter().zip(&together).enumerate() {
        assert_eq!(together, alone, "{n}");
    }
}
