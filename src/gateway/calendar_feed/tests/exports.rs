//! Tests with feeds as Google, Outlook and Apple export them.

use super::{FeedError, faults, parse_feed, times, window};

/// As Google Calendar exports: UTC for single events, an IANA zone for repeating events, `X-WR-TIMEZONE`.
const GOOGLE: &str = "BEGIN:VCALENDAR\r
PRODID:-//Google Inc//Google Calendar 70.9054//EN\r
VERSION:2.0\r
CALSCALE:GREGORIAN\r
METHOD:PUBLISH\r
X-WR-CALNAME:Ana\r
X-WR-TIMEZONE:Europe/Berlin\r
BEGIN:VTIMEZONE\r
TZID:Europe/Berlin\r
X-LIC-LOCATION:Europe/Berlin\r
BEGIN:DAYLIGHT\r
TZOFFSETFROM:+0100\r
TZOFFSETTO:+0200\r
TZNAME:CEST\r
DTSTART:19700329T020000\r
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r
END:DAYLIGHT\r
BEGIN:STANDARD\r
TZOFFSETFROM:+0200\r
TZOFFSETTO:+0100\r
TZNAME:CET\r
DTSTART:19701025T030000\r
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r
END:STANDARD\r
END:VTIMEZONE\r
BEGIN:VEVENT\r
DTSTART;TZID=Europe/Berlin:20260323T090000\r
DTEND;TZID=Europe/Berlin:20260323T100000\r
RRULE:FREQ=WEEKLY;UNTIL=20260420T215959Z;BYDAY=MO\r
EXDATE;TZID=Europe/Berlin:20260413T090000\r
DTSTAMP:20260301T120000Z\r
UID:weekly@google.com\r
SEQUENCE:1\r
STATUS:CONFIRMED\r
SUMMARY:Every Monday\\, nine o'clock\r
TRANSP:OPAQUE\r
END:VEVENT\r
BEGIN:VEVENT\r
DTSTART;TZID=Europe/Berlin:20260407T140000\r
DTEND;TZID=Europe/Berlin:20260407T150000\r
DTSTAMP:20260301T120000Z\r
UID:weekly@google.com\r
RECURRENCE-ID;TZID=Europe/Berlin:20260406T090000\r
STATUS:CONFIRMED\r
SUMMARY:Moved to Tuesday after Easter, in a summary that is so long that it ha\r
 s to be folded\r
TRANSP:OPAQUE\r
END:VEVENT\r
BEGIN:VEVENT\r
DTSTART:20260325T130000Z\r
DTEND:20260325T133000Z\r
UID:once@google.com\r
STATUS:TENTATIVE\r
TRANSP:OPAQUE\r
BEGIN:VALARM\r
ACTION:DISPLAY\r
TRIGGER:-P0DT0H10M0S\r
END:VALARM\r
END:VEVENT\r
BEGIN:VEVENT\r
DTSTART;VALUE=DATE:20260327\r
DTEND;VALUE=DATE:20260329\r
UID:holiday@google.com\r
STATUS:CONFIRMED\r
TRANSP:OPAQUE\r
END:VEVENT\r
BEGIN:VEVENT\r
DTSTART;VALUE=DATE:20260401\r
DTEND;VALUE=DATE:20260402\r
UID:birthday@google.com\r
STATUS:CONFIRMED\r
TRANSP:TRANSPARENT\r
END:VEVENT\r
BEGIN:VEVENT\r
DTSTART:20260402T100000Z\r
DTEND:20260402T110000Z\r
UID:off@google.com\r
STATUS:CANCELLED\r
END:VEVENT\r
END:VCALENDAR\r
";

#[test]
fn google_export_with_series_exceptions_and_whole_days() {
    assert_eq!(
        times(GOOGLE, "2026-03-01", "2027-01-01"),
        [
            "2026-03-23T08:00Z 1:00 weekly@google.com",
            "2026-03-25T13:00Z 0:30 once@google.com",
            // Two whole days before the clocks change, from midnight to midnight in Berlin.
            "2026-03-26T23:00Z 48:00 holiday@google.com",
            // Nine o'clock in summer time.
            "2026-03-30T07:00Z 1:00 weekly@google.com",
            "2026-04-07T12:00Z 1:00 weekly@google.com",
            "2026-04-20T07:00Z 1:00 weekly@google.com",
        ]
    );
    assert_eq!(faults(GOOGLE), []);
}

/// As Outlook and Exchange export: zones with Windows names, described from 1601 on, and one custom zone.
const OUTLOOK: &str = "BEGIN:VCALENDAR\r
METHOD:PUBLISH\r
PRODID:Microsoft Exchange Server 2010\r
VERSION:2.0\r
X-WR-CALNAME:Calendar\r
BEGIN:VTIMEZONE\r
TZID:W. Europe Standard Time\r
BEGIN:STANDARD\r
DTSTART:16010101T030000\r
TZOFFSETFROM:+0200\r
TZOFFSETTO:+0100\r
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\r
END:STANDARD\r
BEGIN:DAYLIGHT\r
DTSTART:16010101T020000\r
TZOFFSETFROM:+0100\r
TZOFFSETTO:+0200\r
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\r
END:DAYLIGHT\r
END:VTIMEZONE\r
BEGIN:VTIMEZONE\r
TZID:Customized Time Zone\r
BEGIN:STANDARD\r
DTSTART:16010101T020000\r
TZOFFSETFROM:-0400\r
TZOFFSETTO:-0500\r
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=1SU;BYMONTH=11\r
END:STANDARD\r
BEGIN:DAYLIGHT\r
DTSTART:16010101T020000\r
TZOFFSETFROM:-0500\r
TZOFFSETTO:-0400\r
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=2SU;BYMONTH=3\r
END:DAYLIGHT\r
END:VTIMEZONE\r
BEGIN:VEVENT\r
RRULE:FREQ=DAILY;UNTIL=20261026T080000Z;INTERVAL=1\r
EXDATE;TZID=W. Europe Standard Time:20261025T090000\r
UID:040000008200E00074C5B7101A82E008\r
SUMMARY:Stand-up\r
DTSTART;TZID=W. Europe Standard Time:20261023T090000\r
DTEND;TZID=W. Europe Standard Time:20261023T091500\r
CLASS:PUBLIC\r
DTSTAMP:20261001T120000Z\r
TRANSP:OPAQUE\r
STATUS:CONFIRMED\r
X-MICROSOFT-CDO-BUSYSTATUS:BUSY\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:call\r
DTSTART;TZID=\"Customized Time Zone\":20261030T120000\r
DTEND;TZID=\"Customized Time Zone\":20261030T130000\r
RRULE:FREQ=WEEKLY;COUNT=2;BYDAY=FR\r
X-MICROSOFT-CDO-BUSYSTATUS:OOF\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:focus\r
DTSTART;TZID=W. Europe Standard Time:20261023T130000\r
DTEND;TZID=W. Europe Standard Time:20261023T170000\r
X-MICROSOFT-CDO-BUSYSTATUS:FREE\r
END:VEVENT\r
END:VCALENDAR\r
";

#[test]
fn outlook_export_with_windows_zones_and_a_custom_zone() {
    assert_eq!(
        times(OUTLOOK, "2026-10-01", "2027-01-01"),
        [
            "2026-10-23T07:00Z 0:15 040000008200E00074C5B7101A82E008",
            "2026-10-24T07:00Z 0:15 040000008200E00074C5B7101A82E008",
            // The 25th is excluded. On the 26th the clocks have changed, and UNTIL equals the last start.
            "2026-10-26T08:00Z 0:15 040000008200E00074C5B7101A82E008",
            "2026-10-30T16:00Z 1:00 call",
            "2026-11-06T17:00Z 1:00 call",
        ]
    );
    assert_eq!(faults(OUTLOOK), []);
}

#[test]
fn described_zone_changes_offset_like_a_known_zone() {
    // 02:30 is skipped and 01:30 occurs twice. The other times lie on both sides of those two.
    for (local, start) in [
        ("20260308T013000", "2026-03-08T06:30Z"),
        ("20260308T023000", "2026-03-08T07:30Z"),
        ("20260308T033000", "2026-03-08T07:30Z"),
        ("20261101T003000", "2026-11-01T04:30Z"),
        ("20261101T013000", "2026-11-01T05:30Z"),
        ("20261101T023000", "2026-11-01T07:30Z"),
    ] {
        for zone in ["Customized Time Zone", "America/New_York"] {
            let event =
                format!("BEGIN:VEVENT\nUID:e\nDTSTART;TZID={zone}:{local}\nDURATION:PT1H\nEND:VEVENT\n");
            let feed = OUTLOOK.replace("END:VCALENDAR", &format!("{event}END:VCALENDAR"));
            let found = times(&feed, "2026-01-01", "2027-01-01");
            assert!(
                found.contains(&format!("{start} 1:00 e")),
                "{local} in {zone}: {found:?}"
            );
        }
    }
}

/// As Apple's Calendar exports: bare line feeds, durations, repeating whole days, a cancelled repetition.
const APPLE: &str = "BEGIN:VCALENDAR
CALSCALE:GREGORIAN
PRODID:-//Apple Inc.//macOS 15.1//EN
VERSION:2.0
X-APPLE-CALENDAR-COLOR:#1BADF8
X-WR-CALNAME:Yoga
BEGIN:VTIMEZONE
TZID:America/New_York
BEGIN:DAYLIGHT
DTSTART:20070311T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
TZNAME:EDT
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:20071104T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
TZNAME:EST
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
CREATED:20260101T000000Z
DTSTART;TZID=America/New_York:20261031T223000
DURATION:PT4H
RRULE:FREQ=DAILY;COUNT=3
SUMMARY:Night class
UID:night
X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=America/New_York:20261101T223000
DURATION:PT4H
RECURRENCE-ID;TZID=America/New_York:20261101T223000
STATUS:CANCELLED
UID:night
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261224
RRULE:FREQ=YEARLY
EXDATE;VALUE=DATE:20271224
TRANSP:OPAQUE
UID:eve
END:VEVENT
END:VCALENDAR
";

#[test]
fn apple_export_with_durations_and_a_cancelled_repetition() {
    assert_eq!(
        times(APPLE, "2026-10-01", "2029-01-01"),
        [
            // Four hours stay four hours in the night in which the clocks go back.
            "2026-11-01T02:30Z 4:00 night",
            "2026-11-03T03:30Z 4:00 night",
            // The day in New York, the only zone that the feed describes.
            "2026-12-24T05:00Z 24:00 eve",
            "2028-12-24T05:00Z 24:00 eve",
        ]
    );
    assert_eq!(faults(APPLE), []);
}

#[test]
fn feed_that_is_cut_off_anywhere_is_refused() {
    let within = window("2026-01-01", "2027-01-01");
    for feed in [GOOGLE, OUTLOOK, APPLE] {
        let whole = feed.trim_end().len();
        for cut in 0..whole {
            assert_eq!(
                parse_feed(&feed[..cut], within),
                Err(FeedError::NotACalendar),
                "at {cut}"
            );
        }
        assert!(parse_feed(&feed[..whole], within).is_ok());
    }
}

/// As Airbnb and Booking.com export: nights as whole days, in the zone of the place, which the feed does not name.
const NIGHTS: &str = "BEGIN:VCALENDAR
PRODID;X-RICAL-TZSOURCE=TZINFO:-//Airbnb Inc//Hosting Calendar 1.0//EN
CALSCALE:GREGORIAN
VERSION:2.0
BEGIN:VEVENT
DTEND;VALUE=DATE:20260705
DTSTART;VALUE=DATE:20260701
UID:1418fb94e984-9a6@airbnb.com
DESCRIPTION:Reservation URL: https://www.airbnb.com/hosting/reservations/d
 etails/HMX\\nPhone Number (Last 4 Digits): 1234
SUMMARY:Reserved
END:VEVENT
BEGIN:VEVENT
DTSTAMP:20260601T000000Z
DTSTART;VALUE=DATE:20260710
DTEND;VALUE=DATE:20260711
UID:cc42@booking.com
SUMMARY:CLOSED - Not available
END:VEVENT
END:VCALENDAR
";

/// As Nextcloud and Proton export: each zone is described, and the rule of one has its changes as dates.
const NEXTCLOUD: &str = "BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//SabreDAV//SabreDAV//EN
X-WR-CALNAME:Persönlich
X-APPLE-CALENDAR-COLOR:#0082c9
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
BEGIN:VTIMEZONE
TZID:Europe/Zurich
LAST-MODIFIED:20240422T053449Z
X-LIC-LOCATION:Europe/Zurich
BEGIN:STANDARD
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
DTSTART:20251026T030000
RDATE:20261025T030000,20271031T030000
END:STANDARD
BEGIN:DAYLIGHT
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
DTSTART:20260329T020000
RDATE:20270328T020000
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:3c1a-nextcloud
SEQUENCE:2
DTSTART;TZID=Europe/Berlin:20260702T100000
DTEND;TZID=Europe/Berlin:20260702T110000
RRULE:FREQ=MONTHLY;COUNT=2;BYDAY=1TH
SUMMARY:Zahnärztin
END:VEVENT
BEGIN:VEVENT
UID:pm@proton.me
X-PM-SESSION-KEY:abc
DTSTART;TZID=Europe/Zurich:20261024T220000
DTEND;TZID=Europe/Zurich:20261025T080000
STATUS:CONFIRMED
END:VEVENT
END:VCALENDAR
";

#[test]
fn exports_of_nights_and_of_described_zones_are_read() {
    assert_eq!(
        times(NIGHTS, "2026-06-01", "2027-01-01"),
        [
            "2026-07-01T00:00Z 96:00 1418fb94e984-9a6@airbnb.com",
            "2026-07-10T00:00Z 24:00 cc42@booking.com",
        ]
    );
    assert_eq!(faults(NIGHTS), []);
    assert_eq!(
        times(NEXTCLOUD, "2026-06-01", "2027-01-01"),
        [
            "2026-07-02T08:00Z 1:00 3c1a-nextcloud",
            "2026-08-06T08:00Z 1:00 3c1a-nextcloud",
            // The night in which the clocks go back has an hour more.
            "2026-10-24T20:00Z 11:00 pm@proton.me",
        ]
    );
    assert_eq!(faults(NEXTCLOUD), []);
}
