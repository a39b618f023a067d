//! The names of days and months in the languages that the service writes, as a sentence has them.

use chrono::{Datelike as _, NaiveDate};

/// The names of one language.
#[derive(Clone, Copy, Debug)]
pub struct DateWords {
    /// The days of a week, from Monday on.
    pub days: [&'static str; 7],
    /// The months of a year, from January on.
    pub months: [&'static str; 12],
}

/// The names in English.
pub const ENGLISH: DateWords = DateWords {
    days: [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ],
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
};

/// The names in German.
pub const GERMAN: DateWords = DateWords {
    days: [
        "Montag",
        "Dienstag",
        "Mittwoch",
        "Donnerstag",
        "Freitag",
        "Samstag",
        "Sonntag",
    ],
    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
};

impl DateWords {
    /// Returns the name of a day's weekday.
    pub fn weekday(&self, day: NaiveDate) -> &'static str {
        self.days[day.weekday().num_days_from_monday() as usize]
    }

    /// Returns the name of a day's month.
    pub fn month(&self, day: NaiveDate) -> &'static str {
        self.months[day.month0() as usize]
    }
}
