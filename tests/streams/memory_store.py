"""The tables in memory: greatest version wins, a write can be cut off after any row, reads see what was written.

A stand-in for ClickHouse in the model test only; the real engine runs in the stack tests.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from sinks.rows import CellName, StoredCase, StoredCell, StoredPartition, StoredStock, WriteBatch
from streams.case_filter import checksums


class Crash(Exception):
    """The process died in the middle of a write."""


class MemoryStore:
    """One partition's rows by key."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.events: dict[int, Any] = {}
        self.dead_letters: dict[int, Any] = {}
        self.cells: dict[tuple[Any, ...], tuple[int, int]] = {}
        self.stocks: dict[tuple[Any, ...], int] = {}
        self.cases: dict[str, Any] = {}
        self.ticks: dict[int, int] = {}
        self.next = 0
        # How few cells a reader holds from the start: the latest hours only.
        self.hot_hours = 10**9

    def write(self, batch: WriteBatch, events: Sequence[Any], crash_after: int | None = None) -> None:
        """Puts the rows in the writer's order; raises Crash after `crash_after` of them."""
        columns = batch.cells
        cells = list(
            zip(
                columns.measure,
                columns.hour,
                columns.agency,
                columns.service,
                columns.channel,
                columns.value,
                columns.version,
                strict=True,
            )
        )
        self.rng.shuffle(cells)
        steps: list[tuple[Any, Any]] = [
            *((self._put_event, row) for row in events),
            *((self._put_dead_letter, row) for row in batch.dead_letters),
            *((self._put_cell, row) for row in cells),
            *((self._put_stock, row) for row in batch.stocks),
            *((self._put_case, row) for row in batch.cases),
            *((self._put_tick, row) for row in batch.ticks),
            *((self._put_progress, row) for row in batch.progress),
        ]
        for number, (put, row) in enumerate(steps):
            if number == crash_after:
                raise Crash
            put(row)
        if crash_after is not None:
            raise Crash

    def _put_event(self, row: Any) -> None:
        self.events[row.version] = row

    def _put_dead_letter(self, row: Any) -> None:
        self.dead_letters[row.version] = row

    def _put_cell(self, row: Any) -> None:
        *key, value, version = row
        if version >= self.cells.get(tuple(key), (0, -1))[1]:
            self.cells[tuple(key)] = (value, version)

    def _put_stock(self, row: Any) -> None:
        self.stocks[row.measure, row.agency, row.service, row.version] = row.value

    def _put_case(self, row: Any) -> None:
        if row.case_id not in self.cases or row.version >= self.cases[row.case_id].version:
            self.cases[row.case_id] = row

    def _put_tick(self, row: Any) -> None:
        self.ticks[row.version] = row.tick

    def _put_progress(self, row: Any) -> None:
        self.next = max(self.next, row.next)

    def stocks_at(self, version: int) -> dict[tuple[str, str, str], tuple[int, int]]:
        """(measure, agency, service) -> (value, version) of the greatest version up to `version`."""
        latest: dict[tuple[str, str, str], tuple[int, int]] = {}
        for (*key, written), value in sorted(self.stocks.items(), key=lambda item: item[0][3]):
            if written <= version:
                latest[tuple(key)] = (value, written)  # type: ignore[index]
        return latest

    def partition(self, partition: int, position: int) -> StoredPartition:
        """As sinks.state.StateReader.partition."""
        hours = sorted({key[1] for key in self.cells}, reverse=True)
        cells_from = hours[self.hot_hours] if len(hours) > self.hot_hours else 0
        cases = [
            StoredCase(row.case_id, row.facts, row.clock, row.version)
            for row in self.cases.values()
            if row.status in {"waiting", "open", "paused"} or row.version >= position
        ]
        return StoredPartition(
            position=position,
            tick=max((tick for version, tick in self.ticks.items() if version < position), default=0),
            watermark=0,
            cells_from=cells_from,
            cells=[
                StoredCell(*key, value, version)
                for key, (value, version) in self.cells.items()
                if key[1] >= cells_from or version >= position
            ],
            stocks=[StoredStock(*key, *value) for key, value in self.stocks_at(2**63).items()],
            cases=cases,
            events=sum(version < position for version in self.events),
            known=checksums(self.cases),
        )

    def cases_of(self, case_ids: Sequence[str]) -> list[StoredCase]:
        """As sinks.state.StateReader.cases."""
        rows = [self.cases[one] for one in case_ids if one in self.cases]
        return [StoredCase(row.case_id, row.facts, row.clock, row.version) for row in rows]

    def cells_of(self, names: Sequence[CellName]) -> list[StoredCell]:
        """As sinks.state.StateReader.cells."""
        return [StoredCell(*name, *self.cells[name]) for name in names if name in self.cells]
