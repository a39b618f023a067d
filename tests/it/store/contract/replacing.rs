//! Tests that a hold is placed in place of an earlier one whole or not at all, and that both count once.

use holdfast::domain::booking::Booking;
use holdfast::domain::hold::{ReleaseReason, ReleaseRequester, Status};
use holdfast::domain::hold_limit::{AllowanceOffer, LimitScope};
use holdfast::store::{
    Claim, EarlierFate, HoldLimits, PlaceOutcome, ReplaceOutcome, Replacement, StateChange, Store,
};

use super::{after, at, attempt, becomes, change, first_units, offer, placed, read, with_ana};
use crate::support::database::TestDatabase;

on_both_engines!(
    refused_replacement_changes_nothing,
    replacement_decided_on_an_old_version_is_a_conflict,
    kept_hold_is_due_and_gives_its_number,
    released_hold_gives_its_units,
    hold_with_a_payment_on_its_way_counts_again,
    replacement_of_a_hold_that_is_over_is_placed,
);

/// Claims the attempt of a booking.
async fn claimed(store: &dyn Store, booking: Booking) -> Booking {
    let claim = store.claim_attempt(&attempt(&booking, None, "body")).await;
    assert_eq!(claim.unwrap(), Claim::Free);
    booking
}

/// The allowance that a hold has of the limit on its address.
async fn number_of(store: &dyn Store, booking: &Booking) -> Option<u32> {
    let held = store.list_allowances(booking.hold.id).await.unwrap();
    let mut numbers = held.iter().filter(|held| held.scope == LimitScope::Email);
    numbers.next().map(|held| held.number)
}

/// Replaces the earlier hold, whose number the new one gets if the earlier one has it.
async fn replace(store: &dyn Store, earlier: &Booking, fate: EarlierFate, new: &Booking) -> ReplaceOutcome {
    let number = number_of(store, earlier).await;
    let inherited: Vec<AllowanceOffer> = number
        .into_iter()
        .map(|number| offer(LimitScope::Email, &[number]))
        .collect();
    let replacement = Replacement {
        earlier: earlier.hold.id,
        fate,
        booking: new,
        units: &first_units(new),
        limits: &HoldLimits::default(),
        inherited: &inherited,
        is_extended: false,
        now: at(2),
    };
    store.replace_hold(&replacement).await.unwrap()
}

fn kept(earlier: &Booking) -> EarlierFate {
    EarlierFate::Kept {
        version: earlier.version,
    }
}

/// Decides that the earlier hold is released for its guest.
fn released(earlier: &Booking) -> EarlierFate {
    let transition = becomes(earlier, Status::Released(ReleaseReason::Guest));
    EarlierFate::Released(Box::new(change(earlier, StateChange::Transition(transition))))
}

async fn refused_replacement_changes_nothing(database: &TestDatabase) {
    let store = database.store();
    let (earlier, other) = (with_ana(60, 90), with_ana(120, 150));
    let earlier = placed(&*store, earlier).await;
    placed(&*store, other).await;
    let (before, number) = (read(&*store, &earlier).await, number_of(&*store, &earlier).await);
    for (fate, from) in [(kept(&earlier), 120), (released(&earlier), 119)] {
        let new = claimed(&*store, with_ana(from, from + 30)).await;
        let outcome = replace(&*store, &earlier, fate, &new).await;
        assert_eq!(outcome, ReplaceOutcome::Decided(PlaceOutcome::SlotTaken));
        assert_eq!(read(&*store, &earlier).await, before);
        assert_eq!(number_of(&*store, &earlier).await, number);
        assert_eq!(store.find_booking(new.hold.id).await.unwrap(), None);
    }
}

async fn replacement_decided_on_an_old_version_is_a_conflict(database: &TestDatabase) {
    let store = database.store();
    let earlier = placed(&*store, with_ana(60, 90)).await;
    let new = claimed(&*store, with_ana(200, 230)).await;
    let old = Booking {
        version: 0,
        ..earlier.clone()
    };
    for fate in [kept(&old), released(&old), EarlierFate::Over] {
        let outcome = replace(&*store, &earlier, fate, &new).await;
        assert_eq!(outcome, ReplaceOutcome::Conflict);
    }
    assert_eq!(read(&*store, &earlier).await, earlier);
    assert_eq!(store.find_booking(new.hold.id).await.unwrap(), None);
}

async fn kept_hold_is_due_and_gives_its_number(database: &TestDatabase) {
    let store = database.store();
    let earlier = placed(&*store, with_ana(60, 90)).await;
    let number = number_of(&*store, &earlier).await;
    let new = claimed(&*store, with_ana(200, 230)).await;
    // The second call is a repetition whose first answer was lost.
    for _ in 0..2 {
        let outcome = replace(&*store, &earlier, kept(&earlier), &new).await;
        assert_eq!(outcome, ReplaceOutcome::Decided(PlaceOutcome::Placed));
    }
    let now = read(&*store, &earlier).await;
    assert_eq!(
        (now.hold.status, now.hold.requested_by),
        (Status::Held, Some(ReleaseRequester::Guest))
    );
    assert_eq!((now.replaced_by, now.due_at), (Some(new.hold.id), Some(at(2))));
    assert_eq!(
        (number_of(&*store, &earlier).await, number_of(&*store, &new).await),
        (None, number)
    );
    assert_eq!(read(&*store, &new).await, new);
}

async fn released_hold_gives_its_units(database: &TestDatabase) {
    let store = database.store();
    let earlier = placed(&*store, with_ana(60, 90)).await;
    let new = claimed(&*store, with_ana(75, 105)).await;
    let outcome = replace(&*store, &earlier, kept(&earlier), &new).await;
    assert_eq!(
        outcome,
        ReplaceOutcome::Decided(PlaceOutcome::SlotTaken),
        "it keeps them while it is held"
    );
    for _ in 0..2 {
        let outcome = replace(&*store, &earlier, released(&earlier), &new).await;
        assert_eq!(outcome, ReplaceOutcome::Decided(PlaceOutcome::Placed));
    }
    let now = read(&*store, &earlier).await;
    assert_eq!(now.hold.status, Status::Released(ReleaseReason::Guest));
    assert_eq!(now.replaced_by, Some(new.hold.id));
    assert_eq!(store.list_history(earlier.hold.id).await.unwrap().len(), 2);
}

async fn hold_with_a_payment_on_its_way_counts_again(database: &TestDatabase) {
    let store = database.store();
    let earlier = placed(&*store, with_ana(60, 90)).await;
    let new = claimed(&*store, with_ana(200, 230)).await;
    replace(&*store, &earlier, kept(&earlier), &new).await;
    assert_eq!(number_of(&*store, &earlier).await, None);
    let kept = read(&*store, &earlier).await;
    after(&*store, &kept, becomes(&kept, Status::Processing)).await;
    let number = number_of(&*store, &earlier).await;
    assert!(
        number.is_some_and(|number| number > 1_000_000),
        "above every limit: {number:?}"
    );
}

async fn replacement_of_a_hold_that_is_over_is_placed(database: &TestDatabase) {
    let store = database.store();
    let earlier = placed(&*store, with_ana(60, 90)).await;
    after(
        &*store,
        &earlier,
        becomes(&earlier, Status::Released(ReleaseReason::Guest)),
    )
    .await;
    let new = claimed(&*store, with_ana(75, 105)).await;
    let outcome = replace(&*store, &earlier, EarlierFate::Over, &new).await;
    assert_eq!(outcome, ReplaceOutcome::Decided(PlaceOutcome::Placed));
    assert_eq!(read(&*store, &earlier).await.replaced_by, Some(new.hold.id));
}
