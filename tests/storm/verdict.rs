//! The verdict on an episode, from the database, the simulator and what the guests saw; nothing of the program is asked.
//!
//! The auditor of the other tests names broken promises; here is what it cannot know: what must be over when all has
//! come to rest, and what guests were told.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use holdfast::sandbox::{SessionStatus, Simulator};

use crate::count::{on_the_books, oversold};
use crate::diary::Diary;
use crate::door::Porter;
use crate::support::audit::{Audit, Books, Cells, slots};
use crate::support::database::TestDatabase;

/// How often somebody looks whether each slot has one buyer.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// What there is to read.
pub(crate) struct Evidence<'a> {
    pub(crate) database: &'a TestDatabase,
    pub(crate) simulator: &'a Simulator,
    pub(crate) diary: &'a Diary,
    pub(crate) porter: &'a Porter,
}

impl Evidence<'_> {
    async fn books(&self) -> Books {
        Books::open(self.database.engine(), self.database.url()).await
    }

    fn audit(&self) -> Vec<String> {
        let audit = Audit {
            engine: self.database.engine(),
            url: self.database.url().to_owned(),
            simulator: self.simulator.clone(),
            wait_timeout: Duration::ZERO,
        };
        audit.findings()
    }
}

/// I1, which holds at every moment, the middle of the storm included.
pub(crate) async fn one_buyer_each(evidence: &Evidence<'_>) -> Vec<String> {
    let mut books = evidence.books().await;
    let mut findings = slots(&mut books).await;
    findings.extend(oversold(&on_the_books(&mut books).await));
    findings
}

/// The same again and again for so long: two who have one slot may both be gone soon. The length of the storm, not a
/// wait: nothing needs to have happened by then.
pub(crate) async fn throughout(evidence: &Evidence<'_>, open_for: Duration) -> Vec<String> {
    let (began, mut findings) = (Instant::now(), BTreeSet::new());
    while began.elapsed() < open_for {
        findings.extend(one_buyer_each(evidence).await);
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    findings.into_iter().collect()
}

/// What the sweep alone must have mended. Of money that came against Stripe's promise only a webhook can tell.
pub(crate) async fn without_late_payments(evidence: &Evidence<'_>) -> Vec<String> {
    let sessions = evidence.simulator.sessions();
    let over = |session: &&holdfast::sandbox::SessionView| session.status == SessionStatus::Expired;
    let late: Vec<_> = sessions
        .iter()
        .filter(over)
        .filter_map(|session| session.payment_intent.clone())
        .collect();
    let mut findings = evidence.audit();
    findings.retain(|finding| !late.iter().any(|intent| finding.contains(intent)));
    findings.extend(unfinished(evidence).await);
    findings
        .iter()
        .map(|finding| format!("after the sweep: {finding}"))
        .collect()
}

/// All promises, when everything was told.
pub(crate) async fn in_full(evidence: &Evidence<'_>) -> Vec<String> {
    let mut findings = evidence.audit();
    findings.extend(oversold(&on_the_books(&mut evidence.books().await).await));
    findings.extend(unfinished(evidence).await);
    findings.extend(figures(evidence).await);
    findings.extend(guests(evidence).await);
    findings.extend(with_others(evidence).await);
    findings.extend(evidence.porter.findings(evidence.diary));
    findings.extend(evidence.diary.oddities.lock().unwrap().iter().cloned());
    findings
}

async fn unfinished(evidence: &Evidence<'_>) -> Vec<String> {
    let mut books = evidence.books().await;
    let mut findings = Vec::new();
    for (what, sql) in [
        (
            "an attempt is not closed",
            "SELECT CAST(hold_id AS text), state FROM checkout_attempts WHERE state IN ('running', 'unsettled')",
        ),
        (
            "a command is not done",
            "SELECT CAST(id AS text), kind, last_error FROM commands WHERE done_at IS NULL",
        ),
        (
            "a hold is still waiting",
            "SELECT CAST(id AS text), status FROM holds WHERE status IN ('held', 'processing')",
        ),
    ] {
        findings.extend(books.find(what, sql).await);
    }
    let open = evidence.simulator.sessions().into_iter();
    let open = open.filter(|session| session.status == SessionStatus::Open);
    findings.extend(open.map(|session| format!("a session is still open: {session:?}")));
    findings
}

/// What the metrics call "must be 0", by hand.
async fn figures(evidence: &Evidence<'_>) -> Vec<String> {
    let mut books = evidence.books().await;
    let mut findings = books
        .find(
            "money is not where it belongs",
            "SELECT intent_id, state FROM payments WHERE state IN ('refund_due', 'refund_failed')",
        )
        .await;
    let unpaid = "SELECT CAST(id AS text) FROM holds WHERE status = 'confirmed' AND NOT EXISTS
        (SELECT 1 FROM payments WHERE hold_id = holds.id AND state = 'paid')";
    findings.extend(books.find("a slot that nobody paid for", unpaid).await);
    findings
}

/// Who read `confirmed` has the slot, or the whole money back; and all who have one were told of places that are enough
/// for all of them.
async fn guests(evidence: &Evidence<'_>) -> Vec<String> {
    let holds = "SELECT CAST(id AS text), status, session_id FROM holds";
    let holds = evidence.books().await.map(holds).await;
    let given = evidence.diary.given.lock().unwrap();
    let mut findings = Vec::new();
    let mut owned = Vec::new();
    for given in given.iter() {
        let Some(hold) = holds.get(&given.hold) else {
            findings.push(format!(
                "a guest was given a hold that is not on the books: {given:?}"
            ));
            continue;
        };
        let has_it = hold[1].as_deref() == Some("confirmed");
        if given.confirmed && !has_it && !is_refunded(evidence.simulator, hold) {
            findings.push(format!(
                "a guest was told that the slot is theirs, and has neither slot nor money: {given:?} {hold:?}"
            ));
        }
        if has_it {
            owned.extend(given.claims());
        }
    }
    let shared = oversold(&owned).into_iter();
    findings.extend(shared.map(|finding| format!("as guests were told, {finding}")));
    findings
}

/// Whoever is served by others than they were told paid late, and the history says with whom.
async fn with_others(evidence: &Evidence<'_>) -> Vec<String> {
    let mut books = evidence.books().await;
    let found = std::mem::take(&mut *evidence.diary.with_others.lock().unwrap());
    let mut findings = Vec::new();
    for (hold, with) in found {
        let why = format!(
            "SELECT message FROM hold_history WHERE hold_id = '{hold}' AND message = 'paid after the release; the slot was still free, now with {with}'"
        );
        if books.ask(&why).await.is_empty() {
            findings.push(format!(
                "served by others, and late money is not why: {hold} {with}"
            ));
        }
    }
    findings
}

fn is_refunded(simulator: &Simulator, hold: &Cells) -> bool {
    let intents = simulator.intents().into_iter();
    let mut paid =
        intents.filter(|intent| Some(&intent.session) == hold[2].as_ref() && intent.amount_received > 0);
    paid.all(|intent| {
        let refunds = simulator.refunds().into_iter();
        let back = refunds.filter(|refund| refund.payment_intent == intent.id);
        back.map(|refund| refund.amount).sum::<i64>() == intent.amount_received
    })
}
