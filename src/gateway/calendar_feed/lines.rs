//! Parses a feed's bytes into components and their content lines, as far as they tell when somebody is busy.
//!
//! Each content line is parsed by itself, and leniently: what it lacks is missed only by what reads it. Lines are unfolded
//! before they are decoded, because programs fold in the middle of a character. A line that is not UTF-8 is read as
//! Latin-1. NUL is left out, because not every database stores it.

use std::borrow::Cow;

use super::error::FeedError;
use super::values::parse_leading_date;

/// The deepest nesting of components. No real calendar is nested deeper.
const MAX_DEPTH: usize = 8;

/// The names of the components inside a calendar that we need.
const NEEDED_COMPONENTS: [&str; 6] = [
    "VEVENT",
    "VFREEBUSY",
    "VAVAILABILITY",
    "VTIMEZONE",
    "STANDARD",
    "DAYLIGHT",
];

/// The names of the lines that we need, and whether their values are text that may contain a colon.
const NEEDED_NAMES: [(&str, bool); 17] = [
    ("UID", true),
    ("DTSTART", false),
    ("DTEND", false),
    ("DURATION", false),
    ("RRULE", false),
    ("RDATE", false),
    ("EXDATE", false),
    ("RECURRENCE-ID", false),
    ("FREEBUSY", false),
    ("STATUS", false),
    ("TRANSP", false),
    ("X-MICROSOFT-CDO-BUSYSTATUS", false),
    ("TZID", true),
    ("TZOFFSETFROM", false),
    ("TZOFFSETTO", false),
    ("X-LIC-LOCATION", true),
    ("X-WR-TIMEZONE", true),
];

/// A content line: a name, parameters and a value.
pub(super) struct ContentLine {
    name: &'static str,
    parameters: Vec<(String, String)>,
    /// The text after the colon; empty if there is none.
    pub(super) value: String,
}

impl ContentLine {
    /// Returns a parameter's value, without its quotes.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the values, which are separated by commas.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        let values = self.value.split(',').map(str::trim);
        values.filter(|value| !value.is_empty())
    }
}

/// The lines between a `BEGIN` and its `END`.
pub(super) struct Component {
    name: String,
    /// The number of its `VCALENDAR` in the feed, which has a zone and descriptions of zones for itself.
    pub(super) calendar: usize,
    lines: Vec<ContentLine>,
    /// The `STANDARD` and `DAYLIGHT` parts of a `VTIMEZONE`.
    pub(super) parts: Vec<Component>,
    /// Whether its own `END` is missing, or that of a component inside it.
    pub(super) is_unended: bool,
}

impl Component {
    fn new(name: &str) -> Self {
        Self {
            name: name.trim().to_ascii_uppercase(),
            calendar: 0,
            lines: Vec::new(),
            parts: Vec::new(),
            is_unended: false,
        }
    }

    /// Returns the lines with this name.
    pub(super) fn lines(&self, name: &str) -> impl Iterator<Item = &ContentLine> {
        self.lines.iter().filter(move |line| line.name == name)
    }

    /// Returns the first line with this name.
    pub(super) fn line(&self, name: &str) -> Option<&ContentLine> {
        self.lines(name).next()
    }

    /// Returns the value of the first line with this name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.line(name).map(|line| line.value.trim())
    }
}

/// The components of a feed that we need.
#[derive(Default)]
pub(super) struct CalendarComponents {
    /// The names of the zones of times without a zone (`X-WR-TIMEZONE`), each with the number of its `VCALENDAR`.
    pub(super) default_zones: Vec<(usize, String)>,
    /// The `VTIMEZONE` components of the feed.
    pub(super) zones: Vec<Component>,
    /// The `VEVENT` components: events, and repetitions with an entry of their own.
    pub(super) events: Vec<Component>,
    /// The `VFREEBUSY` components, which list busy times without their events.
    pub(super) free_busy: Vec<Component>,
    /// The `VAVAILABILITY` components, which list when somebody is available; the rest of their time is busy (RFC 7953).
    pub(super) availability: Vec<Component>,
}

/// Parses a feed into its components.
///
/// # Errors
/// [`FeedError::NotACalendar`] if no calendar begins, or if a component lacks its begin or its end,
/// [`FeedError::TooMuch`] if components are nested too deeply.
pub(super) fn parse_components(feed: &[u8]) -> Result<CalendarComponents, FeedError> {
    let mut parser = ComponentParser::default();
    for line in unfold(&to_bytes_of_utf8(feed)).split(|byte| *byte == b'\n') {
        let text = match std::str::from_utf8(line) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => line.iter().copied().map(char::from).collect(),
        };
        parser.parse_line(text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}'))?;
    }
    if !parser.has_calendar || !parser.open.is_empty() {
        return Err(FeedError::NotACalendar);
    }
    Ok(parser.components)
}

/// Returns UTF-16, which has a byte order mark, as UTF-8, and everything else as it is.
fn to_bytes_of_utf8(feed: &[u8]) -> Cow<'_, [u8]> {
    let to_unit: fn([u8; 2]) -> u16 = match feed {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return Cow::Borrowed(feed),
    };
    let units: Vec<u16> = feed[2..]
        .chunks_exact(2)
        .map(|pair| to_unit([pair[0], pair[1]]))
        .collect();
    Cow::Owned(String::from_utf16_lossy(&units).into_bytes())
}

/// Returns the lines, each with its line feed, without empty ones and without NUL. A line that begins with a blank
/// continues the one before.
fn unfold(bytes: &[u8]) -> Vec<u8> {
    let mut unfolded = Vec::with_capacity(bytes.len());
    for line in bytes.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let is_continued = matches!(line.first(), Some(b' ' | b'\t')) && unfolded.pop().is_some();
        if !line.is_empty() {
            let kept = line.iter().skip(usize::from(is_continued));
            unfolded.extend(kept.filter(|byte| **byte != 0));
            unfolded.push(b'\n');
        }
    }
    unfolded
}

#[derive(Default)]
struct ComponentParser {
    components: CalendarComponents,
    /// The components that have begun and not ended, the innermost last.
    open: Vec<Component>,
    /// How many `VCALENDAR` have begun.
    calendars: usize,
    /// Whether a `VCALENDAR` has ended.
    has_calendar: bool,
}

impl ComponentParser {
    fn parse_line(&mut self, line: &str) -> Result<(), FeedError> {
        if let Some(name) = strip_keyword(line, "BEGIN:") {
            return self.begin_component(Component::new(name));
        }
        if let Some(name) = strip_keyword(line, "END:") {
            return self.end_component(&Component::new(name).name);
        }
        if self.open.is_empty() {
            // What follows a whole calendar has no meaning.
            let is_meaningless = self.has_calendar || line.is_empty();
            return is_meaningless.then_some(()).ok_or(FeedError::NotACalendar);
        }
        if let (Some(line), Some(open)) = (parse_needed_line(line), self.open.last_mut()) {
            open.lines.push(line);
        }
        Ok(())
    }

    fn begin_component(&mut self, mut component: Component) -> Result<(), FeedError> {
        // Events do not nest, so the outer event lacks its end. Ending it here saves the inner one.
        if component.name == "VEVENT" && self.open.iter().any(|open| open.name == "VEVENT") {
            self.end_component("VEVENT")?;
            if let Some(unended) = self.components.events.last_mut() {
                unended.is_unended = true;
            }
        }
        if self.open.len() == MAX_DEPTH {
            return Err(FeedError::TooMuch);
        }
        if self.open.is_empty() && component.name != "VCALENDAR" {
            return Err(FeedError::NotACalendar);
        }
        self.calendars += usize::from(self.open.is_empty());
        component.calendar = self.calendars;
        self.open.push(component);
        Ok(())
    }

    /// Ends the innermost component with this name, and all components inside it. An `END` without its `BEGIN` is ignored,
    /// unless what began was one that we need: then its lines were read as those of another.
    fn end_component(&mut self, name: &str) -> Result<(), FeedError> {
        let Some(index) = self.open.iter().rposition(|open| open.name == name) else {
            let is_needed = NEEDED_COMPONENTS.contains(&name);
            return (!is_needed).then_some(()).ok_or(FeedError::NotACalendar);
        };
        let mut is_unended = false;
        while self.open.len() > index {
            let Some(mut ended) = self.open.pop() else { break };
            is_unended |= self.open.len() > index;
            ended.is_unended |= is_unended;
            self.store_component(ended);
        }
        Ok(())
    }

    fn store_component(&mut self, ended: Component) {
        match ended.name.as_str() {
            "VCALENDAR" => {
                let zone = ended.value("X-WR-TIMEZONE");
                let zone = zone.map(|name| (ended.calendar, name.to_owned()));
                self.components.default_zones.extend(zone);
                self.has_calendar = true;
            }
            "VTIMEZONE" => self.components.zones.push(ended),
            "VEVENT" => self.components.events.push(ended),
            "VFREEBUSY" => self.components.free_busy.push(ended),
            "VAVAILABILITY" => self.components.availability.push(ended),
            "STANDARD" | "DAYLIGHT" => {
                if let Some(zone) = self.open.last_mut() {
                    zone.parts.push(ended);
                }
            }
            _ => {}
        }
    }
}

/// Returns the text after a keyword, which may be in upper or lower case.
fn strip_keyword<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let (head, rest) = line.split_at_checked(keyword.len())?;
    head.eq_ignore_ascii_case(keyword).then_some(rest)
}

/// Parses a content line if its name is one that we need.
fn parse_needed_line(line: &str) -> Option<ContentLine> {
    let written = line.split([':', ';']).next().unwrap_or(line).trim();
    let is_written = |(name, _): &&(&str, bool)| name.eq_ignore_ascii_case(written);
    let (name, is_text) = NEEDED_NAMES.iter().find(is_written)?;
    let colon = find_colon(line, *is_text);
    let (head, value) = colon.map_or((line, ""), |colon| (&line[..colon], &line[colon + 1..]));
    let mut is_quoted = false;
    let parameters = head.split(|c: char| {
        is_quoted ^= c == '"';
        !is_quoted && c == ';'
    });
    let parameters = parameters.skip(1).filter_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        Some((key.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
    });
    Some(ContentLine {
        name,
        parameters: parameters.collect(),
        value: value.to_owned(),
    })
}

/// Finds the colon before the value: the first one outside quotes.
///
/// Some programs write a parameter with a colon and without quotes, such as `TZID=(UTC+01:00) Amsterdam`. Unless the value
/// is text, it begins after the last colon that a date follows, or else after the last one.
fn find_colon(line: &str, is_text: bool) -> Option<usize> {
    let mut is_quoted = false;
    let first = line.find(|c: char| {
        is_quoted ^= c == '"';
        !is_quoted && c == ':'
    });
    // A quote without its end hides the colon.
    let first = first.or_else(|| line.find(':'))?;
    if is_text || !line[..first].contains(';') {
        return Some(first);
    }
    let mut colons = line.rmatch_indices(':').map(|(colon, _)| colon);
    let dated = colons.find(|colon| parse_leading_date(&line[colon + 1..]).is_some());
    dated.or_else(|| line.rfind(':'))
}
