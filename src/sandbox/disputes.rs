//! A bank takes money back on a guest's word: only the opening, which is what a shop hears first.

use super::state::{Moment, State};
use super::{ControlError, ids};

/// An open dispute over a whole charge.
#[derive(Debug, Clone)]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) charge: String,
    pub(super) intent: String,
    pub(super) amount: i64,
    pub(super) currency: String,
}

impl State {
    pub(super) fn dispute(&mut self, intent: &str, moment: &Moment) -> Result<(), ControlError> {
        let found = self.intents.get(intent).ok_or(ControlError::NoSuchIntent)?;
        let charge = found
            .latest_charge
            .as_ref()
            .and_then(|id| self.charges.get_mut(id));
        let charge = charge
            .filter(|charge| !charge.disputed)
            .ok_or(ControlError::NothingToDispute)?;
        charge.disputed = true;
        let dispute = Dispute {
            id: ids::dispute(),
            created: moment.now,
            charge: charge.id.clone(),
            intent: intent.to_owned(),
            amount: charge.amount,
            currency: charge.currency.clone(),
        };
        let object = super::objects::dispute(&dispute);
        self.disputes.insert(dispute.id.clone(), dispute);
        self.emit("charge.dispute.created", object, moment);
        Ok(())
    }
}
