"""What the first wall shows, in five short queries: today's counts, stocks as they stand, flow and age of data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from ioc.facts import to_ms
from sinks.client import Client
from sinks.moments import Reached, clock, from_ms, reached, today

OFFSET_MASK = (1 << 44) - 1
FLOW_MINUTES = 30


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of the local day and stocks as of the clock; None is unknown, never 0.

    `in_time` finished early or on the due day, `late_finished` after it, `no_due` without a known due date.
    """

    received: int | None = None
    received_online: int | None = None
    finished: int | None = None
    in_time: int | None = None
    late_finished: int | None = None
    no_due: int | None = None
    open: int | None = None
    open_late: int | None = None
    due_24h: int | None = None
    paused: int | None = None
    waiting: int | None = None

    @property
    def on_time_share(self) -> float | None:
        """In time among finished cases with a known due date, 0..1; None when there are none."""
        if self.in_time is None or self.late_finished is None:
            return None
        judged = self.in_time + self.late_finished
        return self.in_time / judged if judged else None

    @property
    def online_share(self) -> float | None:
        """Online among received cases, 0..1; None when none were received."""
        return self.received_online / self.received if self.received and self.received_online is not None else None


@dataclass(frozen=True, slots=True)
class AgencyRow:
    """One agency's figures; `agency` is its canonical code, or `unknown`."""

    agency: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Minute:
    """Events that came into Kafka in the minute from `start` (UTC)."""

    start: datetime
    events: int


@dataclass(frozen=True, slots=True)
class PartitionProgress:
    """How far a partition has been written: next offset, events in all, greatest event time, when written."""

    partition: int
    next_offset: int
    events: int
    watermark: datetime | None
    written_at: datetime
    tick: datetime | None


@dataclass(frozen=True, slots=True)
class WallSnapshot:
    """Everything the wall draws. Times are aware (UTC); `day` is the local midnight that today's counts start at.

    `agencies` come with the most received first. `taken_at` is the machine's time of the snapshot; the ages are
    seconds before it: since rows were last written, since the newest record reached Kafka (None: not in the flow's
    minutes). `watermark` is the greatest event time seen.
    """

    taken_at: datetime
    clock: datetime
    day: datetime
    province: Figures
    agencies: tuple[AgencyRow, ...]
    flow: tuple[Minute, ...]
    written_age_seconds: float | None
    newest_age_seconds: float | None
    watermark: datetime | None
    dead_letters_today: int
    events_total: int
    partitions: tuple[PartitionProgress, ...]

    @property
    def events_per_second(self) -> float | None:
        """Mean rate of the last whole minute; None before there is one."""
        return self.flow[-2].events / 60 if len(self.flow) > 1 else None


# PREWHERE, for FINAL would otherwise merge what the day leaves out; safe since it names columns of the key only.
_COUNTS = """
SELECT agency, sumIf(value, measure = 'received'), sumIf(value, measure = 'received' AND channel = 'online'),
       sumIf(value, measure = 'finished'), sumIf(value, measure IN ('finished_early', 'finished_on_time')),
       sumIf(value, measure = 'finished_late'), sumIf(value, measure = 'finished_no_due')
FROM cells FINAL
PREWHERE measure IN ('received', 'finished', 'finished_early', 'finished_on_time', 'finished_late', 'finished_no_due')
  AND bucket >= toDateTime({start:Int64}) AND bucket < toDateTime({end:Int64})
GROUP BY agency
SETTINGS do_not_merge_across_partitions_select_final = 1
"""

_SUMMED_STOCKS = """
SELECT agency, sumIf(value, measure = 'open'), sumIf(value, measure = 'open_late'),
       sumIf(value, measure = 'open_due_24h'), sumIf(value, measure = 'open_paused'), sumIf(value, measure = 'waiting')
FROM ({stocks}) GROUP BY agency
"""
_STOCKS_NOW = "SELECT measure, agency, value FROM stocks_now FINAL"
_STOCKS_AT = """
SELECT measure, agency, argMax(value, version) AS value FROM stocks
WHERE version <= transform(partition, {partitions:Array(UInt16)}, {versions:Array(UInt64)}, toUInt64(0))
GROUP BY partition, measure, agency, service
"""

# Counted without FINAL: a batch written twice after a crash stands out for a moment here, and in no other figure.
_FLOW = """
SELECT toStartOfMinute(broker_time) AS minute, count(), max(broker_time)
FROM events
WHERE broker_time >= fromUnixTimestamp64Milli({start:Int64}) AND broker_time < fromUnixTimestamp64Milli({end:Int64})
GROUP BY minute ORDER BY minute
"""

_PROGRESS = """
SELECT partition, bitAnd(next, {mask:UInt64}), events, watermark_ms, written_at FROM progress FINAL ORDER BY partition
"""

_DEAD_LETTERS = """
SELECT count() FROM dead_letters FINAL
WHERE broker_time >= fromUnixTimestamp64Milli({start:Int64}) AND broker_time < fromUnixTimestamp64Milli({end:Int64})
"""


def snapshot(client: Client, at: datetime | None = None, flow_minutes: int = FLOW_MINUTES) -> WallSnapshot:
    """The wall as of now, or with the stocks and the day of `at` (aware). `client` may be the reader's.

    Counts of the day are those known now, also with `at`. Raises what the driver raises; see `sinks.client.guarded`.
    """
    taken_at = datetime.now(UTC)
    known = reached(client, at)
    now = clock(known, at)
    start, end = today(now)
    progress = _progress(client, known)
    agencies = _agencies(client, start, end, known, at) if progress else {}
    flow_end = taken_at if at is None else at
    flow, newest = _flow(client, flow_end, flow_minutes)
    dead = client.query(_DEAD_LETTERS, parameters=_between(start, end)).result_rows[0][0]
    watermarks = [one.watermark for one in progress if one.watermark is not None]
    return WallSnapshot(
        taken_at=taken_at,
        clock=now,
        day=start,
        province=_total(list(agencies.values())) if progress else Figures(),
        agencies=tuple(
            AgencyRow(code, agencies[code])
            for code in sorted(agencies, key=lambda c: (-(agencies[c].received or 0), c))
        ),
        flow=flow,
        written_age_seconds=_age(taken_at, max((one.written_at for one in progress), default=None)),
        newest_age_seconds=_age(taken_at, newest),
        watermark=max(watermarks, default=None),
        dead_letters_today=int(dead),
        events_total=sum(one.events for one in progress),
        partitions=progress,
    )


def _between(start: datetime, end: datetime, divisor: int = 1) -> dict[str, int]:
    """Instants as numbers, for a text would be read in the server's zone; ms, or seconds with divisor 1000."""
    return {"start": to_ms(start) // divisor, "end": to_ms(end) // divisor}


def _age(now: datetime, then: datetime | None) -> float | None:
    return None if then is None else max(0.0, (now - then).total_seconds())


def _agencies(
    client: Client, start: datetime, end: datetime, known: list[Reached], at: datetime | None
) -> dict[str, Figures]:
    counts = {row[0]: row[1:] for row in client.query(_COUNTS, parameters=_between(start, end, 1000)).result_rows}
    stocks: dict[str, Any] = {}
    if at is None:
        stocks = {row[0]: row[1:] for row in client.query(_SUMMED_STOCKS.replace("{stocks}", _STOCKS_NOW)).result_rows}
    elif known:
        asked = {"partitions": [one.partition for one in known], "versions": [one.version for one in known]}
        found = client.query(_SUMMED_STOCKS.replace("{stocks}", _STOCKS_AT), parameters=asked).result_rows
        stocks = {row[0]: row[1:] for row in found}
    # Before `at` no partition had reached a tick: its stocks are unknown, not none.
    no_stocks: tuple[int | None, ...] = (0,) * 5 if at is None or known else (None,) * 5
    return {
        str(agency): Figures(*counts.get(agency, (0,) * 6), *stocks.get(agency, no_stocks))
        for agency in counts.keys() | stocks.keys()
    }


def _total(rows: list[Figures]) -> Figures:
    def total(name: str) -> int | None:
        values = [getattr(row, name) for row in rows]
        return None if None in values else sum(values)

    return Figures(**{field.name: total(field.name) for field in fields(Figures)})


def _flow(client: Client, end: datetime, minutes: int) -> tuple[tuple[Minute, ...], datetime | None]:
    last = end.astimezone(UTC).replace(second=0, microsecond=0)
    first = last - timedelta(minutes=minutes - 1)
    rows = client.query(_FLOW, parameters=_between(first, end + timedelta(seconds=1))).result_rows
    counted = {_utc(minute): int(events) for minute, events, _ in rows}
    whole = (first + timedelta(minutes=n) for n in range(minutes))
    return tuple(Minute(start, counted.get(start, 0)) for start in whole), max(
        (_utc(newest) for _, _, newest in rows), default=None
    )


def _progress(client: Client, known: list[Reached]) -> tuple[PartitionProgress, ...]:
    ticks = {one.partition: from_ms(one.tick) for one in known}
    return tuple(
        PartitionProgress(
            partition=int(partition),
            next_offset=int(next_offset),
            events=int(events),
            watermark=from_ms(watermark) if watermark else None,
            written_at=_utc(written_at),
            tick=ticks.get(int(partition)),
        )
        for partition, next_offset, events, watermark, written_at in client.query(
            _PROGRESS, parameters={"mask": OFFSET_MASK}
        ).result_rows
    )


def _utc(moment: datetime) -> datetime:
    """The driver gives UTC columns without a zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
