//! The money of the simulated Stripe after the payment: refunds and disputes, and what they are in the types of the domain.

use holdfast::domain::ids::{ChargeId, DisputeId, RefundId};
use holdfast::domain::ledger::snapshots::{DisputeSnapshot, DisputeStatus, RefundSnapshot, RefundStatus};

use crate::call::{CommandIndex, Guest, intent_id, price};
use crate::doubles::command_id;
use crate::fixture;

/// A refund at Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Refund {
    /// Its number among the refunds of the payment.
    pub(crate) number: usize,
    /// The command that ordered it; `None` for a refund at the dashboard.
    pub(crate) command: Option<CommandIndex>,
    pub(crate) amount: i64,
    /// The guest's bank did not take the money, so the shop has it again.
    pub(crate) has_failed: bool,
}

/// The state of the one dispute that a payment may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Dispute {
    Open,
    Won,
    Lost,
}

impl Refund {
    pub(crate) fn snapshot(self, guest: Guest) -> RefundSnapshot {
        RefundSnapshot {
            status: if self.has_failed {
                RefundStatus::Failed
            } else {
                RefundStatus::Succeeded
            },
            money: holdfast::domain::money::Money {
                amount: self.amount,
                ..price()
            },
            failure_reason: None,
            command: self.command.map(command_id),
            intent: Some(intent_id(guest)),
            charge: Some(ChargeId::new(format!("ch_{guest}"))),
            created: fixture::start(),
            id: RefundId::new(format!("re_{guest}_{}", self.number)),
        }
    }
}

impl Dispute {
    pub(crate) fn snapshot(self, guest: Guest) -> DisputeSnapshot {
        DisputeSnapshot {
            status: match self {
                Self::Open => DisputeStatus::NeedsResponse,
                Self::Won => DisputeStatus::Won,
                Self::Lost => DisputeStatus::Lost,
            },
            money: price(),
            reason: None,
            due_by: None,
            intent: Some(intent_id(guest)),
            charge: Some(ChargeId::new(format!("ch_{guest}"))),
            created: fixture::start(),
            id: DisputeId::new(format!("du_{guest}")),
        }
    }
}
