//! The demo catalogue: hosts, a court, a salon whose cuts take several hands, a class with many places.
//!
//! Ids and prices are what the guides name; the sandbox writes them anew at every start.

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;

use crate::domain::catalogue::{EventType, Need, Resource, SecondThoughts};
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::money::{Currency, Money};
use crate::domain::schedule::{Hours, Schedule};

/// Who serves: id, name, how many at a time.
const RESOURCES: [(&str, &str, u32); 11] = [
    ("ana", "Ana", 1),
    ("ben", "Ben", 1),
    ("cleo", "Cleo", 1),
    ("dora", "Dora", 1),
    ("emil", "Emil", 1),
    ("finn", "Finn", 1),
    ("chair-1", "Chair 1", 1),
    ("chair-2", "Chair 2", 1),
    ("court-1", "Court 1", 1),
    ("studio", "Studio", 20),
    ("sauna", "Sauna", 6),
];

const WEEKDAYS: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
