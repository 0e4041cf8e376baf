"""Rows of the spine's tables written by hand, for what reads them. Times are local (Asia/Ho_Chi_Minh), January 2026."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from ioc.events import type_of
from ioc.facts import to_ms
from ioc.local_time import LOCAL_ZONE

# The command, in a process of its own.
IOC = (sys.executable, "-c", "from ioc.cli import main; main()")

GENERATION = 1 << 44
COLUMNS = {
    "events": "topic partition version kind case_id time broker_time raw",
    "cells": "partition measure bucket agency service channel value version",
    "cases": "partition case_id agency service channel status submitted_ms accepted_ms due_ms closed_ms waited_ms "
    "supplements facts clock version",
    "stocks": "partition measure agency service value version",
    "ticks": "partition tick version",
    "progress": "topic partition next events watermark_ms written_at",
    "dead_letters": "topic partition version reason detail key raw broker_time",
}


def moment(text: str) -> datetime:
    """`05 08:30` -> 5 January 2026, 08:30 local."""
    day, clock = text.split()
    hour, minute = clock.split(":")
    return datetime(2026, 1, int(day), int(hour), int(minute), tzinfo=LOCAL_ZONE)


def ms(text: str) -> int:
    """As `moment`, in ms since 1970 UTC."""
    return to_ms(moment(text))


def insert(client: Any, table: str, rows: list[Any]) -> None:
    if rows:
        client.insert(table, rows, column_names=COLUMNS[table].split())


@dataclass(slots=True)
class Event:
    """One record; `time` as for `moment`, or RFC 3339 text as it stands."""

    kind: str
    time: str
    data: dict[str, Any] = field(default_factory=dict)
    id: str = ""
    source: str = "hcc"

    @property
    def stamp(self) -> str:
        return self.time if "T" in self.time.upper() else moment(self.time).isoformat()

    def raw(self, case_id: str) -> bytes:
        return orjson.dumps(
            {
                "specversion": "1.0",
                "type": type_of(self.kind),
                "id": self.id,
                "source": self.source,
                "subject": case_id,
                "time": self.stamp,
                "data": self.data,
            }
        )

    @property
    def row_time(self) -> datetime:
        """What the time column holds: whole milliseconds."""
        told = datetime.fromisoformat(self.stamp.upper())
        # fromisoformat cuts digits beyond the microsecond, the contract rounds them.
        fraction = self.stamp.partition(".")[2].rstrip("Zz")
        if len(fraction) > 6 and "+" not in fraction:
            told += timedelta(microseconds=int(fraction[6] >= "5"))
        return told.replace(microsecond=told.microsecond // 1000 * 1000)


@dataclass(slots=True)
class Log:
    """One partition's stored records, in offset order."""

    partition: int = 0
    topic: str = "cases"
    rows: list[Any] = field(default_factory=list)

    def add(self, case_id: str, *events: Event) -> None:
        for event in events:
            # Told apart by their place unless the test names them: a repeated id is a duplicate.
            event.id = event.id or f"e{len(self.rows)}"
            self.rows.append(
                (
                    self.topic,
                    self.partition,
                    GENERATION | len(self.rows),
                    event.kind,
                    case_id,
                    event.row_time,
                    datetime.now(UTC),
                    event.raw(case_id),
                )
            )

    @property
    def next(self) -> int:
        return GENERATION | len(self.rows)

    def write(self, client: Any) -> None:
        """Stores the records and the progress that goes with them."""
        insert(client, "events", self.rows)
        written = datetime.now(UTC)
        insert(client, "progress", [(self.topic, self.partition, self.next, len(self.rows), ms("20 00:00"), written)])
