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
        WHERE p.keep IS NOT NULL AND p.amount <> p.keep - p.reordered + coalesce(
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

/// Tells whether the bank took the money of a payment for good.
fn is_lost(simulator: &Simulator, intent: &str) -> bool {
    let disputes = simulator.disputes();
    disputes
        .iter()
        .any(|dispute| dispute.payment_intent == intent && dispute.status == DisputeStatus::Lost)
}

/// Checks I3: money has its slot, or is refunded or about to be; nothing is refunded twice.
async fn check_money(database: &mut AuditConnection, simulator: &Simulator) -> Vec<String> {
    let (intents, refunds) = (simulator.intents(), simulator.refunds());
    let undelivered: String = simulator
        .pending_events()
        .into_iter()
        .map(|event| event.payload)
        .collect();
    let holds = "SELECT session_id, status, status || '/' || coalesce(reason, '') FROM holds";
    let holds = database.map(holds).await;
    // Another session of ours may have paid a hold: its payment names the hold.
    let payments = "SELECT p.intent_id, p.state, CAST(p.refunded AS text), h.session_id
        FROM payments p LEFT JOIN holds h ON h.id = p.hold_id AND p.state IN ('paid', 'disputed')";
    let payments = database.map(payments).await;
    let installation = find_installation(database).await;
    let refund_orders = "SELECT intent_id FROM commands WHERE kind = 'refund' AND done_at IS NULL";
    let refund_orders = database.map(refund_orders).await;
    let expiries = "SELECT session_id FROM commands WHERE kind = 'expire_session' AND done_at IS NULL";
    let expiries = database.map(expiries).await;
    let running =
        "SELECT CAST(hold_id AS text) FROM checkout_attempts WHERE state IN ('running', 'unsettled')";
    let running = database.map(running).await;
    let mut findings = Vec::new();
    let is_ours = |intent: &&IntentView| intent.metadata.get(INSTALLATION_KEY) == Some(&installation);
    for intent in intents
        .iter()
        .filter(|intent| intent.amount_received > 0 && is_ours(intent))
    {
        let back: Vec<i64> = refunds
            .iter()
            .filter(|r| r.payment_intent == intent.id && gives_back(r))
            .map(|r| r.amount)
            .collect();
        let total: i64 = back.iter().sum();
        let ours = back
            .iter()
            .filter(|amount| **amount == intent.amount_received)
            .count();
        if total > intent.amount_received || ours > 1 {
            findings.push(format!("more refunded than paid: {intent:?} {back:?}"));
        }
        let booked = payments.get(&intent.id).and_then(|row| row[2].clone());
        if booked.is_some_and(|booked| booked.parse::<i64>().unwrap() > total) {
            findings.push(format!(
                "the database has a refund that Stripe does not have: {intent:?}"
            ));
        }
        let is_lost = is_lost(simulator, &intent.id);
        let payer = payments.get(&intent.id).and_then(|row| row[3].as_ref());
        let paid_session = payer.unwrap_or(&intent.session);
        let live = holds.get(paid_session).and_then(|row| row[1].as_deref());
        let live = matches!(live, Some("held" | "processing" | "confirmed"));
        let going_back = refund_orders.contains_key(&intent.id)
            || expiries.contains_key(&intent.session)
            || intent.metadata.values().any(|hold| running.contains_key(hold))
            || undelivered.contains(&intent.id);
        // After an operator's cancel the shop may keep a part. The rest is a refund command like any other.
        let state = payments.get(&intent.id).and_then(|row| row[1].as_deref());
        let cancelled =
            holds.get(&intent.session).and_then(|row| row[2].as_deref()) == Some("cancelled/operator");
        // A refund that failed is due until a person sees to it.
        let is_due = state == Some("refund_failed");
        let kept = state == Some("kept") && cancelled;
        if state == Some("kept") && !cancelled {
            findings.push(format!("money kept without an operator's decision: {intent:?}"));
        }
        if total < intent.amount_received && !live && !going_back && !kept && !is_lost && !is_due {
            findings.push(money_without_slot(intent, payments.get(&intent.id)));
        }
    }
    findings
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

fn money_without_slot(intent: &IntentView, payment: Option<&Cells>) -> String {
    format!("money without a slot: {intent:?}, recorded as {payment:?}")
}
