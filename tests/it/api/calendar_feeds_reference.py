"""Reads feeds (a JSON list) from standard input, and writes the busy times of each in the given range of dates: start and
end, in seconds since 1970. It uses the readers of other people, so that it shares no mistake with Holdfast."""

import datetime
import json
import sys
import zoneinfo

import icalendar
import recurring_ical_events

UTC = datetime.timezone.utc
DEFAULT = zoneinfo.ZoneInfo(sys.argv[3])


def seconds(time):
    """Returns a time in seconds. A whole day, and a time without a zone, is in the default zone."""
    if not isinstance(time, datetime.datetime):
        time = datetime.datetime(time.year, time.month, time.day)
    if time.tzinfo is None:
        time = time.replace(tzinfo=DEFAULT)
    return int(time.astimezone(UTC).timestamp())


def busy_times(feed):
    calendar = icalendar.Calendar.from_ical(feed)
    dates = [datetime.date.fromisoformat(date) for date in sys.argv[1:3]]
    first, last = seconds(dates[0]), seconds(dates[1])
    # A day more on each side, because a date is in no zone.
    day = datetime.timedelta(days=1)
    busy = set()
    for event in recurring_ical_events.of(calendar).between(dates[0] - day, dates[1] + day):
        if event.get("STATUS") == "CANCELLED" or event.get("TRANSP") == "TRANSPARENT":
            continue
        start, end = seconds(event.start), seconds(event.end)
        if start < end and start < last and end > first:
            busy.add((start, end))
    return sorted(busy)


json.dump([busy_times(feed) for feed in json.load(sys.stdin)], sys.stdout)
