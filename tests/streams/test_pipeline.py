"""The pipeline: what is acknowledged has been written, and a fold that did not settle is never written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from ioc.errors import Unreachable
from ioc.events import Accepted, Finished, encode_event
from sinks.rows import CellName, StoredCase, StoredCell, StoredPartition, WriteBatch
from streams.case_filter import checksums
from streams.flood import DeadLetterFlood, FloodLimits
from streams.metrics import WorkerMetrics
from streams.partition import WrittenAhead
from streams.pipeline import Limits, Pipeline
from tests.streams.own_loop import run_alone

START = datetime(2026, 1, 5, 1, tzinfo=UTC)
BASE = 1 << 44


class LogRecord(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def accepted(offset: int, case: str, hour: int = 0) -> LogRecord:
    time = START + timedelta(hours=hour)
    value = encode_event("accepted", id=f"{offset}", source="s", subject=case, time=time, data=Accepted(agency="A"))
    return LogRecord(offset, 0, case.encode(), value)


def finished(offset: int, case: str) -> LogRecord:
    time = START + timedelta(hours=5)
    value = encode_event("finished", id=f"{offset}", source="s", subject=case, time=time, data=Finished())
    return LogRecord(offset, 0, case.encode(), value)


class FakeStore:
    """Holds nothing, or one cold cell that somebody else wrote ahead."""

    def __init__(self, cells_from: int = 0, ahead: bool = False) -> None:
        self._cells_from, self._ahead = cells_from, ahead
        self.loads = 0

    def partition(self, partition: int, position: int) -> StoredPartition:
        self.loads += 1
        return StoredPartition(position, 0, 0, self._cells_from, [], [], [], 0, checksums([]))

    def cases(self, partition: int, case_ids: Sequence[str]) -> list[StoredCase]:
        return []

    def cells(self, partition: int, cells: Sequence[CellName]) -> list[StoredCell]:
        return [StoredCell(*cells[0], 7, 2**60)] if self._ahead else []


class Tables:
    """Takes writes; can be told to fail."""

    def __init__(self) -> None:
        self.batches: list[WriteBatch] = []
        self.error: Exception | None = None

    def write(self, batch: WriteBatch) -> None:
        if self.error is not None:
            raise self.error
        self.batches.append(batch)


def pipeline(store: Any, tables: Tables, limits: Limits | None = None) -> Pipeline:
    return Pipeline(store, tables.write, 1, limits or Limits(), WorkerMetrics())


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def test_acknowledged_after_the_write_and_written_as_one() -> None:
    async def run() -> None:
        tables, acks = Tables(), []
        line = pipeline(FakeStore(), tables)
        await line.take(0, [accepted(0, "a"), accepted(1, "b")], lambda: acks.append("first"))
        await line.take(1, [accepted(0, "c")], lambda: acks.append("second"))
        assert acks == []
        writing = asyncio.create_task(line.run())
        await until(lambda: len(acks) == 2)
        writing.cancel()
        assert len(tables.batches) == 1
        batch = tables.batches[0]
        assert batch.events.case_id == ["a", "b", "c"]
        assert {(row.partition, row.next) for row in batch.progress} == {(0, BASE + 2), (1, BASE + 1)}

    run_alone(run())


def test_a_write_that_fails_for_good_ends_every_later_take() -> None:
    async def run() -> None:
        tables, acks = Tables(), []
        tables.error = Unreachable("away")
        line = pipeline(FakeStore(), tables)
        await line.take(0, [accepted(0, "a")], lambda: acks.append(1))
        with pytest.raises(Unreachable):
            await line.run()
        with pytest.raises(Unreachable):
            await line.take(0, [accepted(1, "b")], lambda: acks.append(2))
        assert acks == []

    run_alone(run())


def test_a_fold_that_did_not_settle_is_never_written() -> None:
    """The case was settled by the first batch and changed in place by the second: its row must not be written."""

    async def run() -> None:
        tables, acks = Tables(), []
        cold = FakeStore(cells_from=10**6, ahead=False)
        line = pipeline(cold, tables)
        await line.take(0, [accepted(0, "a")], lambda: acks.append(1))
        cold._ahead = True
        with pytest.raises(WrittenAhead):
            await line.take(0, [finished(1, "a")], lambda: acks.append(2))
        with pytest.raises(WrittenAhead):
            await line.run()
        assert tables.batches == []
        assert acks == []

    run_alone(run())


def test_a_flood_stops_before_anything_of_its_batch_is_written() -> None:
    async def run() -> None:
        tables = Tables()
        line = pipeline(FakeStore(), tables, Limits(flood=FloodLimits(run=3)))
        with pytest.raises(DeadLetterFlood):
            await line.take(0, [LogRecord(offset, 0, b"x", b"{") for offset in range(5)], lambda: None)
        line._something.set()
        with pytest.raises(DeadLetterFlood):
            await line.run()
        assert tables.batches == []

    run_alone(run())


def test_revoked_partitions_are_loaded_anew() -> None:
    async def run() -> None:
        tables, acks, store = Tables(), [], FakeStore()
        line = pipeline(store, tables)
        await line.take(0, [accepted(0, "a")], lambda: acks.append(1))
        line.forget()
        await line.take(0, [accepted(0, "a")], lambda: acks.append(2))
        writing = asyncio.create_task(line.run())
        await until(lambda: acks)
        writing.cancel()
        assert acks == [2]
        assert store.loads == 2

    run_alone(run())


def test_take_waits_while_too_much_is_unwritten() -> None:
    async def run() -> None:
        tables, acks = Tables(), []
        line = pipeline(FakeStore(), tables, Limits(unwritten=2))
        await line.take(0, [accepted(0, "a"), accepted(1, "b")], lambda: acks.append(1))
        waiting = asyncio.create_task(line.take(0, [accepted(2, "c")], lambda: acks.append(2)))
        await asyncio.sleep(0)
        assert not waiting.done()
        writing = asyncio.create_task(line.run())
        await until(lambda: len(acks) == 2)
        writing.cancel()
        assert [batch.events.case_id for batch in tables.batches] == [["a", "b"], ["c"]]

    run_alone(run())
