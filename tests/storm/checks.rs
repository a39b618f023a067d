//! Checks an episode by the database, the simulator and the observations of the guests, without a call to the program.
//!
//! The auditor of the other tests finds broken invariants. The checks here add what it cannot know: what must be
//! finished at the end, and what the guests received.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use holdfast::sandbox::{DisputeStatus, RefundStatus, SessionStatus, Simulator};

use crate::observations::Observations;
use crate::processes::MOST_UNPAID_HOLDS;
use crate::sold_units::{claims_in_database, oversold};
use crate::stripe_proxy::LeaseObserver;
use crate::support::audit::{Audit, AuditConnection, Cells, slots};
use crate::support::database::TestDatabase;

/// The interval of the checks during the storm.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// The sources that the checks read.
pub(crate) struct Evidence<'a> {
    pub(crate) database: &'a TestDatabase,
    pub(crate) simulator: &'a Simulator,
    pub(crate) observations: &'a Observations,
    pub(crate) lease_observer: &'a LeaseObserver,
}

impl Evidence<'_> {
    pub(crate) async fn open_database(&self) -> AuditConnection {
        AuditConnection::open(self.database.engine(), self.database.url()).await
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

/// Checks I1 and the limits on unpaid holds, which are kept at every moment, also during the storm.
pub(crate) async fn at_every_moment(evidence: &Evidence<'_>) -> Vec<String> {
    let mut database = evidence.open_database().await;
    let mut findings = slots(&mut database).await;
    findings.extend(oversold(&claims_in_database(&mut database).await));
    let too_many = format!(
        "SELECT client_id, CAST(unpaid AS text) FROM (
             SELECT client_id, count(*) AS unpaid FROM holds WHERE status IN ('held', 'processing')
             GROUP BY client_id) AS counted
         WHERE unpaid > {MOST_UNPAID_HOLDS}"
    );
    findings.extend(
        database
            .find("a client has more unpaid holds than the limit", &too_many)
            .await,
    );
    findings
}

/// Repeats the check for so long: two holds with one slot may both end soon. This is the length of the storm, not a
/// wait for a state.
pub(crate) async fn check_repeatedly(evidence: &Evidence<'_>, open_for: Duration) -> Vec<String> {
    let (began, mut findings) = (Instant::now(), BTreeSet::new());
    while began.elapsed() < open_for {
        findings.extend(at_every_moment(evidence).await);
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
    findings.into_iter().collect()
}

/// Checks that no session is payable whose slot is free. This is so at every moment at which no process runs.
pub(crate) fn payable_sessions(evidence: &Evidence<'_>) -> Vec<String> {
    let mut findings = evidence.audit();
    findings.retain(|finding| finding.starts_with("a stray payable session"));
    findings
}

/// Checks what the sweep alone must have repaired. Only a webhook reports a payment through an expired session.
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

/// Checks all invariants after every event was delivered.
pub(crate) async fn check_all(evidence: &Evidence<'_>) -> Vec<String> {
    let mut findings = evidence.audit();
    findings.extend(oversold(
        &claims_in_database(&mut evidence.open_database().await).await,
    ));
    findings.extend(unfinished(evidence).await);
    findings.extend(figures(evidence).await);
    findings.extend(guests(evidence).await);
    findings.extend(reassigned(evidence).await);
    findings.extend(evidence.lease_observer.findings(evidence.observations));
    findings.extend(evidence.observations.unexpected.lock().unwrap().iter().cloned());
    findings
}

async fn unfinished(evidence: &Evidence<'_>) -> Vec<String> {
    let mut database = evidence.open_database().await;
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
            "a hold is not settled",
            "SELECT CAST(id AS text), status FROM holds WHERE status IN ('held', 'processing')",
        ),
    ] {
        findings.extend(database.find(what, sql).await);
    }
    let open = evidence.simulator.sessions().into_iter();
    let open = open.filter(|session| session.status == SessionStatus::Open);
    findings.extend(open.map(|session| format!("a session is still open: {session:?}")));
    findings
}

/// Checks by SQL what the metrics say must be 0.
async fn figures(evidence: &Evidence<'_>) -> Vec<String> {
    let mut database = evidence.open_database().await;
    let mut findings = database
        .find(
            "a refund is missing",
            "SELECT intent_id, state FROM payments WHERE state = 'refund_due'",
        )
        .await;
    let failed = database
        .ask("SELECT intent_id FROM payments WHERE state = 'refund_failed'")
        .await;
    let failed = failed.into_iter().flatten().flatten();
    let unfounded = failed.filter(|intent| !has_failed_refund(evidence.simulator, intent));
    findings.extend(unfounded.map(|intent| format!("a refund that did not fail counts as failed: {intent}")));
    let unpaid =
        "SELECT CAST(id AS text), (SELECT max(intent_id) FROM payments WHERE hold_id = holds.id) FROM holds
        WHERE status = 'confirmed' AND NOT EXISTS
        (SELECT 1 FROM payments WHERE hold_id = holds.id AND state = 'paid')";
    for hold in database.ask(unpaid).await {
        // A booking stays when the bank takes its money.
        let intent = hold[1].as_deref().unwrap_or_default();
        if !has_lost_dispute(evidence.simulator, intent) {
            findings.push(format!("a slot without a payment: {hold:?}"));
        }
    }
    findings
}

/// Checks that a guest who read `confirmed` has the slot or a full refund, and that the segments that the guests read
/// do not exceed the resources.
async fn guests(evidence: &Evidence<'_>) -> Vec<String> {
    let holds = "SELECT CAST(id AS text), status, session_id, coalesce(reason, '') FROM holds";
    let holds = evidence.open_database().await.map(holds).await;
    let observed_holds = evidence.observations.holds.lock().unwrap();
    let mut findings = Vec::new();
    let mut owned = Vec::new();
    for observed in observed_holds.iter() {
        let Some(hold) = holds.get(&observed.hold) else {
            findings.push(format!(
                "a guest received a hold that is not in the database: {observed:?}"
            ));
            continue;
        };
        let has_it = hold[1].as_deref() == Some("confirmed");
        // An operator decides how much goes back of what they cancel.
        let by_operator = hold[3].as_deref() == Some("operator");
        if observed.confirmed && !has_it && !by_operator && !is_refunded(evidence.simulator, hold) {
            findings.push(format!(
                "a guest read `confirmed`, and has neither slot nor refund: {observed:?} {hold:?}"
            ));
        }
        if has_it {
            owned.extend(observed.claims());
        }
    }
    let shared = oversold(&owned).into_iter();
    findings.extend(shared.map(|finding| format!("as the guests read, {finding}")));
    findings
}

/// Checks that only a late payment changed the resources of a hold, and that the history names them.
async fn reassigned(evidence: &Evidence<'_>) -> Vec<String> {
    let mut database = evidence.open_database().await;
    let found = std::mem::take(&mut *evidence.observations.reassigned.lock().unwrap());
    let mut findings = Vec::new();
    for (hold, with) in found {
        let query = format!(
            "SELECT message FROM hold_history WHERE hold_id = '{hold}' AND message = 'paid after the release; the slot was still free, now with {with}'"
        );
        if database.ask(&query).await.is_empty() {
            findings.push(format!("other resources without a late payment: {hold} {with}"));
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
        // A refund that failed is due until a person sees to it: `figures` checks that it is counted.
        let back = refunds.filter(|refund| refund.payment_intent == intent.id);
        let back = back.map(|refund| refund.amount).sum::<i64>();
        back >= intent.amount_received || has_lost_dispute(simulator, &intent.id)
    })
}

fn has_failed_refund(simulator: &Simulator, intent: &str) -> bool {
    let refunds = simulator.refunds();
    refunds
        .iter()
        .any(|refund| refund.payment_intent == intent && refund.status == RefundStatus::Failed)
}

fn has_lost_dispute(simulator: &Simulator, intent: &str) -> bool {
    let disputes = simulator.disputes();
    disputes
        .iter()
        .any(|dispute| dispute.payment_intent == intent && dispute.status == DisputeStatus::Lost)
}
