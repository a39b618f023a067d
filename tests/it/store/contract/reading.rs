//! Tests how holds are found and listed, and how figures are counted.

use holdfast::domain::booking::Booking;
use holdfast::domain::figures::FigureCounts;
use holdfast::domain::hold::{CancelReason, Status};
use holdfast::domain::ids::{EventTypeId, HoldId, IntentId, ResourceId, SessionId};
use holdfast::domain::listing::{HoldFilter, StatusKind, StoredEvent};
use holdfast::domain::payment::PaymentState;
use holdfast::domain::session::HoldRefs;
use holdfast::store::{AttemptEnd, HoldChange, OrphanPayment, StateChange};
use uuid::Uuid;

use super::{
    DONE, EXPIRED, after, at, attempt, becomes, booking, change, event, orphan, page, paid, placed, read,
    segment, with_ana,
};
use crate::support::database::TestDatabase;

on_both_engines!(
    hold_is_found_by_session_payment_id_or_linked_intent,
    confirmed_holds_of_a_resource_are_listed_newest_first,
    holds_are_listed_newest_first_without_gaps_or_repeats,
    holds_are_filtered,
    erased_guest_reads_as_empty,
    figures_count_live_rows_and_inconsistencies,
    confirmed_booking_with_a_refund_is_consistent,
    events_are_listed_newest_first_of_one_hold_or_all,
);

async fn hold_is_found_by_session_payment_id_or_linked_intent(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let mut linked = paid(&mine);
    linked.next.intent = Some(IntentId::new("pi_linked"));
    let mine = after(&*store, &mine, linked).await;
    let other = placed(&*store, with_ana(30, 60)).await;
    let find = async |hold: Option<HoldId>, session: Option<&str>, intent: Option<&str>| {
        let refs = HoldRefs {
            hold,
            session: session.map(SessionId::new),
            intent: intent.map(IntentId::new),
            paid: None,
        };
        store.find_booking_by_refs(&refs).await.unwrap()
    };
    let session = mine.hold.session.as_str();
    let paid_by = mine.hold.payments[0].intent.as_str();
    let nobody = HoldId(Uuid::new_v4());
    assert_eq!(find(None, None, None).await, None);
    assert_eq!(find(Some(nobody), Some("cs_?"), Some("pi_?")).await, None);
    assert_eq!(find(Some(mine.hold.id), None, None).await.as_ref(), Some(&mine));
    assert_eq!(
        find(Some(nobody), Some(session), None).await.as_ref(),
        Some(&mine)
    );
    assert_eq!(
        find(Some(nobody), Some("cs_?"), Some("pi_linked")).await.as_ref(),
        Some(&mine)
    );
    assert_eq!(find(None, None, Some(paid_by)).await.as_ref(), Some(&mine));
    // The surest reference decides.
    let others = (other.hold.session.as_str(), other.hold.id);
    // A payment without a hold names none, whatever hold its metadata claims.
    let orphan = orphan(None, Some(other.hold.id), "pi_orphan");
    store.record_orphan_payment(&orphan).await.unwrap();
    assert_eq!(find(None, None, Some("pi_orphan")).await, None);
    for (hold, session, intent, found) in [
        (Some(mine.hold.id), None, Some("pi_orphan"), &mine),
        (Some(others.1), Some(session), Some("pi_linked"), &mine),
        (Some(mine.hold.id), Some(others.0), Some(paid_by), &other),
        (Some(others.1), None, Some(paid_by), &mine),
        (Some(others.1), None, Some("pi_linked"), &other),
    ] {
        assert_eq!(find(hold, session, intent).await.as_ref(), Some(found));
    }
}

async fn confirmed_holds_of_a_resource_are_listed_newest_first(database: &TestDatabase) {
    let store = database.store();
    let mut confirmed = Vec::new();
    for n in 0..4 {
        let mut mine = booking(vec![
            segment("ana", 60 * n, 60 * n + 30),
            segment("piano", 60 * n + 30, 60 * n + 60),
            segment("ana", 60 * n + 30, 60 * n + 60),
        ]);
        mine.created_at = at(-n);
        let mine = placed(&*store, mine).await;
        confirmed.push(after(&*store, &mine, becomes(&mine, Status::Confirmed)).await);
    }
    let other = placed(&*store, booking(vec![segment("ben", 0, 30)])).await;
    after(&*store, &other, becomes(&other, Status::Confirmed)).await;
    placed(&*store, with_ana(300, 330)).await;
    let ana = ResourceId::parse("ana").unwrap();
    let list = async |from: i64, limit: u32| {
        let listed = store.list_confirmed_of_resource(&ana, at(from), limit);
        listed.await.unwrap()
    };
    assert_eq!(list(0, 10).await, confirmed);
    assert_eq!(list(0, 2).await, confirmed[..2]);
    assert_eq!(list(119, 10).await, confirmed[1..]);
    assert_eq!(
        list(120, 10).await,
        confirmed[2..],
        "the end of the second is not after that"
    );
    assert_eq!(list(240, 10).await, []);
}

async fn holds_are_listed_newest_first_without_gaps_or_repeats(database: &TestDatabase) {
    let store = database.store();
    let mut all = Vec::new();
    for n in 0..9 {
        // Three a minute, so that the id decides the order.
        let mut mine = with_ana(30 * n, 30 * n + 30);
        mine.created_at = at(n / 3);
        mine.updated_at = at(n / 3);
        all.push(placed(&*store, mine).await);
    }
    all.sort_by_key(|booking| std::cmp::Reverse((booking.created_at, booking.hold.id)));
    let mut listed: Vec<Booking> = Vec::new();
    let mut cursor = None;
    loop {
        let part = store
            .list_bookings(&HoldFilter::default(), &page(2, cursor))
            .await
            .unwrap();
        listed.extend(part.entries);
        cursor = part.next;
        if cursor.is_none() {
            break;
        }
        // A hold that is placed between two pages does not shift them.
        let mut late = booking(vec![segment(&format!("room-{}", listed.len()), 0, 30)]);
        late.created_at = at(60);
        placed(&*store, late).await;
    }
    assert_eq!(listed, all);
    let made_up = page(2, Some("made up".into()));
    let end = store
        .list_bookings(&HoldFilter::default(), &made_up)
        .await
        .unwrap();
    assert!(end.entries.is_empty() && end.next.is_none());
    let exact = store
        .list_bookings(&HoldFilter::default(), &page(13, None))
        .await
        .unwrap();
    assert_eq!((exact.entries.len(), exact.next), (13, None));
}

async fn holds_are_filtered(database: &TestDatabase) {
    let store = database.store();
    let early = placed(&*store, with_ana(0, 30)).await;
    let mut class = booking(vec![segment("hall", 30, 60), segment("ben", 30, 60)]);
    class.event_type = EventTypeId::parse("yoga").unwrap();
    let class = placed(&*store, class).await;
    let late = placed(&*store, with_ana(60, 90)).await;
    let late = after(&*store, &late, becomes(&late, Status::Confirmed)).await;
    let found = async |filter: HoldFilter| {
        let mut found = store
            .list_bookings(&filter, &page(10, None))
            .await
            .unwrap()
            .entries;
        found.sort_by_key(|booking| booking.segments[0].window);
        found
    };
    let all = HoldFilter::default;
    let status = |kind| HoldFilter {
        statuses: vec![kind],
        ..all()
    };
    let resource = |name| HoldFilter {
        resource: Some(ResourceId::parse(name).unwrap()),
        ..all()
    };
    assert_eq!(found(all()).await.len(), 3);
    assert_eq!(
        found(status(StatusKind::Held)).await,
        [early.clone(), class.clone()]
    );
    assert_eq!(
        found(status(StatusKind::Confirmed)).await,
        std::slice::from_ref(&late)
    );
    assert_eq!(found(status(StatusKind::Cancelled)).await, []);
    assert_eq!(found(resource("ana")).await, [early.clone(), late.clone()]);
    assert_eq!(
        found(resource("ben")).await,
        std::slice::from_ref(&class),
        "any of its segments"
    );
    let yoga = EventTypeId::parse("yoga").unwrap();
    assert_eq!(
        found(HoldFilter {
            event_type: Some(yoga),
            ..all()
        })
        .await,
        std::slice::from_ref(&class)
    );
    let between = HoldFilter {
        from: Some(at(30)),
        to: Some(at(60)),
        ..all()
    };
    assert_eq!(found(between).await, [class], "starts at or after, and before");
    let both = HoldFilter {
        from: Some(at(1)),
        ..resource("ana")
    };
    assert_eq!(found(both).await, [late]);
}

async fn erased_guest_reads_as_empty(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    database
        .execute("UPDATE holds SET guest_email = NULL, guest_name = NULL")
        .await;
    let guest = read(&*store, &mine).await.guest;
    assert_eq!((guest.email.as_str(), guest.name), ("", None));
}

async fn figures_count_live_rows_and_inconsistencies(database: &TestDatabase) {
    let store = database.store();
    assert_eq!(store.count_figures(at(0)).await.unwrap(), FigureCounts::default());
    // Held until minute 30 and 40, processing, confirmed and paid, confirmed without money, cancelled with money.
    let mut holds = Vec::new();
    for n in 0..6 {
        let mut mine = with_ana(30 * n, 30 * n + 30);
        mine.expires_at = at(30 + 10 * n);
        holds.push(placed(&*store, mine).await);
    }
    after(&*store, &holds[2], becomes(&holds[2], Status::Processing)).await;
    after(&*store, &holds[3], paid(&holds[3])).await;
    after(&*store, &holds[4], becomes(&holds[4], Status::Confirmed)).await;
    let mut cancelled = paid(&holds[5]);
    cancelled.next.status = Status::Cancelled(CancelReason::Operator);
    let kept = after(&*store, &holds[5], cancelled).await;
    let orphan = OrphanPayment {
        now: at(0),
        ..orphan(None, None, "pi_orphan")
    };
    store.record_orphan_payment(&orphan).await.unwrap();
    let open = with_ana(0, 30);
    store.claim_attempt(&attempt(&open, None, "a")).await.unwrap();
    let expected = FigureCounts {
        held: 2,
        processing: 1,
        overdue: 1,
        oldest_overdue_ms: 300_000,
        commands_pending: 1,
        commands_stuck: 0,
        oldest_command_ms: 2_100_000,
        attempts_open: 1,
        oldest_attempt_ms: 2_100_000,
        money_without_slot: 1,
        slot_without_money: 1,
        // All that is wrong is 0.
        ..FigureCounts::default()
    };
    assert_eq!(store.count_figures(at(35)).await.unwrap(), expected);

    store
        .end_attempt(open.hold.id, AttemptEnd::Abandoned, at(36))
        .await
        .unwrap();
    let mut failed = becomes(&kept, kept.hold.status);
    failed.next.payments[0].state = PaymentState::RefundFailed;
    after(&*store, &kept, failed).await;
    after(&*store, &holds[0], becomes(&holds[0], EXPIRED)).await;
    let later = store.count_figures(at(35)).await.unwrap();
    let expected = FigureCounts {
        held: 1,
        overdue: 0,
        oldest_overdue_ms: 0,
        attempts_open: 0,
        oldest_attempt_ms: 0,
        money_without_slot: 0,
        refunds_failed: 1,
        money_not_adding_up: 0,
        // No row of a refund says so, as if an earlier version had written it.
        money_unverified: 1,
        ..expected
    };
    assert_eq!(later, expected);
}

async fn confirmed_booking_with_a_refund_is_consistent(database: &TestDatabase) {
    let store = database.store();
    let mine = placed(&*store, with_ana(0, 30)).await;
    let mut mine = after(&*store, &mine, paid(&mine)).await;
    use PaymentState::{Disputed, Paid, RefundDue, RefundFailed, Refunded};
    for (state, wrong) in [
        (Paid, 0),
        (Disputed, 0),
        (Refunded, 0),
        (RefundFailed, 0),
        // Our own command refunds it, but the slot is kept.
        (RefundDue, 1),
        (Paid, 0),
    ] {
        let mut next = becomes(&mine, Status::Confirmed);
        next.next.payments[0].state = state;
        mine = after(&*store, &mine, next).await;
        let figures = store.count_figures(at(1)).await.unwrap();
        assert_eq!(figures.slot_without_money, wrong, "{state:?}");
    }
}

async fn events_are_listed_newest_first_of_one_hold_or_all(database: &TestDatabase) {
    let store = database.store();
    let (one, other) = (
        placed(&*store, with_ana(0, 30)).await,
        placed(&*store, with_ana(30, 60)).await,
    );
    for n in 0..5 {
        let note = HoldChange {
            event: Some(event(&format!("evt_{n}"))),
            step: None,
            now: at(n),
            ..change(
                if n % 2 == 0 { &one } else { &other },
                StateChange::Transition(paid(&one)),
            )
        };
        assert_eq!(store.apply_change(&note).await.unwrap(), DONE);
    }
    let listed = async |hold: Option<&Booking>, limit| {
        let (mut listed, mut cursor) = (Vec::new(), None);
        loop {
            let hold = hold.map(|booking| booking.hold.id);
            let part = store.list_events(hold, &page(limit, cursor)).await.unwrap();
            assert!(part.entries.len() <= limit as usize);
            listed.extend(part.entries);
            cursor = part.next;
            if cursor.is_none() {
                return listed;
            }
        }
    };
    let ids = |events: &[StoredEvent]| {
        let ids: Vec<_> = events.iter().map(|event| event.id.to_string()).collect();
        ids.join(" ")
    };
    let all = listed(None, 2).await;
    assert_eq!(ids(&all), "evt_4 evt_3 evt_2 evt_1 evt_0");
    assert_eq!((all[0].hold, all[0].applied_at), (Some(one.hold.id), at(4)));
    assert_eq!(
        (all[0].kind.as_str(), all[0].has_payload),
        ("checkout.session.completed", true)
    );
    assert_eq!(ids(&listed(Some(&one), 1).await), "evt_4 evt_2 evt_0");
    assert_eq!(ids(&listed(Some(&other), 200).await), "evt_3 evt_1");
    assert_eq!(ids(&listed(Some(&with_ana(0, 30)), 1).await), "");
    let end = store
        .list_events(None, &page(2, Some("made up".into())))
        .await
        .unwrap();
    assert!(end.entries.is_empty() && end.next.is_none());
}
