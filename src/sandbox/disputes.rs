//! Operations on disputes: the guest's bank inquires, takes the money, and gives it back or keeps it.
//!
//! A dispute only moves forward, in the order of [`DisputeStatus`]. While it has withdrawn the money, Stripe refuses
//! refunds of the charge (docs.stripe.com/disputes/how-disputes-work).

use serde::Deserialize;

use super::account_state::AccountState;
use super::control_error::ControlError;
use super::event_log::ChangeContext;
use super::objects::{Dispute, DisputeStatus};
use super::{ids, object_json};

/// How a dispute begins.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewDispute {
    /// `NeedsResponse`, `WarningNeedsResponse` for an inquiry, or `Prevented`.
    pub status: DisputeStatus,
    /// The amount that is disputed. `None` is what was not refunded, or all if everything was.
    pub amount: Option<i64>,
    /// The guest's objection, in Stripe's word.
    pub reason: String,
}

impl Default for NewDispute {
    fn default() -> NewDispute {
        NewDispute {
            status: DisputeStatus::NeedsResponse,
            amount: None,
            reason: "fraudulent".to_owned(),
        }
    }
}

impl AccountState {
    /// Opens a dispute over the intent's charge and returns its id.
    pub(super) fn open_dispute(
        &mut self,
        intent: &str,
        new: NewDispute,
        context: &ChangeContext,
    ) -> Result<String, ControlError> {
        let found = self.intents.get(intent).ok_or(ControlError::NoSuchIntent)?;
        let charge = found.latest_charge.as_ref().and_then(|id| self.charges.get(id));
        let charge = charge.filter(|charge| !self.has_unfinished_dispute(&charge.id));
        let charge = charge.ok_or(ControlError::NothingToDispute)?;
        let left = match charge.amount - charge.amount_refunded {
            0 => charge.amount,
            left => left,
        };
        let amount = new.amount.unwrap_or(left);
        if !(1..=charge.amount).contains(&amount) || !new.status.is_first() {
            return Err(ControlError::Refused("a dispute does not begin like this".into()));
        }
        let dispute = Dispute {
            id: ids::generate_dispute_id(),
            created: context.now,
            charge: charge.id.clone(),
            intent: intent.to_owned(),
            amount,
            currency: charge.currency.clone(),
            status: new.status,
            reason: new.reason,
        };
        let (id, charge_id) = (dispute.id.clone(), dispute.charge.clone());
        if let Some(charge) = self.charges.get_mut(&charge_id) {
            charge.disputed = true;
        }
        self.disputes.insert(id.clone(), dispute);
        self.record_dispute_event("charge.dispute.created", &id, context);
        if new.status.withdraws_money() {
            self.withdraw_money(&id, &charge_id, context);
        }
        Ok(id)
    }

    /// Moves a dispute forward.
    pub(super) fn change_dispute(
        &mut self,
        id: &str,
        status: DisputeStatus,
        context: &ChangeContext,
    ) -> Result<(), ControlError> {
        let dispute = self.disputes.get_mut(id).ok_or(ControlError::NoSuchDispute)?;
        let before = dispute.status;
        if status <= before {
            return Err(ControlError::Refused("a dispute only moves forward".into()));
        }
        dispute.status = status;
        let charge = dispute.charge.clone();
        let event = if status.is_closed() {
            "charge.dispute.closed"
        } else {
            "charge.dispute.updated"
        };
        self.record_dispute_event(event, id, context);
        match (before.withdraws_money(), status.withdraws_money()) {
            (false, true) => self.withdraw_money(id, &charge, context),
            (true, false) => self.record_dispute_event("charge.dispute.funds_reinstated", id, context),
            _ => {}
        }
        Ok(())
    }

    /// Whether a dispute has taken the charge's money and has not given it back.
    pub(super) fn is_money_withdrawn(&self, charge: &str) -> bool {
        self.disputes
            .values()
            .any(|dispute| dispute.charge == charge && dispute.status.withdraws_money())
    }

    fn has_unfinished_dispute(&self, charge: &str) -> bool {
        self.disputes.values().any(|dispute| {
            dispute.charge == charge && (!dispute.status.is_closed() || dispute.status.withdraws_money())
        })
    }

    fn withdraw_money(&mut self, dispute: &str, charge: &str, context: &ChangeContext) {
        self.record_dispute_event("charge.dispute.funds_withdrawn", dispute, context);
        self.fail_pending_refunds(charge, context);
    }

    fn record_dispute_event(&mut self, event_type: &str, id: &str, context: &ChangeContext) {
        if let Some(object) = self.disputes.get(id).map(object_json::dispute_to_json) {
            self.record_event(event_type, object, context);
        }
    }
}
