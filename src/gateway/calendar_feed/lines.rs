//! Parses a feed's text into components and their content lines, as far as they tell when somebody is busy.
//!
//! `icalendar` parses each content line by itself, so that a broken line invalidates its component and not the feed.

use icalendar::parser::{Property, unfold};

use super::error::FeedError;

/// The deepest nesting of components. No real calendar is nested deeper.
const MAX_DEPTH: usize = 8;

/// The names of the lines that we need. All other lines may be broken.
const NEEDED_NAMES: [&str; 16] = [
    "UID",
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "RDATE",
    "EXDATE",
    "RECURRENCE-ID",
    "STATUS",
    "TRANSP",
    "X-MICROSOFT-CDO-BUSYSTATUS",
    "TZID",
    "TZOFFSETFROM",
    "TZOFFSETTO",
    "X-LIC-LOCATION",
    "X-WR-TIMEZONE",
];

/// A content line: a name, parameters and a value.
pub(super) struct ContentLine {
    name: String,
    parameters: Vec<(String, String)>,
    /// The text after the colon.
    pub(super) value: String,
}

impl ContentLine {
    /// Returns a parameter's value, without its quotes.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// The lines between a `BEGIN` and its `END`.
pub(super) struct Component {
    name: String,
    lines: Vec<ContentLine>,
    /// The `STANDARD` and `DAYLIGHT` parts of a `VTIMEZONE`.
    pub(super) parts: Vec<Component>,
    /// Whether a needed line could not be parsed, or the `END` is missing.
    pub(super) is_broken: bool,
}

impl Component {
    fn new(name: &str) -> Self {
        Self {
            name: name.trim().to_ascii_uppercase(),
            lines: Vec::new(),
            parts: Vec::new(),
            is_broken: false,
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
    /// The name of the zone of times without a zone (`X-WR-TIMEZONE`).
    pub(super) default_zone: Option<String>,
    /// The `VTIMEZONE` components of the feed.
    pub(super) zones: Vec<Component>,
    /// The `VEVENT` components: events, and repetitions with an entry of their own.
    pub(super) events: Vec<Component>,
}

/// Parses a feed into its components.
///
/// # Errors
/// [`FeedError::NotACalendar`] if no calendar begins or not every component ends, [`FeedError::TooMuch`] if components
/// are nested too deeply.
pub(super) fn parse_components(feed: &str) -> Result<CalendarComponents, FeedError> {
    // Some programs write a byte order mark.
    let text = unfold(feed.trim_start_matches('\u{feff}'));
    let mut parser = ComponentParser::default();
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        parser.parse_line(line)?;
    }
    if !parser.has_calendar || !parser.open.is_empty() {
        return Err(FeedError::NotACalendar);
    }
    Ok(parser.components)
}

#[derive(Default)]
struct ComponentParser {
    components: CalendarComponents,
    /// The components that have begun and not ended, the innermost last.
    open: Vec<Component>,
    /// Whether a `VCALENDAR` has ended.
    has_calendar: bool,
}

impl ComponentParser {
    fn parse_line(&mut self, line: &str) -> Result<(), FeedError> {
        match strip_keyword(line, "BEGIN:") {
            Some(name) => return self.begin_component(Component::new(name)),
            None if self.open.is_empty() => return Err(FeedError::NotACalendar),
            None => {}
        }
        if let Some(name) = strip_keyword(line, "END:") {
            self.end_component(&Component::new(name).name);
        } else if let (Some(name), Some(open)) = (find_needed_name(line), self.open.last_mut()) {
            match parse_content_line(name, line) {
                Some(line) => open.lines.push(line),
                None => open.is_broken = true,
            }
        }
        Ok(())
    }

    fn begin_component(&mut self, component: Component) -> Result<(), FeedError> {
        // Events do not nest, so the outer event lacks its end. Ending it here saves the inner one.
        if component.name == "VEVENT" && self.open.iter().any(|open| open.name == "VEVENT") {
            self.end_component("VEVENT");
            if let Some(unended) = self.components.events.last_mut() {
                unended.is_broken = true;
            }
        }
        if self.open.len() == MAX_DEPTH {
            return Err(FeedError::TooMuch);
        }
        if self.open.is_empty() && component.name != "VCALENDAR" {
            return Err(FeedError::NotACalendar);
        }
        self.open.push(component);
        Ok(())
    }

    /// Ends the innermost component with this name, and all components inside it. A component is broken if one inside
    /// it lacks its `END`. An `END` without such a component is ignored.
    fn end_component(&mut self, name: &str) {
        let Some(index) = self.open.iter().rposition(|open| open.name == name) else {
            return;
        };
        let mut is_broken = false;
        while self.open.len() > index {
            let Some(mut ended) = self.open.pop() else { return };
            ended.is_broken |= is_broken;
            is_broken |= self.open.len() > index;
            self.store_component(ended);
        }
    }

    fn store_component(&mut self, ended: Component) {
        match ended.name.as_str() {
            "VCALENDAR" => {
                let zone = ended.value("X-WR-TIMEZONE").map(str::to_owned);
                self.components.default_zone = self.components.default_zone.take().or(zone);
                self.has_calendar = true;
            }
            "VTIMEZONE" => self.components.zones.push(ended),
            "VEVENT" => self.components.events.push(ended),
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

fn find_needed_name(line: &str) -> Option<&'static str> {
    let name = line.split([':', ';']).next().unwrap_or(line).trim();
    NEEDED_NAMES
        .into_iter()
        .find(|needed| needed.eq_ignore_ascii_case(name))
}

fn parse_content_line(name: &str, line: &str) -> Option<ContentLine> {
    // A content line has a value (RFC 5545, 3.1), but `icalendar` accepts one without.
    line.contains(':').then_some(())?;
    let property = Property::try_from(line).ok()?;
    let parameters = property.params.iter().filter_map(|parameter| {
        let value = parameter.val.as_ref()?.as_str().trim_matches('"');
        Some((parameter.key.as_str().to_owned(), value.to_owned()))
    });
    Some(ContentLine {
        name: name.to_owned(),
        parameters: parameters.collect(),
        value: property.val.as_str().to_owned(),
    })
}
