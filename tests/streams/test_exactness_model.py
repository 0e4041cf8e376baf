"""Random logs, crashes in the middle of a write, workers that lost their partition and write on, evictions.

The design's invariants on the real fold and partition state, with the tables in memory: whatever happens, the rows
in the end are those of one undisturbed pass, and those of folding each case's set of facts.
"""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ioc.events import (
    Accepted,
    Digitised,
    Finished,
    Paused,
    Rescheduled,
    Resumed,
    Submitted,
    Transferred,
    correction,
    encode_clock,
    encode_event,
)
from ioc.facts import read_facts
from sinks.rows import CellName, WriteBatch
from streams.batch import read_batch
from streams.dimensions import Dimensions
from streams.lifecycle import fold
from streams.partition import PartitionState, WrittenAhead
from streams.pipeline import Limits
from streams.snapshot import take_snapshot
from streams.stocks import STOCK_NAMES, stock_of
from tests.streams.memory_store import Crash, MemoryStore

START = datetime(2026, 1, 5, 1, tzinfo=UTC)
TICK_MS = 3_600_000
BASE = 1 << 44


@dataclass(frozen=True)
class LogRecord:
    """One record of the log."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def _kinds(rng: random.Random, moment: datetime) -> list[tuple[str, Any]]:
    due = moment + timedelta(hours=rng.randint(1, 40))
    attributes = {
        "agency": rng.choice(["A", "B", None]),
        "service": rng.choice(["s", "t"]),
        "channel": rng.choice(["online", None]),
    }
    return [
        ("submitted", Submitted(**attributes)),
        ("accepted", Accepted(due=rng.choice([due, None]), **attributes)),
        ("accepted", Accepted(due=due, **attributes)),
        ("paused", Paused()),
        ("resumed", Resumed()),
        ("transferred", Transferred(agency=rng.choice("AB"))),
        ("rescheduled", Rescheduled(due=due)),
        ("digitised", Digitised(papers=rng.randint(0, 2))),
        ("finished", Finished()),
    ]


def make_log(rng: random.Random) -> list[LogRecord]:
    """Events of a few cases around a moving clock, with duplicates, corrections, rubbish and punctuation."""
    values: list[tuple[bytes | None, bytes | None]] = []
    now = START
    for number in range(rng.randint(10, 70)):
        now += timedelta(minutes=rng.randint(0, 90))
        dice = rng.random()
        if dice < 0.15:
            values.append((None, encode_clock(id=f"t{number}", source="clock", time=now)))
            continue
        if dice < 0.2:
            values.append((b"x", rng.choice([b"{", b"{}", None])))
            continue
        if dice < 0.3 and values:
            values.append(rng.choice(values))
            continue
        case = f"c{rng.randint(0, 5)}"
        moment = now - timedelta(hours=rng.choice([0, 0, 0, 1, 30]))
        kind, data = rng.choice(_kinds(rng, moment))
        if dice < 0.36:
            named = f"e{rng.randint(0, number)}"
            kind, data = "corrected", correction(named, *rng.choice([(kind, moment, data), (None, None, None)]))
        # One id in twenty is used again with other content: a conflicting duplicate.
        id = f"e{rng.randint(0, number)}" if rng.random() < 0.05 else f"e{number}"
        values.append((case.encode(), encode_event(kind, id=id, source="s", subject=case, time=moment, data=data)))
    return [LogRecord(offset, 0, *value) for offset, value in enumerate(values)]


class Worker:
    """Does what streams.pipeline does, one batch a write, with a crash where it is told."""

    def __init__(self, store: MemoryStore, rng: random.Random, committed: list[int]) -> None:
        self.store, self.rng, self.committed, self.owner = store, rng, committed, True
        self.dimensions = Dimensions()
        self.load()

    def load(self) -> None:
        stored = self.store.partition(0, BASE + self.committed[0])
        self.state = PartitionState(0, stored, self.dimensions, TICK_MS)
        self.pending = WriteBatch()
        self.events: list[Row] = []

    def batch(self, log: list[LogRecord], crash_after: int | None = None) -> None:
        """Folds some records, and writes what has gathered or leaves it for the next write."""
        start = self.state.position - BASE
        records = log[start : start + self.rng.randint(1, 8)]
        if not records:
            return
        try:
            self._fold(records)
        except WrittenAhead:
            self.load()
            return
        if self.rng.random() < 0.3 and crash_after is None:
            return
        take_snapshot(self.state, self.dimensions, self.pending)
        batch, self.pending = self.pending, WriteBatch()
        events, self.events = self.events, []
        self.rng.shuffle(batch.cases)
        self.store.write(batch, events, crash_after)
        self.state.evict(cells=self.rng.randint(0, 8), closed=self.rng.randint(0, 3))
        if self.owner:
            self.committed[0] = max(self.committed[0], self.state.position - BASE)

    def _fold(self, records: list[LogRecord]) -> None:
        state = self.state
        batch = read_batch(records, 1)
        state.adopt_cases(self.store.cases_of(state.missing_cases(batch)))
        segments, conflicts = state.fold(batch)
        names = []
        for key in state.missing_cells(segments):
            measure, hour, dimension = self.dimensions.cell(key)
            names.append(CellName(measure, hour, *dimension))
        state.adopt_cells(self.store.cells_of(names), batch.first)
        state.settle(segments, batch.last + 1)
        refused = {version for version, _, _ in (*batch.refused, *conflicts)}
        for record, case_id, fact in zip(batch.records, batch.case_ids, batch.facts, strict=True):
            version = batch.base + record.offset
            if case_id and version not in refused:
                self.events.append(Row(version, case_id, fact, record.value))
        for version, refusal, record in (*batch.refused, *conflicts):
            self.pending.dead_letters.append(Row(version, refusal.reason, None, record.value))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Row:
    """An event or a dead letter in the model's store."""

    version: int
    what: str
    fact: Any
    raw: bytes | None


def undisturbed(log: list[LogRecord]) -> MemoryStore:
    """One worker, one pass, nothing happens."""
    rng = random.Random(0)
    store = MemoryStore(rng)
    worker = Worker(store, rng, [0])
    while worker.state.position - BASE < len(log):
        worker.batch(log)
    take_snapshot(worker.state, worker.dimensions, worker.pending)
    store.write(worker.pending, worker.events)
    return store


def disturbed(log: list[LogRecord], rng: random.Random, zombies: bool) -> MemoryStore:
    """Crashes anywhere, and workers that write on after losing the partition."""
    store, committed = MemoryStore(rng), [0]
    store.hot_hours = rng.choice([0, 1, 3, 100])
    lost: list[Worker] = []
    worker = Worker(store, rng, committed)
    for _ in range(120):
        dice = rng.random()
        if dice < 0.25 or (dice < 0.35 and zombies):
            if dice < 0.25:
                with suppress(Crash):
                    worker.batch(log, crash_after=rng.randint(0, 20))
            else:
                worker.owner = False
                lost.append(worker)
            worker = Worker(store, rng, committed)
        elif dice < 0.55 and lost:
            zombie = rng.choice(lost)
            try:
                zombie.batch(log, crash_after=rng.randint(0, 20) if rng.random() < 0.3 else None)
            except Crash:
                lost.remove(zombie)
        else:
            worker.batch(log)
    worker = Worker(store, rng, committed)
    while worker.state.position - BASE < len(log):
        worker.batch(log)
    take_snapshot(worker.state, worker.dimensions, worker.pending)
    store.write(worker.pending, worker.events)
    return store


def facts_of(store: MemoryStore) -> dict[str, list[Any]]:
    """Distinct facts by case, from the stored events alone."""
    cases: dict[str, dict[Any, Any]] = {}
    for _, row in sorted(store.events.items()):
        cases.setdefault(row.what, {}).setdefault((row.fact.source, row.fact.id), row.fact)
    return {case_id: list(found.values()) for case_id, found in cases.items()}


def check_truth(store: MemoryStore) -> None:
    """Cells, cases and stocks are what folding each case's set of facts gives."""
    dimensions = Dimensions()
    counts: dict[int, int] = {}
    stocks: dict[tuple[str, str, str], int] = {}
    tick = max(store.ticks.values(), default=0)
    known = facts_of(store)
    for case_id, found in known.items():
        case = fold(found, dimensions, counts)
        assert sorted(map(repr, read_facts(store.cases[case_id].facts))) == sorted(map(repr, found))
        agency, service, _ = dimensions[case.dimension]
        mask = stock_of(case, tick)
        for number, name in enumerate(STOCK_NAMES):
            if mask >> number & 1:
                stocks[name, agency, service] = stocks.get((name, agency, service), 0) + 1
    assert set(store.cases) == set(known)
    truth = {}
    for key, value in counts.items():
        measure, hour, dimension = dimensions.cell(key)
        truth[measure, hour, *dimension] = value
    assert {key: value for key, (value, _) in store.cells.items() if value} == {k: v for k, v in truth.items() if v}
    assert {key: value for key, (value, _) in store.stocks_at(2**63).items() if value} == stocks


@pytest.mark.parametrize("zombies", [False, True], ids=["alone", "with late writers"])
def test_whatever_happens_the_rows_are_those_of_an_undisturbed_pass(zombies: bool) -> None:
    for seed in range(400):
        rng = random.Random(seed)
        log = make_log(rng)
        smooth = undisturbed(log)
        check_truth(smooth)
        store = disturbed(log, rng, zombies)
        check_truth(store)
        assert {k: v for k, (v, _) in store.cells.items() if v} == {k: v for k, (v, _) in smooth.cells.items() if v}
        assert store.cases.keys() == smooth.cases.keys()
        assert {v: row.what for v, row in store.dead_letters.items()} == {
            v: row.what for v, row in smooth.dead_letters.items()
        }
        assert store.events.keys() == smooth.events.keys()
        for version in smooth.ticks:
            then = {key: value for key, (value, _) in store.stocks_at(version).items() if value}
            assert then == {key: value for key, (value, _) in smooth.stocks_at(version).items() if value}, seed


def test_limits_of_a_worker_leave_room_for_its_batches() -> None:
    limits = Limits()
    assert limits.cells > 0
    assert limits.closed > 0
