"""Simulated events as bytes: times and CloudEvents written from templates, as fast as Python can.

The bytes are what `ioc.events` decodes; a test holds the two together. Every text that goes in is ASCII without
quotes, so no escaping is needed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

DAY = 86_400_000
HOUR = 3_600_000
MINUTE = 60_000
# Asia/Ho_Chi_Minh has no summer time since 1975.
LOCAL = 7 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK = [f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440)]


@lru_cache(maxsize=4096)
def date_text(day: int) -> str:
    """`2026-01-05` for a day number since 1970-01-01."""
    return (_EPOCH + timedelta(days=day)).date().isoformat()


def local_day(time: int) -> int:
    """Day number, in Asia/Ho_Chi_Minh, of a time in ms since 1970 UTC."""
    return (time + LOCAL) // DAY


def iso_local(time: int) -> str:
    """RFC 3339 in Asia/Ho_Chi_Minh, milliseconds kept."""
    day, rest = divmod(time + LOCAL, DAY)
    minute, milli = divmod(rest, MINUTE)
    return f"{date_text(day)}T{_CLOCK[minute]}{milli // 1000:02d}.{milli % 1000:03d}+07:00"


def iso_utc(time: int) -> str:
    """RFC 3339 in UTC, milliseconds kept."""
    day, rest = divmod(time, DAY)
    minute, milli = divmod(rest, MINUTE)
    return f"{date_text(day)}T{_CLOCK[minute]}{milli // 1000:02d}.{milli % 1000:03d}Z"


class Counts(NamedTuple):
    """What an event adds to cells: at `agency`, pairs of measure and whole number."""

    agency: str
    values: tuple[tuple[str, int], ...]


class SimEvent(NamedTuple):
    """One true event of a simulated case, and what it counts for.

    `time` in ms since 1970 UTC; `data` is JSON text. `counts` holds if the whole case is known; `otherwise` where
    the event comes before the case's `accepted` and counts differently as long as that has not come.
    Tuples sort by time, case and id.
    """

    time: int
    case: str
    id: str
    source: str
    kind: str
    data: str
    counts: Counts
    otherwise: Counts | None = None

    def encode(self) -> bytes:
        return cloud_event(self.kind, self.id, self.source, self.case, iso_local(self.time), self.data)


def cloud_event(kind: str, id: str, source: str, case: str, time: str, data: str) -> bytes:
    """One structured CloudEvent; `time` and `data` as they are to stand in it."""
    return (
        f'{{"specversion":"1.0","type":"vn.gov.ioc.case.{kind}.v1","id":"{id}","source":"{source}",'
        f'"subject":"{case}","time":"{time}","data":{data}}}'
    ).encode()
