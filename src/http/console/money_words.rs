//! A hold's money in one line.

use super::signed_in::SignedIn;
use crate::domain::hold::Hold;
use crate::domain::money_summary::MoneyNote;

impl SignedIn {
    /// Says what the shop has of a guest's money, or what is to be paid, and what else must be said of it.
    pub(super) fn money_of(&self, hold: &Hold) -> String {
        let summary = hold.summarize_money();
        let amount = match summary.amount {
            Some(amount) if summary.is_due => {
                let due = self.language.choose("due", "offen");
                format!("{} {due}", self.money(amount))
            }
            Some(amount) => self.money(amount),
            None => self.language.choose("no money", "kein Geld").to_owned(),
        };
        let notes = summary.notes.into_iter();
        notes.fold(amount, |text, note| {
            format!("{text}, {}", self.describe_note(note))
        })
    }

    fn describe_note(&self, note: MoneyNote) -> &'static str {
        let (english, german) = match note {
            MoneyNote::PartlyRefunded => ("partly refunded", "teilweise erstattet"),
            MoneyNote::Refunded => ("refunded", "erstattet"),
            MoneyNote::RefundPending => ("refund on its way", "Erstattung unterwegs"),
            MoneyNote::Disputed => ("disputed", "von der Bank angefochten"),
            MoneyNote::RefundFailed => ("refund failed", "Erstattung fehlgeschlagen"),
            MoneyNote::NotThePrice => ("not the price", "nicht der Preis"),
        };
        self.language.choose(english, german)
    }
}
