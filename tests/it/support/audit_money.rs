//! Audits the money: each cent that was paid is where the ledger says, and Stripe has the same refunds and disputes.

use std::collections::{BTreeSet, HashMap};

use holdfast::sandbox::{DisputeStatus, IntentView, RefundStatus, RefundView, Simulator};

use super::{AuditConnection, Cells, INSTALLATION_KEY, find_installation};

/// The metadata key with the command that ordered a refund.
const COMMAND_KEY: &str = "holdfast_command";

/// Checks all that is known of payments, refunds and disputes.
pub(super) async fn check(database: &mut AuditConnection, simulator: &Simulator) -> Vec<String> {
    let mut findings = check_money(database, simulator).await;
    findings.extend(check_foreign_money(database, simulator).await);
    findings.extend(check_orders(database, simulator).await);
    findings.extend(check_ledger(database, simulator).await);
    findings
}

/// Tells whether a refund gives money back, or still may.
fn gives_back(refund: &RefundView) -> bool {
    !matches!(refund.status, RefundStatus::Failed | RefundStatus::Canceled)
}

/// Checks that each order made at most one refund, of its own amount, and that what is kept and ordered is what was paid.
async fn check_orders(database: &mut AuditConnection, simulator: &Simulator) -> Vec<String> {
    let sums = "SELECT p.intent_id, CAST(p.amount AS text), CAST(p.keep AS text) FROM payments p
        WHERE p.keep IS NOT NULL AND p.amount <> p.keep + p.covered - p.reordered + coalesce(
            (SELECT sum(c.amount) FROM commands c WHERE c.intent_id = p.intent_id AND c.kind = 'refund'), 0)";
    let mut findings = database.find("kept and ordered is not what was paid", sums).await;
    let orders =
        "SELECT CAST(id AS text), intent_id, CAST(amount AS text), CAST(done_at AS text) FROM commands
        WHERE kind = 'refund'";
    let orders = database.map(orders).await;
    let known = database.map("SELECT id, CAST(amount AS text) FROM refunds").await;
    let mut carried_out: HashMap<String, Vec<RefundView>> = HashMap::new();
    for refund in simulator.refunds() {
        if let Some(command) = refund.metadata.get(COMMAND_KEY) {
            carried_out.entry(command.clone()).or_default().push(refund);
        }
    }
    for (command, refunds) in carried_out {
        let Some(order) = orders.get(&command) else {
            // Another database of the same test has it.
            continue;
        };
        let fits = |refund: &RefundView| {
            order[1].as_ref() == Some(&refund.payment_intent) && order[2] == Some(refund.amount.to_string())
        };
        if refunds.len() > 1 || !refunds.iter().all(fits) {
            findings.push(format!(
                "an order is refunded otherwise: {order:?} by {refunds:?}"
            ));
        }
        if order[3].is_some() && !refunds.iter().all(|refund| known.contains_key(&refund.id)) {
            findings.push(format!(
                "the answer of an order is not in the ledger: {refunds:?}"
            ));
        }
    }
    findings
}

/// Checks, for each payment about whose refunds and disputes all events have arrived, that the ledger has what Stripe has,
/// to the cent.
async fn check_ledger(database: &mut AuditConnection, simulator: &Simulator) -> Vec<String> {
    let applied = database.map("SELECT id FROM stripe_events").await;
    let unapplied: String = simulator
        .events()
        .into_iter()
        .filter(|event| is_about_money(&event.event_type) && !applied.contains_key(&event.id))
        .map(|event| event.payload)
        .collect();
    let payments = "SELECT intent_id, CAST(refunded AS text) FROM payments";
    let ledger = "SELECT id, intent_id, CAST(amount AS text), status FROM refunds
        UNION ALL SELECT id, intent_id, CAST(amount AS text), status FROM disputes";
    let ledger = database.map(ledger).await;
    let mut findings = Vec::new();
    for (intent, payment) in database.map(payments).await {
        if unapplied.contains(&intent) {
            continue;
        }
        let recorded: BTreeSet<Cells> = ledger
            .values()
            .filter(|row| row[1].as_ref() == Some(&intent))
            .cloned()
            .collect();
        let at_stripe = list_at_stripe(simulator, &intent);
        if recorded != at_stripe {
            findings.push(format!(
                "the ledger is not as at Stripe: {recorded:?} instead of {at_stripe:?}"
            ));
        }
        let refunds = simulator.refunds().into_iter();
        let back: i64 = refunds
            .filter(|refund| refund.payment_intent == intent && refund.status == RefundStatus::Succeeded)
            .map(|refund| refund.amount)
            .sum();
        if payment[1] != Some(back.to_string()) {
            findings.push(format!("{back} went back of {intent}, recorded as {payment:?}"));
        }
    }
    findings
}

fn is_about_money(event_type: &str) -> bool {
    ["refund.", "charge.refund", "charge.dispute."]
        .iter()
        .any(|prefix| event_type.starts_with(prefix))
}

/// Returns Stripe's word for a status.
fn to_word(status: &impl serde::Serialize) -> Option<String> {
    serde_json::to_value(status).unwrap().as_str().map(str::to_owned)
}

/// Returns the refunds and disputes of a payment as Stripe has them: id, intent, amount and status.
fn list_at_stripe(simulator: &Simulator, intent: &str) -> BTreeSet<Cells> {
    let refunds = simulator.refunds().into_iter().map(|refund| {
        let status = to_word(&refund.status);
        (refund.id, refund.payment_intent, refund.amount, status)
    });
    let disputes = simulator.disputes().into_iter().map(|dispute| {
        let status = to_word(&dispute.status);
        (dispute.id, dispute.payment_intent, dispute.amount, status)
    });
    refunds
        .chain(disputes)
        .filter(|object| object.1 == intent)
        .map(|(id, intent, amount, status)| vec![Some(id), Some(intent), Some(amount.to_string()), status])
        .collect()
}

/// Sums up what the bank took of a payment for good.
fn sum_lost(simulator: &Simulator, intent: &str) -> i64 {
    let disputes = simulator.disputes().into_iter();
    disputes
        .filter(|dispute| dispute.payment_intent == intent && dispute.status == DisputeStatus::Lost)
        .map(|dispute| dispute.amount)
        .sum()
}

/// What the database knows of money and holds.
struct MoneyRecords {
    /// Session to status, and status with reason.
    holds: HashMap<String, Cells>,
    /// Intent to state, refunded amount, and the session of the hold that it pays.
    payments: HashMap<String, Cells>,
    /// The intents with an order to refund that is not done.
    refund_orders: HashMap<String, Cells>,
    /// The sessions that are to be expired.
    expiries: HashMap<String, Cells>,
    /// The hold ids of attempts that have not ended.
    running: HashMap<String, Cells>,
    /// The payloads of the events that Stripe has not delivered.
    undelivered: String,
}

impl MoneyRecords {
    async fn read(database: &mut AuditConnection, simulator: &Simulator) -> Self {
        // Another session of ours may have paid a hold: its payment names the hold.
        let payments = "SELECT p.intent_id, p.state, CAST(p.refunded AS text), h.session_id
            FROM payments p LEFT JOIN holds h ON h.id = p.hold_id AND p.state IN ('paid', 'disputed')";
        let pending = simulator.pending_events().into_iter();
        Self {
            holds: database
                .map("SELECT session_id, status, status || '/' || coalesce(reason, '') FROM holds")
                .await,
            payments: database.map(payments).await,
            refund_orders: database
                .map("SELECT intent_id FROM commands WHERE kind = 'refund' AND done_at IS NULL")
                .await,
            expiries: database
                .map("SELECT session_id FROM commands WHERE kind = 'expire_session' AND done_at IS NULL")
                .await,
            running: database
                .map("SELECT CAST(hold_id AS text) FROM checkout_attempts WHERE state IN ('running', 'unsettled')")
                .await,
            undelivered: pending.map(|event| event.payload).collect(),
        }
    }

    /// Tells whether something that is not done yet may still move the money of a payment.
    fn is_under_way(&self, intent: &IntentView) -> bool {
        self.refund_orders.contains_key(&intent.id)
            || self.expiries.contains_key(&intent.session)
            || intent
                .metadata
                .values()
                .any(|hold| self.running.contains_key(hold))
            || self.undelivered.contains(&intent.id)
    }

    /// Checks one payment, of which `back` minor units went back in each refund, and `lost` are lost.
    fn check_payment(&self, intent: &IntentView, back: &[i64], lost: i64) -> Vec<String> {
        let mut findings = Vec::new();
        let total: i64 = back.iter().sum();
        let in_full = back.iter().filter(|amount| **amount == intent.amount_received);
        if total > intent.amount_received || in_full.count() > 1 {
            findings.push(format!("more refunded than paid: {intent:?} {back:?}"));
        }
        let payment = self.payments.get(&intent.id);
        let cell = |index: usize| payment.and_then(|row| row[index].as_deref());
        if cell(2).is_some_and(|booked| booked.parse::<i64>().unwrap() > total) {
            findings.push(format!(
                "the database has a refund that Stripe does not have: {intent:?}"
            ));
        }
        let hold =
            |session: &str, index: usize| self.holds.get(session).and_then(|row| row[index].as_deref());
        let live = hold(cell(3).unwrap_or(&intent.session), 1);
        let live = matches!(live, Some("held" | "processing" | "confirmed"));
        // After an operator's cancel the shop may keep a part. The rest is a refund command like any other.
        let kept = cell(1) == Some("kept");
        if kept && hold(&intent.session, 2) != Some("cancelled/operator") {
            findings.push(format!("money kept without an operator's decision: {intent:?}"));
        }
        // A refund that failed is due until a person sees to it.
        let is_due = cell(1) == Some("refund_failed");
        let is_settled = live || kept || is_due || self.is_under_way(intent);
        if total + lost < intent.amount_received && !is_settled {
            findings.push(format!(
                "money without a slot: {intent:?}, recorded as {payment:?}"
            ));
        }
        findings
    }
}

/// Checks I3: money has its slot, or is refunded or about to be; nothing is refunded twice.
async fn check_money(database: &mut AuditConnection, simulator: &Simulator) -> Vec<String> {
    let (intents, refunds) = (simulator.intents(), simulator.refunds());
    let records = MoneyRecords::read(database, simulator).await;
    let installation = find_installation(database).await;
    let is_ours = |intent: &&IntentView| intent.metadata.get(INSTALLATION_KEY) == Some(&installation);
    let paid = intents.iter().filter(|intent| intent.amount_received > 0);
    let findings = paid.filter(is_ours).flat_map(|intent| {
        let refunds = refunds.iter();
        let back: Vec<i64> = refunds
            .filter(|refund| refund.payment_intent == intent.id && gives_back(refund))
            .map(|refund| refund.amount)
            .collect();
        records.check_payment(intent, &back, sum_lost(simulator, &intent.id))
    });
    findings.collect()
}

/// Checks I3: no payment of another product or installation is recorded, and none is refunded.
async fn check_foreign_money(database: &mut AuditConnection, simulator: &Simulator) -> Vec<String> {
    let installation = find_installation(database).await;
    let ours = database.map("SELECT intent_id FROM payments").await;
    let refunded = database
        .map("SELECT intent_id FROM commands WHERE kind = 'refund'")
        .await;
    let intents = simulator.intents().into_iter();
    let touched = intents.filter(|intent| {
        intent.metadata.get(INSTALLATION_KEY) != Some(&installation)
            && (ours.contains_key(&intent.id) || refunded.contains_key(&intent.id))
    });
    touched
        .map(|intent| format!("a foreign payment in the ledger: {intent:?}"))
        .collect()
}
