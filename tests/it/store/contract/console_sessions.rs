//! Tests that console sessions are found by their digest, end with their key, and are deleted when they are idle.

use holdfast::domain::access_key::{AccessKey, KeyText, Scope};
use holdfast::domain::console_session::{BootstrapProof, ConsoleSession, ConsoleToken, SessionKey};
use holdfast::domain::ids::AccessKeyId;
use holdfast::store::console_sessions::MOST_SESSIONS_OF_KEY;
use uuid::Uuid;

use super::at;
use crate::support::database::TestDatabase;

on_both_engines!(
    session_is_found_as_it_was_written,
    deleted_key_ends_its_sessions_and_no_other,
    idle_sessions_are_deleted_oldest_first,
    newest_sessions_of_a_key_are_kept,
);

fn session(byte: u8, key: SessionKey, minute: i64) -> ConsoleSession {
    ConsoleSession {
        digest: ConsoleToken::from_random([byte; 32]).digest(),
        key,
        created_at: at(minute),
        last_seen_at: at(minute),
    }
}

fn bootstrap(byte: u8, minute: i64) -> ConsoleSession {
    session(byte, SessionKey::Bootstrap(BootstrapProof([byte; 32])), minute)
}

async fn session_is_found_as_it_was_written(database: &TestDatabase) {
    let store = database.store();
    let written = bootstrap(1, 0);
    for _ in 0..2 {
        store.insert_console_session(&written).await.unwrap();
    }
    let found = async || store.find_console_session(&written.digest).await.unwrap();
    assert_eq!(found().await, Some(written));
    for (minute, expected) in [(5, 5), (3, 5)] {
        store
            .record_console_use(&written.digest, at(minute))
            .await
            .unwrap();
        assert_eq!(found().await.unwrap().last_seen_at, at(expected));
    }
    store.delete_console_session(&written.digest).await.unwrap();
    assert_eq!(found().await, None);
}

async fn deleted_key_ends_its_sessions_and_no_other(database: &TestDatabase) {
    let store = database.store();
    let mut sessions = Vec::new();
    for byte in [1, 2] {
        let key = AccessKey {
            id: AccessKeyId(Uuid::from_u128(byte.into())),
            name: format!("key {byte}"),
            scope: Scope::Read,
            created_at: at(0),
            expires_at: None,
            last_used_at: None,
        };
        let digest = KeyText::from_random([byte; 32]).digest();
        assert!(store.insert_key(&key, &digest).await.unwrap());
        assert_eq!(store.find_key_by_id(key.id).await.unwrap(), Some(key.clone()));
        let session = session(byte, SessionKey::Access(key.id), 0);
        store.insert_console_session(&session).await.unwrap();
        sessions.push((key.id, session));
    }
    let (key, first) = sessions[0];
    store.delete_key(key).await.unwrap();
    assert_eq!(store.find_key_by_id(key).await.unwrap(), None);
    assert_eq!(store.find_console_session(&first.digest).await.unwrap(), None);
    let (_, second) = sessions[1];
    assert_eq!(
        store.find_console_session(&second.digest).await.unwrap(),
        Some(second)
    );
    // A session of a key that is gone cannot begin.
    assert!(store.insert_console_session(&first).await.is_err());
}

async fn idle_sessions_are_deleted_oldest_first(database: &TestDatabase) {
    let store = database.store();
    let sessions = [bootstrap(1, 3), bootstrap(2, 1), bootstrap(3, 2)];
    for session in &sessions {
        store.insert_console_session(session).await.unwrap();
    }
    let delete = async |limit| store.delete_idle_console_sessions(at(3), limit).await.unwrap();
    assert_eq!(delete(1).await, 1);
    assert_eq!(
        store.find_console_session(&sessions[1].digest).await.unwrap(),
        None
    );
    assert_eq!(delete(10).await, 1);
    assert_eq!(delete(10).await, 0);
    let kept = store.find_console_session(&sessions[0].digest).await.unwrap();
    assert_eq!(kept, Some(sessions[0]));
}

async fn newest_sessions_of_a_key_are_kept(database: &TestDatabase) {
    let store = database.store();
    let most = u8::try_from(MOST_SESSIONS_OF_KEY).unwrap();
    let key = AccessKey {
        id: AccessKeyId(Uuid::from_u128(1)),
        name: "other key".to_owned(),
        scope: Scope::Read,
        created_at: at(0),
        expires_at: None,
        last_used_at: None,
    };
    let digest = KeyText::from_random([1; 32]).digest();
    assert!(store.insert_key(&key, &digest).await.unwrap());
    let other = session(200, SessionKey::Access(key.id), 0);
    store.insert_console_session(&other).await.unwrap();
    let sessions: Vec<_> = (0..most)
        .map(|number| bootstrap(number, i64::from(number)))
        .collect();
    for session in &sessions {
        store.insert_console_session(session).await.unwrap();
    }
    let is_kept = async |session: &ConsoleSession| {
        let found = store.find_console_session(&session.digest).await.unwrap();
        found.is_some()
    };
    assert!(is_kept(&sessions[0]).await);
    // A sign-in is the newest, also if the clock went back before it.
    let newest = bootstrap(most, -1);
    store.insert_console_session(&newest).await.unwrap();
    assert!(!is_kept(&sessions[0]).await, "the oldest ends");
    assert!(is_kept(&sessions[1]).await && is_kept(&newest).await);
    assert!(is_kept(&other).await, "a session of another key stays");
}
