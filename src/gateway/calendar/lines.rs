//! A feed's text as components and their properties; only those that say when somebody is busy.
//!
//! Content lines are read by `icalendar`, each by itself, so that a broken one costs its component and not the feed.

use icalendar::parser::{Property, unfold};

use super::FeedError;

/// Deeper than any calendar is nested.
const MAX_DEPTH: usize = 8;

/// What is read; all else may be as broken as it likes.
const WANTED: [&str; 16] = [
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

/// One content line.
pub(super) struct Line {
    name: String,
    parameters: Vec<(String, String)>,
    /// What follows the colon, unescaped.
    pub(super) value: String,
}

impl Line {
    /// A parameter's value, without its quotes.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What stands between a `BEGIN` and its `END`.
pub(super) struct Component {
    name: String,
    lines: Vec<Line>,
    /// Components in it.
    pub(super) parts: Vec<Component>,
    /// Whether a line that is needed could not be read, or its end is missing.
    pub(super) broken: bool,
}

impl Component {
    fn new(name: &str) -> Self {
        Self {
            name: name.trim().to_ascii_uppercase(),
            lines: Vec::new(),
            parts: Vec::new(),
            broken: false,
        }
    }

    /// The lines of this name.
    pub(super) fn lines(&self, name: &str) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }

    /// The first line of this name.
    pub(super) fn line(&self, name: &str) -> Option<&Line> {
        self.lines(name).next()
    }

    /// The first value of this name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.line(name).map(|line| line.value.trim())
    }
}

/// A feed, taken apart.
#[derive(Default)]
pub(super) struct Calendar {
    /// The zone that it names for what has none.
    pub(super) zone: Option<String>,
    /// Descriptions of zones.
    pub(super) zones: Vec<Component>,
    /// Events and single repetitions of them.
    pub(super) events: Vec<Component>,
}

/// Takes a feed apart.
///
/// # Errors
/// [`FeedError::NotACalendar`] where nothing begins or not everything ends, [`FeedError::TooMuch`] where it is nested
/// too deep.
pub(super) fn read(feed: &str) -> Result<Calendar, FeedError> {
    let text = unfold(feed.trim_start_matches('\u{feff}'));
    let mut reader = Reader::default();
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        reader.take(line)?;
    }
    if !reader.whole || !reader.open.is_empty() {
        return Err(FeedError::NotACalendar);
    }
    Ok(reader.calendar)
}

#[derive(Default)]
struct Reader {
    calendar: Calendar,
    open: Vec<Component>,
    whole: bool,
}

impl Reader {
    fn take(&mut self, line: &str) -> Result<(), FeedError> {
        match keyword(line, "BEGIN:") {
            Some(name) => return self.begin(Component::new(name)),
            None if self.open.is_empty() => return Err(FeedError::NotACalendar),
            None => {}
        }
        if let Some(name) = keyword(line, "END:") {
            self.end(&Component::new(name).name);
        } else if let (Some(name), Some(open)) = (wanted(line), self.open.last_mut()) {
            match content(name, line) {
                Some(line) => open.lines.push(line),
                None => open.broken = true,
            }
        }
        Ok(())
    }

    fn begin(&mut self, component: Component) -> Result<(), FeedError> {
        // An event within an event is one whose end is missing.
        if component.name == "VEVENT" && self.open.iter().any(|open| open.name == "VEVENT") {
            self.end("VEVENT");
            if let Some(unended) = self.calendar.events.last_mut() {
                unended.broken = true;
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

    /// Ends the innermost component of this name, and with it, as broken, what was open inside. None of that name: a
    /// stray line.
    fn end(&mut self, name: &str) {
        let Some(index) = self.open.iter().rposition(|open| open.name == name) else {
            return;
        };
        let mut broken = false;
        while self.open.len() > index {
            let Some(mut ended) = self.open.pop() else { return };
            ended.broken |= broken;
            broken |= self.open.len() > index;
            self.keep(ended);
        }
    }

    fn keep(&mut self, ended: Component) {
        match ended.name.as_str() {
            "VCALENDAR" => {
                let zone = ended.value("X-WR-TIMEZONE").map(str::to_owned);
                self.calendar.zone = self.calendar.zone.take().or(zone);
                self.whole = true;
            }
            "VTIMEZONE" => self.calendar.zones.push(ended),
            "VEVENT" => self.calendar.events.push(ended),
            "STANDARD" | "DAYLIGHT" => {
                if let Some(zone) = self.open.last_mut() {
                    zone.parts.push(ended);
                }
            }
            _ => {}
        }
    }
}

/// What follows a keyword, in whatever case that is written.
fn keyword<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let (head, rest) = line.split_at_checked(keyword.len())?;
    head.eq_ignore_ascii_case(keyword).then_some(rest)
}

fn wanted(line: &str) -> Option<&'static str> {
    let name = line.split([':', ';']).next().unwrap_or(line).trim();
    WANTED
        .into_iter()
        .find(|wanted| wanted.eq_ignore_ascii_case(name))
}

fn content(name: &str, line: &str) -> Option<Line> {
    line.contains(':').then_some(())?;
    let property = Property::try_from(line).ok()?;
    let parameters = property.params.iter().filter_map(|parameter| {
        let value = parameter.val.as_ref()?.as_str().trim_matches('"');
        Some((parameter.key.as_str().to_owned(), value.to_owned()))
    });
    Some(Line {
        name: name.to_owned(),
        parameters: parameters.collect(),
        value: property.val.as_str().to_owned(),
    })
}
