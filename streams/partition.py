"""The state of one partition: a pure function of its log up to `position`, invariants 1 to 4 of the design.

No I/O and no clock: the caller brings decoded batches, and rows of ClickHouse where a batch needs what is not held.
The steps of a batch, in order: `missing_cases` → `adopt_cases`, `fold`, `missing_cells` → `adopt_cells`, `settle`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable

from ioc.events import Digitised, Rated, Synced
from ioc.facts import Fact, Punctuation, Refusal, read_facts
from sinks.rows import StoredCase, StoredCell, StoredPartition
from streams.batch import Batch, Record
from streams.case_filter import CaseFilter
from streams.dimensions import HOUR_MASK, Cell, Dimension, Dimensions
from streams.lifecycle import advance, begin, fold, load
from streams.segments import Dirty, Segment
from streams.steps import Case, Counts
from streams.stocks import STOCK_NAMES, STOCK_NUMBERS, Timers, next_move, stock_of


class WrittenAhead(Exception):
    """A row read on demand is at or past the reader's position: another worker wrote it. Load the partition anew."""


# Kinds that move neither status nor clock of a case.
_QUIET = frozenset({Digitised, Rated, Synced})


class PartitionState:
    """Cases, cells and stocks of one partition as of `position`, the version of the next record to fold."""

    def __init__(self, partition: int, stored: StoredPartition, dimensions: Dimensions, tick_ms: int) -> None:
        self.partition = partition
        self.position = stored.position
        self.tick = stored.tick
        self.tick_ms = tick_ms
        self.watermark = stored.watermark
        # Accepted records before `position`; the caller counts on.
        self.events = stored.events
        self.dirty = Dirty()
        self._dimensions = dimensions
        self._timers = Timers(tick_ms)
        self.cases: dict[str, Case] = {}
        self.cells: Counts = {}
        self.stocks: Counts = {}
        self.cells_from = stored.cells_from
        self._filter = CaseFilter(stored.known)
        self._stock_base: dict[int, int] = {}
        self._closed: deque[str] = deque()
        # Rows that stand at or past our position: written before a crash, or by a worker that had the partition.
        # They have seen what we are about to re-read, and each of their versions is a place where batches are cut.
        self._ahead_cells: dict[int, int] = {}
        self._ahead_stocks: dict[int, int] = {}
        self._ahead_cases: dict[str, int] = {}
        self._take_cells(stored.cells)
        for row in stored.stocks:
            key = self._stock_key(row.agency, row.service, row.measure)
            self.stocks[key] = row.value
            if row.version >= self.position:
                self._ahead_stocks[key] = row.version
        for case in stored.cases:
            self._take_case(case)
        ahead = {*self._ahead_cells.values(), *self._ahead_stocks.values(), *self._ahead_cases.values()}
        self._cuts: list[int] = sorted(ahead)

    # What is read from ClickHouse

    def _take_case(self, row: StoredCase) -> None:
        case = load(row.facts, self._dimensions)
        if row.version >= self.position:
            self._ahead_cases[row.case_id] = row.version
        # A case ahead of us stands in the stocks of its own tick. Its next moment lies after that tick, so the tick
        # that reaches it lies after the case's version in the log: no tick re-read on the way can move it twice.
        tick = row.clock if row.case_id in self._ahead_cases else self.tick
        case.stock = stock_of(case, tick)
        self.cases[row.case_id] = case
        self._schedule(row.case_id, case, tick)
        if not case.stock:
            self._closed.append(row.case_id)

    def _take_cells(self, rows: Iterable[StoredCell]) -> None:
        for row in rows:
            key = self._dimensions.key(Cell(row.measure, row.hour, Dimension(row.agency, row.service, row.channel)))
            self.cells[key] = row.value
            if row.version >= self.position:
                self._ahead_cells[key] = row.version

    def missing_cases(self, batch: Batch) -> list[str]:
        """Ids of the batch's cases that are not held and may be stored."""
        missing = set(batch.case_ids).difference(self.cases)
        missing.discard("")
        return self._filter.may_be_stored(missing)

    def adopt_cases(self, rows: Iterable[StoredCase]) -> None:
        """Takes in cases read on demand. Raises WrittenAhead when one was written at or past our position."""
        for row in rows:
            if row.version >= self.position:
                raise WrittenAhead(f"case {row.case_id} of partition {self.partition}")
            self._take_case(row)

    def missing_cells(self, segments: Iterable[Segment]) -> list[int]:
        """Keys of cells the segments touch that are not held and may be stored."""
        floor = self.cells_from
        if not floor:
            return []
        held = self.cells
        return list({key for one in segments for key in one.cells if (key & HOUR_MASK) < floor and key not in held})

    def adopt_cells(self, rows: Iterable[StoredCell], first: int) -> None:
        """Takes in cells read on demand for the batch that begins at version `first`. Raises WrittenAhead."""
        rows = list(rows)
        if any(row.version >= first for row in rows):
            raise WrittenAhead(f"a cell of partition {self.partition}")
        self._take_cells(rows)

    # The fold

    def fold(self, batch: Batch) -> tuple[list[Segment], list[tuple[int, Refusal, Record]]]:
        """Folds the batch into the cases: segments to settle, and records refused for what the case already has."""
        segments: list[Segment] = []
        refused: list[tuple[int, Refusal, Record]] = []
        segment = Segment()
        cuts = iter(self._cuts[bisect_left(self._cuts, batch.first) :])
        cut = next(cuts, None)
        base = batch.base
        for record, case_id, fact in zip(batch.records, batch.case_ids, batch.facts, strict=True):
            version = base + record.offset
            while cut is not None and cut < version:
                segment = self._end(segments, segment, cut)
                cut = next(cuts, None)
            if type(fact) is Punctuation:
                tick = fact.time - fact.time % self.tick_ms
                if tick > self.tick:
                    self._pass(tick, version, segment)
                    segment.tick = tick
                    segment = self._end(segments, segment, version)
            elif (refusal := self._take(version, case_id, fact, segment)) is not None:  # type: ignore[arg-type]
                refused.append((version, refusal, record))
        while cut is not None and cut < batch.last:
            segment = self._end(segments, segment, cut)
            cut = next(cuts, None)
        self._end(segments, segment, batch.last)
        return segments, refused

    def _end(self, segments: list[Segment], segment: Segment, version: int) -> Segment:
        segment.version = version
        segment.clock = self.tick
        segments.append(segment)
        return Segment()

    def _take(self, version: int, case_id: str, fact: Fact, segment: Segment) -> Refusal | None:
        case = self.cases.get(case_id)
        if self._ahead_cases and self._ahead_cases.get(case_id, -1) >= version:
            return self._seen_before(case_id, fact)[1]
        if fact.time > self.watermark:
            self.watermark = fact.time
        if case is None:
            case = begin(fact, self._dimensions, segment.cells)
            self.cases[case_id] = case
            self._move(case, case.dimension, segment)
            self._schedule(case_id, case, self.tick)
            segment.cases.add(case_id)
            if not case.stock:
                self._closed.append(case_id)
            return None
        dimension, due, pauses = case.dimension, case.due, case.pauses
        if not advance(case, fact, segment.cells, self._dimensions):
            duplicate, refusal = self._seen_before(case_id, fact)
            if duplicate or refusal:
                return refusal
            case = self._refold(case, fact, segment)
            self.cases[case_id] = case
        segment.cases.add(case_id)
        if type(fact.data) not in _QUIET:
            stock = case.stock
            self._move(case, dimension, segment)
            if not case.stock:
                if stock:
                    self._closed.append(case_id)
            elif stock != case.stock or due != case.due or pauses != case.pauses:
                self._schedule(case_id, case, self.tick)
        return None

    def _seen_before(self, case_id: str, fact: Fact) -> tuple[bool, Refusal | None]:
        """(duplicate, None), or (False, refusal) when the identity was recorded before with other content."""
        for known in read_facts(self.cases[case_id].facts):
            if known.id == fact.id and known.source == fact.source:
                if known == fact:
                    return True, None
                return False, Refusal("conflicting_duplicate", f"id {fact.id} of source {fact.source}")
        return False, None

    def _refold(self, case: Case, fact: Fact, segment: Segment) -> Case:
        """The case with one more fact anywhere in its history; what changes goes to the segment."""
        known = read_facts(case.facts)
        before: Counts = {}
        after: Counts = {}
        fold(known, self._dimensions, before)
        made = fold([*known, fact], self._dimensions, after)
        made.stock = case.stock
        cells = segment.cells
        for key in before.keys() | after.keys():
            change = after.get(key, 0) - before.get(key, 0)
            if change:
                cells[key] = cells.get(key, 0) + change
        return made

    # Stocks

    def _stock_key(self, agency: str, service: str, measure: str) -> int:
        return self._dimensions.intern(agency, service, None) | STOCK_NAMES.index(measure)

    def _base(self, dimension: int) -> int:
        base = self._stock_base.get(dimension)
        if base is None:
            agency, service, _ = self._dimensions[dimension]
            base = self._stock_base[dimension] = self._dimensions.intern(agency, service, None)
        return base

    def _move(self, case: Case, before: int, segment: Segment) -> None:
        """Takes the case out of the stocks it stood in (at dimension `before`) and puts it where it stands now."""
        old, new = case.stock, stock_of(case, self.tick)
        if old == new and before == case.dimension:
            return
        case.stock = new
        stocks = segment.stocks
        leaves, enters = (old & ~new, new & ~old) if before == case.dimension else (old, new)
        if leaves:
            base = self._base(before)
            for number in STOCK_NUMBERS[leaves]:
                stocks[base | number] = stocks.get(base | number, 0) - 1
        if enters:
            base = self._base(case.dimension)
            for number in STOCK_NUMBERS[enters]:
                stocks[base | number] = stocks.get(base | number, 0) + 1

    def _schedule(self, case_id: str, case: Case, tick: int) -> None:
        moment = next_move(case, tick)
        if moment:
            self._timers.add(moment, case_id)

    def _pass(self, tick: int, version: int, segment: Segment) -> None:
        """The log says that time reached `tick`: cases whose moment has come move."""
        self.tick = tick
        for case_id in self._timers.due(tick):
            case = self.cases.get(case_id)
            if case is None or self._ahead_cases.get(case_id, -1) >= version:
                continue
            before = case.stock
            self._move(case, case.dimension, segment)
            if case.stock != before:
                self._schedule(case_id, case, tick)

    # Settling

    def settle(self, segments: Iterable[Segment], end: int) -> None:
        """Adds what the segments touched, except where a row has seen it; `end` is the new position."""
        dirty = self.dirty
        for segment in segments:
            version = segment.version
            self._add(segment.cells, self.cells, self._ahead_cells, version, dirty.cells)
            touched: dict[int, int] = {}
            self._add(segment.stocks, self.stocks, self._ahead_stocks, version, touched)
            for key in touched:
                dirty.stocks[key] = (version, self.stocks[key])
            for case_id in segment.cases:
                dirty.cases[case_id] = (version, segment.clock)
            if segment.tick:
                dirty.ticks.append((segment.tick, version))
                dirty.stocks_of_ticks.extend((key, *value) for key, value in dirty.stocks.items())
                dirty.stocks.clear()
        self.position = end
        if self._cuts and self._cuts[-1] < end:
            self._catch_up()

    @staticmethod
    def _add(changes: Counts, values: Counts, ahead: dict[int, int], version: int, dirty: dict[int, int]) -> None:
        for key, change in changes.items():
            if ahead and ahead.get(key, -1) >= version:
                continue
            values[key] = values.get(key, 0) + change
            dirty[key] = version

    def _catch_up(self) -> None:
        """The log has passed every row that stood ahead."""
        self._cuts.clear()
        self._ahead_cells.clear()
        self._ahead_stocks.clear()
        self._ahead_cases.clear()

    def evict(self, cells: int, closed: int) -> None:
        """Forgets closed cases and old cells beyond the limits given; only what has been written may be forgotten."""
        while len(self._closed) > closed:
            case_id = self._closed.popleft()
            case = self.cases.get(case_id)
            if case is None or case.stock or case_id in self._ahead_cases:
                continue
            if case_id in self.dirty.cases:
                self._closed.append(case_id)
                break
            del self.cases[case_id]
            self._filter.add(case_id)
        if len(self.cells) > cells:
            self._evict_cells(cells // 2)

    def _evict_cells(self, keep: int) -> None:
        hours = sorted(key & HOUR_MASK for key in self.cells)
        floor = hours[len(hours) - keep - 1] + 1
        dirty, ahead = self.dirty.cells, self._ahead_cells
        self.cells = {
            key: value
            for key, value in self.cells.items()
            if (key & HOUR_MASK) >= floor or key in dirty or key in ahead
        }
        self.cells_from = max(self.cells_from, floor)
