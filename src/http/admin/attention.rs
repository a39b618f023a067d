//! Why an operator must look at a hold or at a payment, as a filter of lists.

use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::listing::Attention;
use crate::http::field_errors::FieldErrors;

/// Why an operator must look at something.
#[derive(Clone, Copy, Debug, Serialize, Deserr, ToSchema)]
#[serde(rename_all = "snake_case")]
#[deserr(error = FieldErrors)]
#[schema(as = Attention)]
pub(in crate::http) enum AttentionView {
    /// Money pays for a booking that has no slot.
    #[deserr(rename = "money_without_slot")]
    MoneyWithoutSlot,
    /// A confirmed hold has no payment.
    #[deserr(rename = "slot_without_money")]
    SlotWithoutMoney,
    /// Money must go back, and its refund failed.
    #[deserr(rename = "refund_failed")]
    RefundFailed,
    /// The guest paid another amount than the price.
    #[deserr(rename = "price_mismatch")]
    PriceMismatch,
    /// The guest's bank disputes a payment, and has not decided.
    #[deserr(rename = "disputed")]
    Disputed,
    /// A cent of the payment is in no place, or in two.
    #[deserr(rename = "does_not_add_up")]
    DoesNotAddUp,
    /// The time to pay is over, and the hold is not released yet. Of holds only.
    #[deserr(rename = "overdue")]
    Overdue,
    /// A delayed payment has been in progress for more than seven days. Of holds only.
    #[deserr(rename = "processing_long")]
    ProcessingLong,
}

impl From<AttentionView> for Attention {
    fn from(attention: AttentionView) -> Self {
        match attention {
            AttentionView::MoneyWithoutSlot => Self::MoneyWithoutSlot,
            AttentionView::SlotWithoutMoney => Self::SlotWithoutMoney,
            AttentionView::RefundFailed => Self::RefundFailed,
            AttentionView::PriceMismatch => Self::PriceMismatch,
            AttentionView::Disputed => Self::Disputed,
            AttentionView::DoesNotAddUp => Self::DoesNotAddUp,
            AttentionView::Overdue => Self::Overdue,
            AttentionView::ProcessingLong => Self::ProcessingLong,
        }
    }
}
