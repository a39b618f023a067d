"""Lists when each time zone changes its offset, by Python's zoneinfo with the rules of PyPI's tzdata.

Prints JSON with the version and, for each zone, the first second of each span and its offset. Copies the package's
database to the directory of the first argument, as version 2099a. The other arguments are the first second and the end.
"""

import json
import pathlib
import shutil
import sys
import zoneinfo
from datetime import datetime
from importlib.resources import files

import tzdata

PROBE = 6 * 60 * 60


def find_spans(zone, start, end):
    def offset_at(second):
        return int(datetime.fromtimestamp(second, zone).utcoffset().total_seconds())

    spans = [[start, offset_at(start)]]
    for probe in range(start + PROBE, end + PROBE, PROBE):
        before, after = probe - PROBE, min(probe, end - 1)
        if offset_at(after) == spans[-1][1]:
            continue
        while after - before > 1:
            middle = (before + after) // 2
            if offset_at(middle) == spans[-1][1]:
                before = middle
            else:
                after = middle
        spans.append([after, offset_at(after)])
    return spans


directory, start, end = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
zoneinfo.reset_tzpath(to=[])
shutil.copytree(files("tzdata") / "zoneinfo", directory)
source = directory / "tzdata.zi"
lines = source.read_text().splitlines(keepends=True)
source.write_text("".join(["# version 2099a\n", *lines[1:]]))
names = (files("tzdata") / "zones").read_text().split()
spans = {name: find_spans(zoneinfo.ZoneInfo(name), start, end) for name in names}
print(json.dumps({"version": tzdata.IANA_VERSION, "zones": spans}))
