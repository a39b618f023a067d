//! Tests changes, their compare-and-swap, and leases.

use super::*;
use crate::domain::hold::{ReleaseReason, ReleaseRequester, Status};
use crate::domain::ledger::snapshots::PaymentFacts;
use crate::domain::payment::PaymentState;
use crate::domain::session::SessionPayment;
use crate::store::{
    ApplyOutcome, AttemptEnd, EventRecord, LeaseRequest, OrphanPayment, PlaceOutcome, ReleaseLease,
};

const DONE: ApplyOutcome = ApplyOutcome::Done { commands: 0 };

fn paid(intent: &str) -> Fact {
    Fact::SessionCompleted(SessionPayment::Paid(receipt(intent)))
}

async fn apply(store: &SqliteStore, booking: &Booking, id: &str, fact: &Fact) -> ApplyOutcome {
    store.apply_change(&change(booking, id, fact)).await.unwrap()
}

#[tokio::test]
async fn change_is_applied_once_and_only_to_its_version() {
    let TestStore { store, .. } = &test_store().await;
    let held = booking(1, 60, 90);
    place(store, &held).await;
    assert_eq!(apply(store, &held, "evt_1", &paid("pi_1")).await, DONE);
    let confirmed = read(store, &held).await;
    assert_eq!(confirmed.hold.status, Status::Confirmed);
    assert_eq!((confirmed.version, confirmed.due_at), (2, None));
    assert_eq!(
        confirmed.hold.payments,
        [receipt("pi_1").to_payment(PaymentFacts::default())]
    );
    assert_eq!(
        apply(store, &held, "evt_1", &paid("pi_1")).await,
        ApplyOutcome::Duplicate
    );
    assert_eq!(
        apply(store, &held, "evt_2", &Fact::SessionDead).await,
        ApplyOutcome::Conflict
    );
    assert_eq!(read(store, &held).await, confirmed);
    // The conflicting change wrote nothing, not even its event.
    assert_eq!(count(store, "SELECT count(*) FROM stripe_events").await, 1);
    let history = store.list_history(held.hold.id).await.unwrap();
    let steps: Vec<_> = history.iter().map(|line| (line.from, line.to)).collect();
    let expected = [(None, Status::Held), (Some(Status::Held), Status::Confirmed)];
    assert_eq!(steps, expected);
    assert_eq!(history[1].actor, Actor::Event(EventId::new("evt_1")));
}

#[tokio::test]
async fn event_without_a_step_is_only_recorded() {
    let TestStore { store, .. } = &test_store().await;
    let held = booking(1, 60, 90);
    place(store, &held).await;
    let mut only_event = change(&held, "evt_1", &Fact::SessionDead);
    only_event.step = None;
    only_event.version = 77;
    assert_eq!(store.apply_change(&only_event).await.unwrap(), DONE);
    assert_eq!(
        store.apply_change(&only_event).await.unwrap(),
        ApplyOutcome::Duplicate
    );
    assert_eq!(read(store, &held).await, held);
}

#[tokio::test]
async fn late_payment_gets_a_free_slot_back() {
    let TestStore { store, .. } = &test_store().await;
    let held = booking(1, 60, 90);
    place(store, &held).await;
    apply(store, &held, "evt_1", &Fact::SessionDead).await;
    assert_eq!(count(store, "SELECT count(*) FROM occupancy").await, 0);
    let released = read(store, &held).await;
    assert_eq!(apply(store, &released, "evt_2", &paid("pi_1")).await, DONE);
    assert_eq!(read(store, &held).await.hold.status, Status::Confirmed);
    assert_eq!(place(store, &booking(2, 60, 90)).await, PlaceOutcome::SlotTaken);
}

#[tokio::test]
async fn late_payment_is_refunded_when_the_slot_is_taken() {
    let TestStore { store, .. } = &test_store().await;
    let held = booking(1, 60, 90);
    place(store, &held).await;
    apply(store, &held, "evt_1", &Fact::SessionDead).await;
    assert_eq!(place(store, &booking(2, 75, 80)).await, PlaceOutcome::Placed);
    let released = read(store, &held).await;
    let mut late = change(&released, "evt_2", &paid("pi_1"));
    assert_eq!(store.apply_change(&late).await.unwrap(), ApplyOutcome::Conflict);
    let Decision::Reclaim { taken, .. } = decide(&released.hold, &paid("pi_1"), HoldPolicy::default()) else {
        panic!("a late payment reclaims its slot");
    };
    late.step = Some(StateChange::Transition(taken));
    assert_eq!(
        store.apply_change(&late).await.unwrap(),
        ApplyOutcome::Done { commands: 1 }
    );
    let refunded = read(store, &held).await.hold;
    assert_eq!(
        refunded.status,
        Status::Released(ReleaseReason::LatePaymentRefunded)
    );
    assert_eq!(refunded.payments[0].state, PaymentState::RefundDue);
    let figures = store.count_figures(minute(31)).await.unwrap();
    assert_eq!(
        (figures.held, figures.overdue, figures.oldest_overdue_ms),
        (1, 1, 60_000)
    );
    assert_eq!((figures.commands_pending, figures.money_without_slot), (1, 0));
}

fn orphan_payment(event: Option<EventRecord>) -> OrphanPayment {
    OrphanPayment {
        event,
        claimed_hold: None,
        session: None,
        payment: receipt("pi_1").to_payment(PaymentFacts::default()),
        livemode: false,
        now: now(),
    }
}

#[tokio::test]
async fn payment_without_a_hold_is_refunded_once() {
    let TestStore { store, .. } = &test_store().await;
    let orphan = async |id: &str| {
        store
            .record_orphan_payment(&orphan_payment(Some(event(id))))
            .await
            .unwrap()
    };
    let done = ApplyOutcome::Done { commands: 1 };
    assert_eq!(orphan("evt_1").await, done);
    assert_eq!(orphan("evt_1").await, ApplyOutcome::Duplicate);
    assert_eq!(orphan("evt_2").await, ApplyOutcome::Duplicate);
    let commands = store
        .lease_commands(&LeaseRequest::new(now(), LONG, 10))
        .await
        .unwrap();
    assert_eq!(commands.len(), 1);
    store.finish_command(&commands[0], minute(2)).await.unwrap();
    // No refund is known that carried it out.
    let failed = "SELECT count(*) FROM payments WHERE state = 'refund_failed' AND refunded = 0";
    assert_eq!(count(store, failed).await, 1);
}

#[tokio::test]
async fn lease_excludes_others_until_it_expires_or_ends() {
    let TestStore { store, .. } = &test_store().await;
    let held = booking(1, 60, 90);
    place(store, &held).await;
    let lease = async |requester, lease| store.lease_release(held.hold.id, requester, lease).await.unwrap();
    let first = lease(Some(ReleaseRequester::Guest), Duration::ZERO).await;
    assert!(matches!(first, ReleaseLease::Leased(_)), "{first:?}");
    // The lease expires at once and the next caller takes over; the first requester is kept.
    let ReleaseLease::Leased(taken_over) = lease(None, LONG).await else {
        panic!("the first lease has expired");
    };
    assert_eq!(
        (taken_over.hold.requested_by, taken_over.version),
        (Some(ReleaseRequester::Guest), 2)
    );
    assert!(matches!(lease(None, LONG).await, ReleaseLease::LeasedElsewhere));
    assert_eq!(
        store
            .lease_due_holds(&LeaseRequest::new(minute(40), LONG, 10))
            .await
            .unwrap()
            .len(),
        0
    );
    store.defer_hold(held.hold.id, minute(50), true).await.unwrap();
    assert_eq!(
        store
            .lease_due_holds(&LeaseRequest::new(minute(40), LONG, 10))
            .await
            .unwrap()
            .len(),
        0
    );
    let due = store
        .lease_due_holds(&LeaseRequest::new(minute(50), LONG, 10))
        .await
        .unwrap();
    assert_eq!((due[0].tries, due[0].hold.requested_by), (1, None));
    assert_eq!(
        store
            .lease_due_holds(&LeaseRequest::new(minute(50), LONG, 10))
            .await
            .unwrap()
            .len(),
        0
    );
    // A change ends the lease.
    apply(store, &due[0], "evt_1", &paid("pi_1")).await;
    assert!(matches!(lease(None, LONG).await, ReleaseLease::NotHeld(_)));
}

#[tokio::test]
async fn command_has_one_lease_and_is_retried_after_a_failure() {
    let TestStore { store, .. } = &test_store().await;
    let orphan = store.record_orphan_payment(&orphan_payment(None)).await;
    orphan.unwrap();
    let lease = async |at, lease| {
        store
            .lease_commands(&LeaseRequest::new(at, lease, 10))
            .await
            .unwrap()
    };
    assert_eq!(lease(now(), Duration::ZERO).await.len(), 1);
    let leased = lease(now(), LONG).await.remove(0);
    assert_eq!(lease(now(), LONG).await.len(), 0);
    assert_eq!(store.lease_command(leased.id, LONG).await.unwrap(), None);
    store
        .fail_command(&leased, "refused", minute(5), None)
        .await
        .unwrap();
    assert_eq!(lease(now(), LONG).await.len(), 0);
    let again = lease(minute(5), LONG).await;
    assert_eq!(
        (again[0].tries, again[0].last_error.as_deref()),
        (1, Some("refused"))
    );
}

#[tokio::test]
async fn key_identifies_its_attempt_until_the_attempt_ends() {
    let TestStore { store, .. } = &test_store().await;
    let first = booking(1, 60, 90);
    let claim = async |n, body: &str| {
        let mut attempt = attempt(&booking(n, 60, 90), Some("key"));
        attempt.fingerprint = body.into();
        store.claim_attempt(&attempt).await.unwrap()
    };
    assert_eq!(claim(1, "body").await, Claim::Free);
    assert_eq!(claim(1, "body").await, Claim::Free, "a repeat of our own");
    assert_eq!(claim(2, "body").await, Claim::Running);
    assert_eq!(claim(2, "other").await, Claim::Mismatch);
    store.place_hold(&first, &units(&first), &limits()).await.unwrap();
    assert_eq!(claim(2, "body").await, Claim::Placed(first.hold.id));
    assert_eq!(claim(2, "other").await, Claim::Mismatch);
    apply(store, &first, "evt_1", &Fact::SessionDead).await;
    assert_eq!(claim(2, "other").await, Claim::Free);
    let end = AttemptEnd::Unsettled;
    store
        .end_attempt(HoldId(Uuid::from_u128(2)), end, now())
        .await
        .unwrap();
    assert_eq!(claim(3, "body").await, Claim::Free);
}

#[tokio::test]
async fn a_stale_attempt_is_leased_and_can_no_longer_be_placed() {
    let TestStore { store, .. } = &test_store().await;
    let slow = booking(1, 60, 90);
    let claimed = attempt(&slow, None);
    store.claim_attempt(&claimed).await.unwrap();
    let lease = async |at| {
        store
            .lease_stale_attempts(&LeaseRequest::new(at, LONG, 10))
            .await
            .unwrap()
    };
    let stale = lease(minute(5)).await;
    assert!(stale[0].terms == claimed.terms && stale[0].tries == 0);
    assert_eq!(lease(minute(5)).await.len(), 0);
    assert_eq!(
        store.place_hold(&slow, &units(&slow), &limits()).await.unwrap(),
        PlaceOutcome::AttemptClosed
    );
    store.defer_attempt(slow.hold.id, minute(9)).await.unwrap();
    assert_eq!(lease(minute(8)).await.len(), 0);
    assert_eq!(lease(minute(9)).await[0].tries, 1);
    let session = &slow.hold.session;
    let command = store
        .abandon_attempt(slow.hold.id, session, minute(9))
        .await
        .unwrap();
    assert!(store.lease_command(command, LONG).await.unwrap().is_some());
    assert_eq!(store.delete_old_attempts(minute(9), 10).await.unwrap(), 0);
    assert_eq!(store.delete_old_attempts(minute(10), 10).await.unwrap(), 1);
}
