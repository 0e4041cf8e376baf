"""The data's own clock: how far each partition has come, and which local day that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ioc.errors import IocError
from ioc.facts import to_ms
from ioc.local_time import DAY_MS, LOCAL_ZONE
from sinks.client import Client


@dataclass(frozen=True, slots=True)
class Reached:
    """Partition `partition` reached `tick` (ms since 1970 UTC) at `version`: its stocks up to there are as of it."""

    partition: int
    tick: int
    version: int


def from_ms(ms: int) -> datetime:
    """An instant in ms since 1970 UTC as a UTC datetime."""
    return datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)


def day_start(moment: datetime) -> datetime:
    """Midnight in Asia/Ho_Chi_Minh of the local day that holds `moment`."""
    return moment.astimezone(LOCAL_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def reached(client: Client, at: datetime | None = None) -> list[Reached]:
    """Each partition's greatest tick, or greatest tick up to `at`; a partition without one is left out."""
    bound = 2**63 - 1 if at is None else to_ms(at)
    rows = client.query(
        """SELECT partition, max(tick), argMax(version, (tick, version)) FROM ticks
           WHERE tick <= {bound:Int64} GROUP BY partition ORDER BY partition""",
        parameters={"bound": bound},
    ).result_rows
    return [Reached(int(partition), int(tick), int(version)) for partition, tick, version in rows]


def clock(known: list[Reached], at: datetime | None = None) -> datetime:
    """What time it is in the data: `at` if asked for, else the greatest tick, else the machine's clock."""
    if at is not None:
        return at
    return from_ms(max(one.tick for one in known)) if known else datetime.now(UTC)


def today(moment: datetime) -> tuple[datetime, datetime]:
    """The local day that holds `moment`: its first instant and the next day's."""
    start = day_start(moment)
    return start, start + timedelta(milliseconds=DAY_MS)


def parse_moment(text: str, *, end: bool = False) -> datetime:
    """A date or RFC 3339 time as typed by a person; without an offset it is local time (Asia/Ho_Chi_Minh).

    A bare date is its first instant, with `end` the first instant of the next day. Raises IocError.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise IocError(f"{text} is no time; write it like 2026-01-31 or 2026-01-31T08:00+07:00.") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=LOCAL_ZONE)
    return moment + timedelta(days=1) if end and len(text) == 10 else moment
