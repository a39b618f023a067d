//! Checks the money: names the payments and holds that a person must look at.

use super::check::{Check, Verdict, flag, pass};
use crate::domain::figures::FigureCounts;
use crate::domain::listing::{Attention, HoldFilter, PageRequest, PaymentFilter};
use crate::workflow::{Context, WorkflowError, queries};

/// How many ids a check names.
const NAMED: u32 = 5;

/// One thing that must be none.
struct MoneyCheck {
    name: &'static str,
    count: i64,
    what: &'static str,
    attention: Attention,
    remedy: &'static str,
}

/// Checks each figure of money, and names what is behind it.
pub(super) async fn check_money(context: &Context, figures: &FigureCounts) -> Vec<Check> {
    let mut checks = Vec::new();
    for check in list_checks(figures) {
        checks.push(check.run(context).await);
    }
    checks.push(check_unverified(figures.money_unverified));
    checks
}

fn list_checks(figures: &FigureCounts) -> [MoneyCheck; 4] {
    [
        MoneyCheck {
            name: "money without slot",
            count: figures.money_without_slot,
            what: "payments have no slot",
            attention: Attention::MoneyWithoutSlot,
            remedy: "GET /v1/admin/payments?attention=money_without_slot lists them",
        },
        MoneyCheck {
            name: "slot without money",
            count: figures.slot_without_money,
            what: "confirmed holds have no payment",
            attention: Attention::SlotWithoutMoney,
            remedy: "GET /v1/admin/holds?attention=slot_without_money lists them; POST …/{id}/refresh asks Stripe again",
        },
        MoneyCheck {
            name: "failed refunds",
            count: figures.refunds_failed,
            what: "payments have a refund that failed, and the money must still go back",
            attention: Attention::RefundFailed,
            remedy: "GET /v1/admin/payments?attention=refund_failed lists them; then POST /v1/admin/holds/{id}/refund, or \
                     refund a payment without a hold in the Stripe dashboard",
        },
        MoneyCheck {
            name: "money that does not add up",
            count: figures.money_not_adding_up,
            what: "payments have refunds, disputes and decisions that do not add up to what was paid",
            attention: Attention::DoesNotAddUp,
            remedy: "GET /v1/admin/payments?attention=does_not_add_up lists them; compare them with the Stripe dashboard",
        },
    ]
}

impl MoneyCheck {
    async fn run(&self, context: &Context) -> Check {
        if self.count == 0 {
            return pass(self.name, "none");
        }
        // The count alone is a fault already, so that a failure to list is none of its own.
        let ids = self.list_ids(context).await.unwrap_or_default();
        let found = match ids.is_empty() {
            true => format!("{} {}", self.count, self.what),
            false => format!("{} {}, such as {}", self.count, self.what, ids.join(", ")),
        };
        flag(self.name, Verdict::Fault, found, self.remedy)
    }

    /// Lists the ids of some of the holds, or of the payments.
    async fn list_ids(&self, context: &Context) -> Result<Vec<String>, WorkflowError> {
        let page = PageRequest {
            limit: NAMED,
            cursor: None,
        };
        let attention = Some(self.attention);
        if self.attention == Attention::SlotWithoutMoney {
            let filter = HoldFilter {
                attention,
                ..HoldFilter::default()
            };
            let holds = queries::list_holds(context, filter, &page).await?.entries;
            return Ok(holds.iter().map(|booking| booking.hold.id.to_string()).collect());
        }
        let filter = PaymentFilter {
            attention,
            ..PaymentFilter::default()
        };
        let payments = queries::list_payments(context, filter, &page).await?.entries;
        Ok(payments
            .iter()
            .map(|listed| listed.payment.intent.to_string())
            .collect())
    }
}

/// Counts the payments whose refunds and disputes were not read from Stripe since an upgrade. It is no fault: their counters
/// are good as hints.
fn check_unverified(count: i64) -> Check {
    const NAME: &str = "unverified money";
    if count == 0 {
        return pass(NAME, "none");
    }
    let found = format!("{count} payments have only the counter of an earlier version");
    let remedy = "`serve` reads their refunds and disputes by and by, `holdfast reconcile` now; the key must be allowed to";
    flag(NAME, Verdict::Warning, found, remedy)
}
