//! Tests that a simulator goes on with the account that an earlier one kept in a file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use holdfast::sandbox::{Mode, PaymentOutcome, RefundOutcome, RefundStatus};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::fixture::{Receiver, SimulatorFixture, read_response};

/// Writes the account of the simulator, as it does when it stops.
async fn keep(fixture: &SimulatorFixture, file: &Path) {
    let stop = CancellationToken::new();
    stop.cancel();
    fixture
        .simulator
        .clone()
        .keep_account(file.to_owned(), stop)
        .await;
}

async fn start_from(file: &Path, mode: Mode) -> SimulatorFixture {
    let fixture = SimulatorFixture::start(mode).await;
    fixture.simulator.load_account(file).unwrap();
    fixture
}

/// All that the API and the controls show of the objects.
fn show(fixture: &SimulatorFixture) -> Value {
    let simulator = &fixture.simulator;
    serde_json::json!([
        simulator.sessions(),
        simulator.intents(),
        simulator.refunds(),
        simulator.disputes(),
        simulator.events(),
        simulator.pending_events(),
        simulator.webhook_endpoint(),
    ])
}

#[tokio::test]
async fn account_is_not_written_through_a_link() {
    let directory = tempfile::tempdir().unwrap();
    let (file, other) = (
        directory.path().join("account.json"),
        directory.path().join("other"),
    );
    std::fs::write(&other, "another program's").unwrap();
    std::os::unix::fs::symlink(&other, directory.path().join("account.json.new")).unwrap();
    keep(&SimulatorFixture::start_explicit().await, &file).await;
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "another program's");
    let written = std::fs::symlink_metadata(&file).unwrap();
    assert!(
        written.is_file() && written.permissions().mode() & 0o777 == 0o600,
        "{written:?}"
    );
}

#[tokio::test]
async fn kept_account_is_the_same_in_the_next_run() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("account.json");
    let first = SimulatorFixture::start_explicit().await;
    let (open, paid) = (first.create_session().await, first.create_session().await);
    first.simulator.pay(&open, PaymentOutcome::Declined).unwrap();
    first.simulator.pay(&paid, PaymentOutcome::Paid).unwrap();
    let intent = first.simulator.intents().last().unwrap().id.clone();
    first
        .simulator
        .set_refund_outcome(RefundOutcome::new(RefundStatus::Pending));
    first.simulator.refund_from_dashboard(&intent, Some(100)).unwrap();
    first.simulator.dispute(&intent).unwrap();
    let keyed = first.create_request().header("idempotency-key", "one");
    let (_, created) = read_response(keyed.send().await.unwrap()).await;
    keep(&first, &file).await;
    let permissions = std::fs::metadata(&file).unwrap().permissions();
    assert_eq!(permissions.mode() & 0o777, 0o600);

    let second = start_from(&file, Mode::Explicit).await;
    assert_eq!(show(&second), show(&first));
    let keyed = second.create_request().header("idempotency-key", "one");
    let (_, replayed) = read_response(keyed.send().await.unwrap()).await;
    assert_eq!(replayed, created);
    // A session that was open can be paid, and one that nobody pays expires.
    second.simulator.pay(&open, PaymentOutcome::Paid).unwrap();
    second.advance(86_400);
    second.simulator.expire_due();
    let unpaid = second.simulator.session(created["id"].as_str().unwrap()).unwrap();
    assert_eq!(unpaid.status, "expired");
    assert_eq!(second.simulator.session(&open).unwrap().status, "complete");
    second
        .simulator
        .refund_from_dashboard(&intent, Some(50))
        .unwrap_err();
}

#[tokio::test]
async fn webhooks_that_wait_are_sent_by_the_next_run() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("account.json");
    let first = SimulatorFixture::start_explicit().await;
    let session = first.create_session().await;
    first.simulator.pay(&session, PaymentOutcome::Paid).unwrap();
    let waiting = first.simulator.pending_events().len();
    assert!(waiting > 2);
    keep(&first, &file).await;

    let second = start_from(&file, Mode::Automatic).await;
    let receiver = Receiver::start().await;
    second.simulator.set_webhook_url(receiver.url.clone());
    let received = receiver.wait_for(waiting).await;
    let mut types: Vec<_> = received.iter().map(|webhook| webhook.event_type()).collect();
    let mut expected = first.event_types();
    types.sort();
    expected.sort();
    assert_eq!(types, expected);
}

#[tokio::test]
async fn unreadable_account_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("account.json");
    let fixture = SimulatorFixture::start_explicit().await;
    let session = fixture.create_session().await;
    let missing = fixture.simulator.load_account(&file).unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
    std::fs::write(&file, "{\"sessions\": []").unwrap();
    fixture.simulator.load_account(&file).unwrap_err();
    assert_eq!(fixture.simulator.sessions()[0].id, session);
}
