//! One event of a feed: when it begins, how long it takes, what repeats it, and whether it keeps anybody busy.

use std::collections::HashSet;

use chrono::{DateTime, Days, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::Flaw;
use super::lines::{Component, Line};
use super::zone::{Zone, Zones};
use crate::domain::time::Window;

/// Longest id, in bytes: each busy time has a copy.
const MAX_UID: usize = 1_000;

/// Longest event: what is longer is not an appointment, and would have to be looked for further back.
const MAX_DAYS: i64 = 3_660;

/// A time on some wall clock.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// What the clock shows; midnight of a whole day.
    pub(super) local: NaiveDateTime,
    zone: Zone,
    whole_day: bool,
}

impl Moment {
    pub(super) fn new(local: NaiveDateTime, zone: Zone) -> Self {
        let whole_day = false;
        Self {
            local,
            zone,
            whole_day,
        }
    }

    /// Another time on the same clock.
    pub(super) fn at(&self, local: NaiveDateTime) -> Self {
        Self {
            local,
            ..self.clone()
        }
    }

    fn instant(&self) -> Option<DateTime<Utc>> {
        self.zone.instant(self.local)
    }

    /// The values of a line, of which some have several.
    fn all(line: &Line, zones: &Zones) -> Result<Vec<Self>, Flaw> {
        let values = line
            .value
            .split(',')
            .map(str::trim)
            .filter(|value| !value.is_empty());
        values.map(|value| Self::read(value, line, zones)).collect()
    }

    fn one(line: &Line, zones: &Zones) -> Result<Self, Flaw> {
        Self::read(line.value.trim(), line, zones)
    }

    fn read(value: &str, line: &Line, zones: &Zones) -> Result<Self, Flaw> {
        if let Some(date) = date(value) {
            return Ok(Self {
                local: date.and_time(NaiveTime::MIN),
                zone: zones.own.clone(),
                whole_day: true,
            });
        }
        let (local, is_utc) = date_time(value).ok_or(Flaw::Time)?;
        let zone = match line.parameter("TZID") {
            _ if is_utc => Zone::Known(chrono_tz::Tz::UTC),
            Some(id) => zones.find(id).ok_or(Flaw::Zone)?,
            None => zones.own.clone(),
        };
        Ok(Self::new(local, zone))
    }
}

/// Repetitions that do not take place as the rule says.
#[derive(Debug, Default)]
pub(super) struct Excluded {
    instants: HashSet<DateTime<Utc>>,
    /// Whole days; also of events that begin at some hour, as some programs write them.
    dates: HashSet<NaiveDate>,
}

impl Excluded {
    pub(super) fn add(&mut self, moment: &Moment) {
        if moment.whole_day {
            self.dates.insert(moment.local.date());
        } else {
            self.instants.extend(moment.instant());
        }
    }

    pub(super) fn has(&self, moment: &Moment) -> bool {
        self.dates.contains(&moment.local.date())
            || moment.instant().is_some_and(|at| self.instants.contains(&at))
    }
}

/// An event, or a single repetition of one.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) uid: String,
    /// Keeps nobody busy: cancelled, or shown as free.
    pub(super) free: bool,
    /// Which repetition it stands for.
    pub(super) replaces: Option<Moment>,
    pub(super) start: Moment,
    /// Days on the wall clock, and then seconds.
    length: (i64, i64),
    pub(super) rules: Vec<String>,
    /// Further times at which it begins.
    pub(super) more: Vec<Moment>,
    pub(super) excluded: Excluded,
}

impl Event {
    /// Reads an event.
    ///
    /// # Errors
    /// [`Flaw`] says what is wrong with it.
    pub(super) fn read(component: &Component, zones: &Zones) -> Result<Self, Flaw> {
        let uid = component.value("UID").unwrap_or_default();
        if component.broken || uid.len() > MAX_UID {
            return Err(Flaw::Line);
        }
        let line = component.line("DTSTART").ok_or(Flaw::Time)?;
        let start = Moment::one(line, zones)?;
        let replaces = component
            .line("RECURRENCE-ID")
            .map(|line| Moment::one(line, zones));
        let mut more = Vec::new();
        for line in component.lines("RDATE") {
            more.extend(Moment::all(line, zones)?);
        }
        let mut excluded = Excluded::default();
        for line in component.lines("EXDATE") {
            Moment::all(line, zones)?
                .iter()
                .for_each(|moment| excluded.add(moment));
        }
        Ok(Self {
            uid: uid.to_owned(),
            free: is_free(component),
            replaces: replaces.transpose()?,
            length: length(component, &start, zones)?,
            rules: component.lines("RRULE").map(|line| line.value.clone()).collect(),
            start,
            more,
            excluded,
        })
    }

    /// What is busy when it begins then; nothing where it takes no time.
    pub(super) fn window(&self, from: &Moment) -> Option<Window> {
        let (days, seconds) = self.length;
        let last_day = from.local.checked_add_days(Days::new(days.unsigned_abs()))?;
        let end = from
            .at(last_day)
            .instant()?
            .checked_add_signed(Duration::seconds(seconds))?;
        Window::new(from.instant()?, end)
    }

    /// At least as long as it takes.
    pub(super) fn longest(&self) -> Duration {
        Duration::days(self.length.0 + 1) + Duration::seconds(self.length.1)
    }
}

/// Whether an event keeps nobody busy: cancelled, or shown as free.
pub(super) fn is_free(component: &Component) -> bool {
    let says = |name: &str, word: &str| {
        component
            .value(name)
            .is_some_and(|value| value.eq_ignore_ascii_case(word))
    };
    says("STATUS", "CANCELLED") || says("TRANSP", "TRANSPARENT") || says("X-MICROSOFT-CDO-BUSYSTATUS", "FREE")
}

/// How long an event takes: whole days and durations by the wall clock, else so many seconds (RFC 5545, 3.8.5.3).
fn length(component: &Component, start: &Moment, zones: &Zones) -> Result<(i64, i64), Flaw> {
    let length = match (component.line("DTEND"), component.value("DURATION")) {
        (Some(line), _) => {
            let end = Moment::one(line, zones)?;
            let (from, to) = (
                start.instant().ok_or(Flaw::Time)?,
                end.instant().ok_or(Flaw::Time)?,
            );
            match start.whole_day && end.whole_day {
                // Some programs write the day itself as its end.
                true if end.local == start.local => (1, 0),
                true => ((end.local - start.local).num_days(), 0),
                false => (0, (to - from).num_seconds()),
            }
        }
        (None, Some(text)) => duration(text).ok_or(Flaw::Time)?,
        (None, None) => (i64::from(start.whole_day), 0),
    };
    if length.0 < 0 || length.1 < 0 {
        return Err(Flaw::Backwards);
    }
    if length.0 > MAX_DAYS || length.1 > MAX_DAYS * 86_400 {
        return Err(Flaw::Time);
    }
    Ok(length)
}

/// `20260601`.
fn date(text: &str) -> Option<NaiveDate> {
    let plain = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| NaiveDate::parse_from_str(text, "%Y%m%d").ok())?
}

/// `20260601T090000`, and whether a `Z` follows.
pub(super) fn date_time(text: &str) -> Option<(NaiveDateTime, bool)> {
    let text = text.trim();
    let local = text.strip_suffix(['Z', 'z']);
    let (day, time) = local.unwrap_or(text).split_once(['T', 't'])?;
    let plain = time.len() == 6 && time.bytes().all(|b| b.is_ascii_digit());
    let (digits, leap) = time.split_at_checked(4).filter(|_| plain)?;
    // A leap second is the second after it.
    let leap = leap == "60";
    let time = if leap {
        format!("{digits}59")
    } else {
        time.to_owned()
    };
    let time = NaiveTime::parse_from_str(&time, "%H%M%S").ok()?;
    let at = date(day)?
        .and_time(time)
        .checked_add_signed(Duration::seconds(i64::from(leap)))?;
    Some((at, local.is_some()))
}

/// The end of a rule on the clock of its event: all of a day, an instant, or a time on that clock.
pub(super) fn last_moment(text: &str, first: &Moment) -> Option<NaiveDateTime> {
    if let Some(date) = date(text) {
        return date.and_hms_opt(23, 59, 59);
    }
    match date_time(text)? {
        // A whole day's rule may end by an instant: its date counts.
        (at, true) if first.whole_day => at.date().and_hms_opt(23, 59, 59),
        (at, true) => first.zone.local(at.and_utc()),
        (at, false) => Some(at),
    }
}

/// `P1W`, `P1DT2H3M4S` as days and seconds; negative ones come out negative.
fn duration(text: &str) -> Option<(i64, i64)> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mut days, mut seconds, mut digits, mut units) = (0i64, 0i64, String::new(), 0);
    for c in text.strip_prefix('P')?.chars() {
        if c.is_ascii_digit() && digits.len() < 9 {
            digits.push(c);
            continue;
        }
        if c == 'T' && digits.is_empty() {
            continue;
        }
        let number: i64 = digits.parse().ok()?;
        match c {
            'W' => days += 7 * number,
            'D' => days += number,
            'H' => seconds += 3_600 * number,
            'M' => seconds += 60 * number,
            'S' => seconds += number,
            _ => return None,
        }
        digits.clear();
        units += 1;
    }
    (units > 0 && digits.is_empty()).then_some((sign * days, sign * seconds))
}
