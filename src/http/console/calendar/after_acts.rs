//! Where acts of the calendar lead: to the page of a week, which says what was done.

use chrono::{Datelike as _, Duration, NaiveDate};

use crate::http::console::navigation::MenuPage;
use crate::http::console::notice::Notice;

pub(super) const BLOCKED: Notice = Notice {
    code: "blocked",
    english: "The time is blocked. Holds in it stay and are marked: move or cancel them.",
    german: "Die Zeit ist gesperrt. Reservierungen darin bleiben und sind markiert: Verschieben oder stornieren Sie sie.",
};
pub(super) const UNBLOCKED: Notice = Notice {
    code: "unblocked",
    english: "The block is removed. Its time is for sale again.",
    german: "Die Sperre ist entfernt. Ihre Zeit ist wieder im Verkauf.",
};
pub(super) const CLOSED: Notice = Notice {
    code: "closed",
    english: "The days are closed. Holds on them stay and are marked: move or cancel them.",
    german: "Die Tage sind geschlossen. Reservierungen darin bleiben und sind markiert: Verschieben oder stornieren Sie sie.",
};
pub(super) const REOPENED: Notice = Notice {
    code: "reopened",
    english: "The closure is removed. Its days are for sale again.",
    german: "Die Schließung ist entfernt. Ihre Tage sind wieder im Verkauf.",
};
pub(super) static NOTICES: [Notice; 4] = [BLOCKED, UNBLOCKED, CLOSED, REOPENED];

/// Returns the Monday of a day's week.
pub(super) fn find_monday(day: NaiveDate) -> NaiveDate {
    let after = Duration::days(day.weekday().num_days_from_monday().into());
    day.checked_sub_signed(after).unwrap_or(day)
}

/// Returns the address of a week's page.
pub(super) fn week_path(day: NaiveDate) -> String {
    format!("{}?week={}", MenuPage::Calendar.path(), find_monday(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn week_begins_on_monday() {
        for (day, monday) in [
            ("2026-11-23", "2026-11-23"),
            ("2026-11-29", "2026-11-23"),
            ("2026-01-01", "2025-12-29"),
        ] {
            assert_eq!(
                find_monday(day.parse().unwrap()),
                monday.parse().unwrap(),
                "{day}"
            );
        }
        assert_eq!(find_monday(NaiveDate::MIN), NaiveDate::MIN);
    }
}
