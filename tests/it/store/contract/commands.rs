//! Tests the outbox: a command is leased to one worker at a time, kept until Stripe answers, and listed for operators.

use holdfast::domain::command::{Command, CommandAction, STUCK_AFTER};
use holdfast::domain::ids::{CommandId, HoldId, SessionId};
use holdfast::domain::listing::CommandFilter;
use holdfast::store::{LeaseRequest, Store};
use uuid::Uuid;

use super::{LEASE, age_leases, at, page};
use crate::support::database::TestDatabase;

on_both_engines!(
    due_commands_are_leased_oldest_first_and_once,
    concurrent_workers_lease_each_command_once,
    one_command_is_leased_by_its_id_due_or_not,
    failed_command_is_retried_later_and_stuck_after_many_tries,
    deferred_command_waits_without_a_failure,
    refusal_leaves_a_new_key_and_other_failures_keep_it,
    worker_whose_lease_another_has_changes_nothing,
    finished_command_stays_done,
    a_pending_command_can_be_made_due,
    commands_are_listed_newest_first_in_pages,
);

/// Writes a command to expire the session `cs_name` at this minute.
async fn order(store: &dyn Store, name: &str, minute: i64) -> CommandId {
    let session = SessionId::new(format!("cs_{name}"));
    let nobody = HoldId(Uuid::new_v4());
    store.abandon_attempt(nobody, &session, at(minute)).await.unwrap()
}

/// Leases at most `limit` commands that are due at this minute.
async fn lease_due(store: &dyn Store, minute: i64, limit: u32) -> Vec<Command> {
    let request = LeaseRequest::new(at(minute), LEASE, limit);
    store.lease_commands(&request).await.unwrap()
}

async fn due_commands_are_leased_oldest_first_and_once(database: &TestDatabase) {
    let store = database.store();
    let (late, early) = (order(&*store, "a", 5).await, order(&*store, "b", 4).await);
    assert!(lease_due(&*store, 3, 10).await.is_empty());
    let leased = lease_due(&*store, 5, 10).await;
    assert_eq!(
        leased.iter().map(|command| command.id).collect::<Vec<_>>(),
        [early, late]
    );
    assert_eq!(
        leased[0].action,
        CommandAction::ExpireSession(SessionId::new("cs_b"))
    );
    assert_eq!(
        (leased[0].tries, leased[0].due_at, leased[0].created_at),
        (0, at(4), at(4))
    );
    assert!(lease_due(&*store, 5, 10).await.is_empty());
    age_leases(database, "commands").await;
    assert_eq!(lease_due(&*store, 5, 1).await.len(), 1);
}

async fn concurrent_workers_lease_each_command_once(database: &TestDatabase) {
    let store = database.store();
    for n in 0..40 {
        order(&*store, &n.to_string(), 0).await;
    }
    let workers = (0..8).map(|_| {
        let store = database.store();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            for _ in 0..5 {
                mine.extend(lease_due(&*store, 0, 3).await);
            }
            mine
        })
    });
    let mut leased = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        leased.extend(worker.await.unwrap().into_iter().map(|command| command.id));
    }
    leased.extend(lease_due(&*store, 0, 40).await.iter().map(|command| command.id));
    assert_eq!(leased.len(), 40);
    leased.sort();
    leased.dedup();
    assert_eq!(leased.len(), 40, "one was leased twice");
}

async fn one_command_is_leased_by_its_id_due_or_not(database: &TestDatabase) {
    let store = database.store();
    let id = order(&*store, "a", 99).await;
    assert!(store.lease_command(id, LEASE).await.unwrap().is_some());
    assert!(
        store.lease_command(id, LEASE).await.unwrap().is_none(),
        "another worker has the lease"
    );
    age_leases(database, "commands").await;
    let again = store.lease_command(id, LEASE).await.unwrap().unwrap();
    store.finish_command(&again, at(100)).await.unwrap();
    assert!(store.lease_command(id, LEASE).await.unwrap().is_none(), "done");
    assert!(
        store
            .lease_command(CommandId(Uuid::new_v4()), LEASE)
            .await
            .unwrap()
            .is_none()
    );
}

async fn failed_command_is_retried_later_and_stuck_after_many_tries(database: &TestDatabase) {
    let store = database.store();
    order(&*store, "a", 0).await;
    let stuck = async || {
        store
            .list_commands(CommandFilter::Stuck, &page(10, None))
            .await
            .unwrap()
            .entries
    };
    for n in 1..=STUCK_AFTER {
        assert!(stuck().await.is_empty(), "{n}");
        let now = i64::from(n);
        let leased = lease_due(&*store, now, 1).await;
        assert_eq!(leased.len(), 1, "{n}");
        store
            .fail_command(&leased[0], "stripe: 500", at(now + 1), None)
            .await
            .unwrap();
        assert!(lease_due(&*store, now, 1).await.is_empty(), "{n}");
    }
    let stuck = stuck().await;
    assert_eq!(stuck.len(), 1);
    assert!(stuck[0].is_stuck());
    assert_eq!(stuck[0].last_error.as_deref(), Some("stripe: 500"));
    let pending = store
        .list_commands(CommandFilter::Pending, &page(10, None))
        .await
        .unwrap();
    assert_eq!(pending.entries, stuck);
}

/// Stripe has answered and not decided. The wait is no sign that commands are not carried out.
async fn deferred_command_waits_without_a_failure(database: &TestDatabase) {
    let store = database.store();
    let id = order(&*store, "a", 0).await;
    let first = store.lease_command(id, LEASE).await.unwrap().unwrap();
    store
        .fail_command(&first, "stripe: 500", at(1), None)
        .await
        .unwrap();
    let failed = lease_due(&*store, 1, 1).await.remove(0);
    store.defer_command(&first, at(90)).await.unwrap();
    assert_eq!(
        store.find_command(id).await.unwrap().as_ref(),
        Some(&failed),
        "leased since"
    );
    store.defer_command(&failed, at(60)).await.unwrap();
    let deferred = store.find_command(id).await.unwrap().unwrap();
    assert_eq!((deferred.tries, deferred.last_error.as_deref()), (0, None));
    assert_eq!((deferred.due_at, deferred.done_at), (at(60), None));
    assert!(lease_due(&*store, 59, 1).await.is_empty());
    let waits = async |minute: i64| {
        let figures = store.count_figures(at(minute)).await.unwrap();
        (figures.commands_pending, figures.oldest_command_ms)
    };
    assert_eq!((waits(59).await, waits(61).await), ((1, 0), (1, 60_000)));
    let due = lease_due(&*store, 60, 1).await.remove(0);
    store.finish_command(&due, at(60)).await.unwrap();
    store.defer_command(&due, at(70)).await.unwrap();
    assert!(lease_due(&*store, 99, 1).await.is_empty(), "done");
}

/// The key is written with the failure, and the time of the first try stays.
async fn refusal_leaves_a_new_key_and_other_failures_keep_it(database: &TestDatabase) {
    let store = database.store();
    let id = order(&*store, "a", 0).await;
    let read = async || {
        let command = store.find_command(id).await.unwrap().unwrap();
        (command.stripe_key, command.first_tried_at)
    };
    let fail = async |minute: i64, key: Option<&str>| {
        let leased = store.lease_command(id, LEASE).await.unwrap().unwrap();
        let failed = store.fail_command(&leased, "failed", at(minute), key);
        failed.await.unwrap();
    };
    assert_eq!(read().await, (None, None));
    store.begin_command(id, at(1)).await.unwrap();
    fail(2, None).await;
    assert_eq!(read().await, (None, Some(at(1))));
    store.begin_command(id, at(2)).await.unwrap();
    fail(3, Some("k-2")).await;
    assert_eq!(read().await, (Some("k-2".to_owned()), Some(at(1))));
    fail(4, None).await;
    let leased = store.lease_command(id, LEASE).await.unwrap().unwrap();
    assert_eq!(leased.stripe_key.as_deref(), Some("k-2"));
    assert_eq!(leased.first_tried_at, Some(at(1)));
}

/// It took longer than its lease: its key would let both refund, and without a lease a third worker would come in.
async fn worker_whose_lease_another_has_changes_nothing(database: &TestDatabase) {
    let store = database.store();
    let id = order(&*store, "a", 0).await;
    let slow = store.lease_command(id, LEASE).await.unwrap().unwrap();
    age_leases(database, "commands").await;
    let other = store.lease_command(id, LEASE).await.unwrap().unwrap();
    let read = async || store.find_command(id).await.unwrap().unwrap();
    store
        .fail_command(&slow, "refused", at(3), Some("k-2"))
        .await
        .unwrap();
    assert_eq!(read().await, other);
    store.await_decision(&slow, "who?", at(3)).await.unwrap();
    assert_eq!(read().await, other);
    assert!(store.lease_command(id, LEASE).await.unwrap().is_none());
    store
        .fail_command(&other, "refused", at(4), Some("k-3"))
        .await
        .unwrap();
    let failed = read().await;
    assert_eq!(
        (failed.tries, failed.stripe_key.as_deref(), failed.leased_until),
        (1, Some("k-3"), None)
    );
    store
        .fail_command(&slow, "refused", at(5), Some("k-2"))
        .await
        .unwrap();
    assert_eq!(read().await, failed, "nobody has leased it since");
}

async fn finished_command_stays_done(database: &TestDatabase) {
    let store = database.store();
    let id = order(&*store, "a", 0).await;
    let command = store.lease_command(id, LEASE).await.unwrap().unwrap();
    store.finish_command(&command, at(1)).await.unwrap();
    store.finish_command(&command, at(2)).await.unwrap();
    store
        .fail_command(&command, "too late", at(2), Some("new"))
        .await
        .unwrap();
    assert_eq!(
        order(&*store, "a", 3).await,
        id,
        "the same command, not another one"
    );
    assert!(lease_due(&*store, 9, 10).await.is_empty());
    assert!(
        store
            .list_commands(CommandFilter::Pending, &page(10, None))
            .await
            .unwrap()
            .entries
            .is_empty()
    );
    let done = store
        .list_commands(CommandFilter::Done, &page(10, None))
        .await
        .unwrap()
        .entries;
    assert_eq!(done.len(), 1);
    assert_eq!((done[0].done_at, done[0].tries), (Some(at(1)), 0));
}

async fn a_pending_command_can_be_made_due(database: &TestDatabase) {
    let store = database.store();
    let id = order(&*store, "a", 0).await;
    let leased = store.lease_command(id, LEASE).await.unwrap().unwrap();
    store
        .fail_command(&leased, "stripe: 500", at(60), None)
        .await
        .unwrap();
    assert!(lease_due(&*store, 5, 10).await.is_empty());
    let retried = store.retry_command(id, at(5)).await.unwrap().unwrap();
    assert_eq!(retried.due_at, at(5));
    let leased = lease_due(&*store, 5, 10).await;
    store.finish_command(&leased[0], at(6)).await.unwrap();
    assert!(store.retry_command(id, at(7)).await.unwrap().is_none(), "done");
    assert!(
        store
            .retry_command(CommandId(Uuid::new_v4()), at(7))
            .await
            .unwrap()
            .is_none()
    );
}

async fn commands_are_listed_newest_first_in_pages(database: &TestDatabase) {
    let store = database.store();
    let mut ids = Vec::new();
    for n in 0..7 {
        // Three a minute, so that the id decides the order.
        ids.push((n / 3, order(&*store, &n.to_string(), n / 3).await));
    }
    ids.sort();
    ids.reverse();
    let mut listed = Vec::new();
    let mut cursor = None;
    loop {
        let part = store
            .list_commands(CommandFilter::Pending, &page(2, cursor))
            .await
            .unwrap();
        listed.extend(part.entries.iter().map(|command| command.id));
        cursor = part.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, ids.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
    let end = store
        .list_commands(CommandFilter::Pending, &page(2, Some("made up".into())))
        .await
        .unwrap();
    assert!(end.entries.is_empty() && end.next.is_none());
}
