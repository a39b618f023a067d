//! Operations on disputes: the guest's bank takes a payment back.
//!
//! Only the opening of a dispute is simulated: it is the event that tells the seller about the dispute.

use super::account_state::AccountState;
use super::control_error::ControlError;
use super::event_log::ChangeContext;
use super::objects::Dispute;
use super::{ids, object_json};

impl AccountState {
    pub(super) fn create_dispute(
        &mut self,
        intent: &str,
        context: &ChangeContext,
    ) -> Result<(), ControlError> {
        let found = self.intents.get(intent).ok_or(ControlError::NoSuchIntent)?;
        let charge = found
            .latest_charge
            .as_ref()
            .and_then(|id| self.charges.get_mut(id));
        let charge = charge
            .filter(|charge| !charge.disputed)
            .ok_or(ControlError::NothingToDispute)?;
        // From now on Stripe refuses refunds of this charge (`charge_disputed`).
        charge.disputed = true;
        let dispute = Dispute {
            id: ids::generate_dispute_id(),
            created: context.now,
            charge: charge.id.clone(),
            intent: intent.to_owned(),
            amount: charge.amount,
            currency: charge.currency.clone(),
        };
        let object = object_json::dispute_to_json(&dispute);
        self.disputes.insert(dispute.id.clone(), dispute);
        self.record_event("charge.dispute.created", object, context);
        Ok(())
    }
}
