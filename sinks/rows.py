"""Rows as they travel between the fold and ClickHouse: one columnar batch a write, plain tuples a read.

Versions are `generation << 44 | offset`; times in ms since 1970 UTC, 0 = none; cell hours in hours since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class EventColumns:
    """Accepted records as they came, column by column: a row each would cost more than folding them."""

    partition: list[int] = field(default_factory=list)
    version: list[int] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    case_id: list[str] = field(default_factory=list)
    time: list[int] = field(default_factory=list)
    broker_time: list[int] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def columns(self) -> list[Sequence[Any]]:
        """In the order of the fields."""
        return [self.partition, self.version, self.kind, self.case_id, self.time, self.broker_time, self.raw]


class DeadLetterRow(NamedTuple):
    """One refused record as it came, and why."""

    partition: int
    version: int
    reason: str
    detail: str
    key: bytes
    raw: bytes
    broker_time: int


@dataclass(slots=True)
class CellColumns:
    """Snapshots of cells, column by column."""

    partition: list[int] = field(default_factory=list)
    measure: list[str] = field(default_factory=list)
    hour: list[int] = field(default_factory=list)
    agency: list[str] = field(default_factory=list)
    service: list[str] = field(default_factory=list)
    channel: list[str] = field(default_factory=list)
    value: list[int] = field(default_factory=list)
    version: list[int] = field(default_factory=list)


class CellName(NamedTuple):
    """Which cell of a partition."""

    measure: str
    hour: int
    agency: str
    service: str
    channel: str


class StockRow(NamedTuple):
    """A snapshot of one stock of one partition."""

    partition: int
    measure: str
    agency: str
    service: str
    value: int
    version: int


class CaseRow(NamedTuple):
    """A snapshot of one case; `clock` is the partition's last tick at that version."""

    partition: int
    case_id: str
    agency: str
    service: str
    channel: str
    status: str
    submitted: int
    accepted: int
    due: int
    closed: int
    waited: int
    supplements: int
    facts: bytes
    clock: int
    version: int


class TickRow(NamedTuple):
    """The partition reached `tick` at `version`."""

    partition: int
    tick: int
    version: int


class ProgressRow(NamedTuple):
    """Everything of the partition before `next` has been written; `watermark` is the greatest event time seen."""

    partition: int
    next: int
    events: int
    watermark: int


@dataclass(slots=True)
class WriteBatch:
    """What one write puts into the tables, in this order."""

    events: EventColumns = field(default_factory=EventColumns)
    dead_letters: list[DeadLetterRow] = field(default_factory=list)
    cells: CellColumns = field(default_factory=CellColumns)
    stocks: list[StockRow] = field(default_factory=list)
    cases: list[CaseRow] = field(default_factory=list)
    ticks: list[TickRow] = field(default_factory=list)
    progress: list[ProgressRow] = field(default_factory=list)


class StoredCase(NamedTuple):
    """What the fold needs of a stored case."""

    case_id: str
    facts: bytes
    clock: int
    version: int


class StoredCell(NamedTuple):
    """A stored cell, read back."""

    measure: str
    hour: int
    agency: str
    service: str
    channel: str
    value: int
    version: int


class StoredStock(NamedTuple):
    """A stored stock, read back."""

    measure: str
    agency: str
    service: str
    value: int
    version: int


@dataclass(frozen=True, slots=True)
class StoredPartition:
    """A partition's state as stored, for a reader at `position`.

    `tick` is the last one before `position`; `cells` holds every cell from hour `cells_from` on, and every one
    written at or past `position`; `cases` the open ones and those written at or past `position`; `known` the CRC-32
    of every stored case's id; `events` the number of accepted records before `position`.
    """

    position: int
    tick: int
    watermark: int
    cells_from: int
    cells: list[StoredCell]
    stocks: list[StoredStock]
    cases: list[StoredCase]
    events: int
    known: NDArray[np.uint32]
