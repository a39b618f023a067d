//! The line of the payment page: what the guest reads beside the name of the event type.
//!
//! It says when, in the zone and the language of the sale, with whom or where, and how many. It names a resource only if
//! the guest gets no other one: a checkout may still be given another unit, or a late payment another resource.

use chrono::{DateTime, Datelike as _, NaiveDateTime, Utc};

use super::date_words::{self, DateWords};
use super::locale::Locale;
use super::time::Window;
use super::zone::{LocalInstants, ZoneName, ZoneRules};

/// What a line says.
#[derive(Clone, Copy, Debug)]
pub struct CheckoutLine<'a> {
    /// The time of the booking, as the guest sees it.
    pub window: Window,
    /// The zone of the sale.
    pub zone: &'a ZoneName,
    /// The rules of that zone.
    pub rules: &'a ZoneRules,
    /// The name of the resource, if the guest gets no other one.
    pub resource: Option<&'a str>,
    /// How many units are booked.
    pub quantity: u32,
    /// What the event type is, in the shop's words.
    pub description: Option<&'a str>,
}

/// The words of a language. Others have none: their lines have dates in digits.
struct LineWords {
    dates: DateWords,
    /// What stands between the number of a day and the name of its month.
    after_day: &'static str,
    after_time: &'static str,
    places: &'static str,
}

const ENGLISH: LineWords = LineWords {
    dates: date_words::ENGLISH,
    after_day: " ",
    after_time: "",
    places: "places",
};

const GERMAN: LineWords = LineWords {
    dates: date_words::GERMAN,
    after_day: ". ",
    after_time: " Uhr",
    places: "Plätze",
};

impl CheckoutLine<'_> {
    /// Writes the line in a language. Without one, or if Stripe follows the browser, it is English.
    pub fn write(&self, locale: Option<Locale>) -> String {
        let words = find_words(locale);
        let quantity = match words {
            Some(words) => format!("{} {}", self.quantity, words.places),
            None => format!("× {}", self.quantity),
        };
        let parts = [
            Some(self.write_time(words)),
            self.resource.map(str::to_owned),
            (self.quantity > 1).then_some(quantity),
        ];
        let line = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
        match self.description {
            Some(description) => format!("{line}. {description}"),
            None => line,
        }
    }

    fn write_time(&self, words: Option<&LineWords>) -> String {
        let (starts_at, ends_at) = (self.window.starts_at(), self.window.ends_at());
        let (first, last) = (self.rules.to_local(starts_at), self.rules.to_local(ends_at));
        let after_time = words.map_or("", |words| words.after_time);
        let (start, end) = (self.write_clock(starts_at), self.write_clock(ends_at));
        let day = write_day(first, words);
        let time = match first.date() == last.date() {
            true => format!("{day}, {start}–{end}{after_time}"),
            false => {
                let last_day = write_day(last, words);
                format!("{day}, {start}{after_time} – {last_day}, {end}{after_time}")
            }
        };
        format!("{time} ({})", self.zone)
    }

    /// Writes the time of day of an instant, with its offset if the clocks show that time twice.
    fn write_clock(&self, instant: DateTime<Utc>) -> String {
        let local = self.rules.to_local(instant);
        let time = local.format("%H:%M");
        match self.rules.find_instants(local) {
            Some(LocalInstants::Twice(..)) => {
                let minutes = self.rules.offset_at(instant.timestamp()) / 60;
                let sign = if minutes < 0 { '-' } else { '+' };
                let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
                format!("{time} UTC{sign}{hours:02}:{rest:02}")
            }
            _ => time.to_string(),
        }
    }
}

fn find_words(locale: Option<Locale>) -> Option<&'static LineWords> {
    match locale.map(Locale::as_str) {
        None | Some("auto" | "en" | "en-GB") => Some(&ENGLISH),
        Some("de") => Some(&GERMAN),
        Some(_) => None,
    }
}

fn write_day(at: NaiveDateTime, words: Option<&LineWords>) -> String {
    let named = words.map(|words| {
        let (weekday, month) = (words.dates.weekday(at.date()), words.dates.month(at.date()));
        format!("{weekday}, {}{}{month} {}", at.day(), words.after_day, at.year())
    });
    named.unwrap_or_else(|| at.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::zone::ZoneDatabase;

    fn write(from: &str, to: &str, locale: &str, quantity: u32) -> String {
        let zones = ZoneDatabase::linked();
        let zone = ZoneName::new("Europe/Berlin");
        let line = CheckoutLine {
            window: Window::new(from.parse().unwrap(), to.parse().unwrap()).unwrap(),
            zone: &zone,
            rules: zones.find(&zone).unwrap(),
            resource: (quantity > 1).then_some("Ana"),
            quantity,
            description: (quantity > 1).then_some("Bring a mat"),
        };
        line.write(Locale::parse(locale))
    }

    #[test]
    fn line_says_when_with_whom_and_how_many() {
        let written = |locale| write("2026-12-01T09:00:00Z", "2026-12-01T09:30:00Z", locale, 2);
        let english = "Tuesday, 1 December 2026, 10:00–10:30 (Europe/Berlin) · Ana · 2 places. Bring a mat";
        for locale in ["", "auto", "en", "en-GB"] {
            assert_eq!(written(locale), english, "{locale}");
        }
        let german =
            "Dienstag, 1. Dezember 2026, 10:00–10:30 Uhr (Europe/Berlin) · Ana · 2 Plätze. Bring a mat";
        assert_eq!(written("de"), german);
        assert_eq!(
            written("fr"),
            "2026-12-01, 10:00–10:30 (Europe/Berlin) · Ana · × 2. Bring a mat"
        );
    }

    #[test]
    fn night_has_two_days() {
        assert_eq!(
            write("2027-03-01T22:30:00Z", "2027-03-02T00:30:00Z", "de", 1),
            "Montag, 1. März 2027, 23:30 Uhr – Dienstag, 2. März 2027, 01:30 Uhr (Europe/Berlin)"
        );
    }

    #[test]
    fn time_that_comes_twice_has_its_offset() {
        assert_eq!(
            write("2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z", "ja", 1),
            "2026-10-25, 02:30 UTC+02:00–03:00 (Europe/Berlin)"
        );
    }
}
