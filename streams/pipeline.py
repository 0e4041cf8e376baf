"""From fetched batches to written rows: fold while the last write is under way, write what has gathered meanwhile.

Two activities share the event loop. `take` folds one batch into its partition; `run` writes whatever was settled
since its last write, then acknowledges the Kafka messages it covers. So a write is as large as it must be: a few
records when little comes, tens of thousands when the worker catches up. `take` blocks while too much is unwritten.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ioc.events import KIND_OF_DATA
from ioc.facts import Refusal
from sinks.rows import CellName, DeadLetterRow, StoredCase, StoredCell, StoredPartition, WriteBatch
from streams.batch import OFFSET_BITS, Batch, Record, read_batch
from streams.dimensions import Dimensions
from streams.flood import FloodGate, FloodLimits
from streams.memory import Memory
from streams.metrics import WorkerMetrics
from streams.partition import PartitionState
from streams.segments import Segment
from streams.snapshot import take_snapshot

_OFFSETS = (1 << OFFSET_BITS) - 1


class Store(Protocol):
    """Blocking reads of a partition's stored state; see sinks.state.StateReader."""

    def partition(self, partition: int, position: int) -> StoredPartition: ...
    def cases(self, partition: int, case_ids: Sequence[str]) -> list[StoredCase]: ...
    def cells(self, partition: int, cells: Sequence[CellName]) -> list[StoredCell]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may hold.

    `unwritten` records: four seconds of the fastest replay, some 150 MB with their rows; large writes are what keeps
    ClickHouse's merges cheap. `cells` and `closed` cases are per partition: 120,000 cells are three weeks of a
    province's live flow, 15,000 closed cases four weeks', so that a case is seldom read back for its rating or its
    sync. Over six partitions, 100 MB each.
    `pause` seconds lie between the starts of two writes: ClickHouse merges every small insert into large parts, and
    one a quarter of a second costs a third of a core less than one as soon as anything comes, for 0.1 s of freshness.
    """

    unwritten: int = 120_000
    cells: int = 120_000
    closed: int = 15_000
    tick_ms: int = 60_000
    pause: float = 0.25
    flood: FloodLimits = field(default_factory=FloodLimits)


@dataclass(slots=True)
class _Unwritten:
    """Rows that are not state (records as they came), the messages they came with, and which partitions changed."""

    rows: WriteBatch = field(default_factory=WriteBatch)
    acks: list[Callable[[], Any]] = field(default_factory=list)
    records: int = 0
    last: dict[int, Record] = field(default_factory=dict)


class Pipeline:
    """The partitions of one worker. `events` counts those folded so far, duplicates included."""

    def __init__(
        self,
        store: Store,
        write: Callable[[WriteBatch], None],
        generation: int,
        limits: Limits,
        metrics: WorkerMetrics,
    ) -> None:
        self._store = store
        self._write = write
        self._generation = generation
        self._limits = limits
        self._metrics = metrics
        self._dimensions = Dimensions()
        self._states: dict[int, PartitionState] = {}
        self._gates: dict[int, FloodGate] = {}
        self.events = 0
        self._unwritten = _Unwritten()
        self._assignment = 0
        # Between fold and settle a partition's cases are ahead of its cells: nobody may take a snapshot then.
        self._settled = asyncio.Lock()
        self._memory = Memory()
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.failure: BaseException | None = None

    def forget(self) -> None:
        """Partitions were revoked: what is not written yet belongs to whoever reads it next."""
        self._assignment += 1
        self._states.clear()
        self._gates.clear()
        self._unwritten = _Unwritten()
        self._room.set()

    async def take(self, partition: int, records: Sequence[Record], ack: Callable[[], Any]) -> None:
        """Folds one fetched batch; `ack` is called once everything of it is written.

        Raises WrittenAhead when another worker wrote the partition, DeadLetterFlood, and whatever ended `run`.
        """
        await self._room.wait()
        if self.failure is not None:
            raise self.failure
        async with self._settled:
            unwritten, assignment = self._unwritten, self._assignment
            try:
                state = await self._state(partition, records[0].offset)
                await self._fold(state, records, unwritten)
            except BaseException as error:
                # The cases may be ahead of the cells now: nothing may be written from here on.
                self.failure = error
                raise
            if assignment != self._assignment:
                # Revoked while this batch was under way: it is fetched again, by us or another, and so is its state.
                self._states.pop(partition, None)
                return
            unwritten.acks.append(ack)
            unwritten.records += len(records)
            unwritten.last[partition] = records[-1]
        if self._unwritten.records >= self._limits.unwritten:
            self._room.clear()
        self._something.set()

    def written_to(self, partition: int) -> int | None:
        """The offset of the next record to fold; None while the partition is not held."""
        state = self._states.get(partition)
        return None if state is None else state.position & _OFFSETS

    async def run(self) -> None:
        """Writes until cancelled; an error that outlasts the writer's retries ends it and every later `take`."""
        try:
            while True:
                await self._something.wait()
                started = time.monotonic()
                self._something.clear()
                await self._flush()
                await asyncio.sleep(started + self._limits.pause - time.monotonic())
        except BaseException as error:
            self.failure = error
            self._room.set()
            raise

    async def _flush(self) -> None:
        async with self._settled:
            if self.failure is not None:
                raise self.failure
            unwritten, self._unwritten = self._unwritten, _Unwritten()
            for partition in unwritten.last:
                state = self._states[partition]
                take_snapshot(state, self._dimensions, unwritten.rows)
        self._room.set()
        started = time.monotonic()
        await asyncio.to_thread(self._write, unwritten.rows)
        self._metrics.write_seconds.observe(time.monotonic() - started)
        for ack in unwritten.acks:
            ack()
        self._observe(unwritten)
        # Only now is everything but the newest batches written, so only now may anything be forgotten.
        for state in self._states.values():
            state.evict(self._limits.cells, self._limits.closed)
        del unwritten
        self._memory.after_write()

    async def _state(self, partition: int, first_offset: int) -> PartitionState:
        position = self._generation << OFFSET_BITS | first_offset
        state = self._states.get(partition)
        if state is None or state.position > position:
            stored = await asyncio.to_thread(self._store.partition, partition, position)
            state = PartitionState(partition, stored, self._dimensions, self._limits.tick_ms)
            self._states[partition] = state
            self._gates[partition] = FloodGate(self._limits.flood, partition)
            self._metrics.loads.inc()
        return state

    async def _fold(self, state: PartitionState, records: Sequence[Record], unwritten: _Unwritten) -> None:
        started = time.monotonic()
        partition = state.partition
        batch = read_batch(records, self._generation)
        missing = state.missing_cases(batch)
        if missing:
            state.adopt_cases(await asyncio.to_thread(self._store.cases, partition, missing))
        segments, conflicts = state.fold(batch)
        batch.refused.extend(conflicts)
        self._judge(partition, batch)
        await self._read_cells(state, segments, batch.first)
        state.settle(segments, batch.last + 1)
        self._keep(state, batch, unwritten.rows)
        self._metrics.fold_seconds.inc(time.monotonic() - started)
        self._metrics.batch_records.observe(len(records))

    def _judge(self, partition: int, batch: Batch) -> None:
        refused = sorted(version & _OFFSETS for version, _, _ in batch.refused)
        self._gates[partition].judge(batch.first & _OFFSETS, batch.last & _OFFSETS, refused)

    async def _read_cells(self, state: PartitionState, segments: Sequence[Segment], first: int) -> None:
        keys = state.missing_cells(segments)
        if not keys:
            return
        cells = map(self._dimensions.cell, keys)
        names = [CellName(cell.measure, cell.hour, *cell.dimension) for cell in cells]
        state.adopt_cells(await asyncio.to_thread(self._store.cells, state.partition, names), first)

    def _keep(self, state: PartitionState, batch: Batch, rows: WriteBatch) -> None:
        """Records as they came: accepted ones, duplicates included, to events; the others to dead letters."""
        partition, base = state.partition, batch.base
        refused = {version for version, _, _ in batch.refused}
        kept: Iterable[tuple[Record, str, Any]] = zip(batch.records, batch.case_ids, batch.facts, strict=True)
        kept = [one for one in kept if one[1] and not (refused and base + one[0].offset in refused)]
        events = rows.events
        events.partition.extend([partition] * len(kept))
        events.version.extend([base + record.offset for record, _, _ in kept])
        events.kind.extend([KIND_OF_DATA[type(fact.data)] for _, _, fact in kept])
        events.case_id.extend([case_id for _, case_id, _ in kept])
        events.time.extend([fact.time for _, _, fact in kept])
        events.broker_time.extend([record.timestamp for record, _, _ in kept])
        events.raw.extend([record.value or b"" for record, _, _ in kept])
        for version, refusal, record in batch.refused:
            rows.dead_letters.append(_dead_letter(partition, version, refusal, record))
            self._metrics.dead_letters.labels(refusal.reason).inc()
        self._metrics.records.labels("event").inc(len(kept))
        self._metrics.records.labels("refused").inc(len(batch.refused))
        self._metrics.records.labels("punctuation").inc(batch.case_ids.count(""))
        state.events += len(kept)
        self.events += len(kept)

    def _observe(self, unwritten: _Unwritten) -> None:
        metrics, now = self._metrics, time.time()
        rows = unwritten.rows
        if rows.events.time:
            metrics.origin_seconds.observe(max(0.0, now - rows.events.time[-1] / 1000))
            metrics.broker_seconds.observe(max(0.0, now - rows.events.broker_time[-1] / 1000))
        for progress in rows.progress:
            partition = str(progress.partition)
            metrics.watermark.labels(partition).set(progress.watermark / 1000)
            state = self._states.get(progress.partition)
            if state is not None:
                metrics.tick.labels(partition).set(state.tick / 1000)
                metrics.cases.labels(partition).set(len(state.cases))
                metrics.cells.labels(partition).set(len(state.cells))


def _dead_letter(partition: int, version: int, refusal: Refusal, record: Record) -> DeadLetterRow:
    return DeadLetterRow(
        partition, version, refusal.reason, refusal.detail, record.key or b"", record.value or b"", record.timestamp
    )
