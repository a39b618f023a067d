//! Times, days and money as the operator's language writes them, in the shop's zone.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};
use maud::{Markup, html};

use super::language::Language;
use super::signed_in::SignedIn;
use crate::domain::date_words::{self, DateWords};
use crate::domain::money::{Currency, Money};
use crate::domain::zone::{LocalInstants, ZoneRules};

/// Keeps an amount and its currency on one line.
const NO_BREAK: char = '\u{a0}';

impl SignedIn {
    /// Returns what the wall clock of the shop shows at an instant.
    pub(super) fn local(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        self.rules()
            .map_or(instant.naive_utc(), |rules| rules.to_local(instant))
    }

    /// Returns the day of an instant in the shop's zone.
    pub(super) fn day_of(&self, instant: DateTime<Utc>) -> NaiveDate {
        self.local(instant).date()
    }

    /// Writes a day with its weekday, such as `Friday, 27 November 2026`.
    pub(super) fn day(&self, day: NaiveDate) -> String {
        self.language.write_day(day)
    }

    /// Writes a day in short, such as `Fri 27 Nov`.
    pub(super) fn short_day(&self, day: NaiveDate) -> String {
        self.language.write_short_day(day)
    }

    /// Writes the time of an instant, such as `09:30`; with its offset where the clocks show that time twice.
    pub(super) fn clock_time(&self, instant: DateTime<Utc>) -> String {
        match self.rules() {
            Some(rules) => write_clock_time(rules, instant),
            None => instant.format("%H:%M").to_string(),
        }
    }

    /// Writes day and time of an instant as text, such as `Fri 27 Nov 2026, 09:30`.
    pub(super) fn moment(&self, instant: DateTime<Utc>) -> String {
        let local = self.local(instant);
        let (day, year) = (self.short_day(local.date()), local.year());
        format!("{day} {year}, {}", self.clock_time(instant))
    }

    /// Writes day and time of an instant, with the instant for machines.
    pub(super) fn time(&self, instant: DateTime<Utc>) -> Markup {
        let machine = instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        html! { time datetime=(machine) { (self.moment(instant)) } }
    }

    /// Writes a range of time, such as `09:30–10:00`. A day is named where the range does not end on its first one.
    pub(super) fn range(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> String {
        let (start, end) = (self.local(from), self.local(to));
        let end = if start.date() == end.date() {
            self.clock_time(to)
        } else {
            format!("{} {}", self.short_day(end.date()), self.clock_time(to))
        };
        format!("{}–{end}", self.clock_time(from))
    }

    /// Reads an amount of money that the operator typed; `None` if it can be mistaken.
    pub(super) fn read_amount(&self, text: &str, currency: Currency) -> Option<Money> {
        Money::parse_decimal(text, currency, self.language.choose('.', ','))
    }

    /// Writes an amount of money, such as `1,250.00 EUR`.
    pub(super) fn money(&self, money: Money) -> String {
        self.language.write_money(money)
    }
}

/// Writes the time of an instant on a zone's wall clock. In the hour that the clocks show twice it has the offset, such as
/// `02:30 (UTC+2)`: two slots must not look the same.
fn write_clock_time(rules: &ZoneRules, instant: DateTime<Utc>) -> String {
    let local = rules.to_local(instant);
    let clock = local.format("%H:%M");
    if !matches!(rules.find_instants(local), Some(LocalInstants::Twice(..))) {
        return clock.to_string();
    }
    let offset = rules.offset_at(instant.timestamp());
    let sign = if offset < 0 { '\u{2212}' } else { '+' };
    let (hours, minutes) = (offset.abs() / 3600, offset.abs() % 3600 / 60);
    match minutes {
        0 => format!("{clock} (UTC{sign}{hours})"),
        _ => format!("{clock} (UTC{sign}{hours}:{minutes:02})"),
    }
}

impl Language {
    fn write_day(self, day: NaiveDate) -> String {
        let (weekday, month) = (self.weekday(day), self.month(day));
        match self {
            Self::English => format!("{weekday}, {} {month} {}", day.day(), day.year()),
            Self::German => format!("{weekday}, {}. {month} {}", day.day(), day.year()),
        }
    }

    fn write_short_day(self, day: NaiveDate) -> String {
        let weekday = self.weekday(day);
        match self {
            Self::English => {
                let month: String = self.month(day).chars().take(3).collect();
                let weekday: String = weekday.chars().take(3).collect();
                format!("{weekday} {} {month}", day.day())
            }
            Self::German => {
                let weekday: String = weekday.chars().take(2).collect();
                format!("{weekday} {}.{}.", day.day(), day.month())
            }
        }
    }

    fn weekday(self, day: NaiveDate) -> &'static str {
        self.date_words().weekday(day)
    }

    fn month(self, day: NaiveDate) -> &'static str {
        self.date_words().month(day)
    }

    fn date_words(self) -> &'static DateWords {
        self.choose(&date_words::ENGLISH, &date_words::GERMAN)
    }

    fn write_money(self, money: Money) -> String {
        let text = money.to_decimal();
        let (number, currency) = text.split_once(' ').unwrap_or((&text, ""));
        let (sign, number) = match number.strip_prefix('-') {
            Some(number) => ("\u{2212}", number),
            None => ("", number),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let (group, point) = self.choose((',', '.'), ('.', ','));
        let mut written = String::from(sign);
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                written.push(group);
            }
            written.push(digit);
        }
        if !part.is_empty() {
            written.push(point);
            written.push_str(part);
        }
        written.push(NO_BREAK);
        written.push_str(currency);
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::zone::{ZoneDatabase, ZoneName};

    #[test]
    fn time_that_comes_twice_is_written_with_its_offset() {
        let zones = ZoneDatabase::linked();
        for (zone, instant, text) in [
            ("Europe/Berlin", "2026-10-24T23:59:00Z", "01:59"),
            ("Europe/Berlin", "2026-10-25T00:30:00Z", "02:30 (UTC+2)"),
            ("Europe/Berlin", "2026-10-25T01:30:00Z", "02:30 (UTC+1)"),
            ("Europe/Berlin", "2026-10-25T02:00:00Z", "03:00"),
            ("Europe/Berlin", "2026-03-29T01:00:00Z", "03:00"),
            (
                "America/St_Johns",
                "2026-11-01T03:45:00Z",
                "01:15 (UTC\u{2212}2:30)",
            ),
            ("UTC", "2026-10-25T00:30:00Z", "00:30"),
        ] {
            let rules = zones.find(&ZoneName::new(zone)).unwrap();
            assert_eq!(
                write_clock_time(rules, instant.parse().unwrap()),
                text,
                "{instant}"
            );
        }
    }

    #[test]
    fn days_and_money_are_written_as_the_language_does() {
        let day = NaiveDate::from_ymd_opt(2026, 3, 7).unwrap();
        assert_eq!(Language::English.write_day(day), "Saturday, 7 March 2026");
        assert_eq!(Language::German.write_day(day), "Samstag, 7. März 2026");
        assert_eq!(Language::English.write_short_day(day), "Sat 7 Mar");
        assert_eq!(Language::German.write_short_day(day), "Sa 7.3.");
        for (amount, code, english, german) in [
            (125_000, "eur", "1,250.00\u{a0}EUR", "1.250,00\u{a0}EUR"),
            (-5, "eur", "\u{2212}0.05\u{a0}EUR", "\u{2212}0,05\u{a0}EUR"),
            (123_456_789, "jpy", "123,456,789\u{a0}JPY", "123.456.789\u{a0}JPY"),
        ] {
            let currency = Currency::parse(code).unwrap();
            let money = Money { amount, currency };
            assert_eq!(Language::English.write_money(money), english);
            assert_eq!(Language::German.write_money(money), german);
        }
    }
}
