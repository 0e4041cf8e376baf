"""Stocks: what stands open, late, paused now, by agency and service, as of the last tick.

A case becomes late with no message: the tick that passes its due instant moves it. The moves of a tick are found
through timers bucketed by tick, so a tick costs what changes, not what is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from ioc.local_time import DAY_MS
from ioc.measures import STOCK_MEASURES
from streams.steps import Case

STOCK_NAMES: tuple[str, ...] = tuple(STOCK_MEASURES)
WAITING, IN_PROCESS, PAUSED, LATE, DUE_24H, NO_DUE = (1 << number for number in range(len(STOCK_NAMES)))


# set of bits -> numbers of the stocks in it
STOCK_NUMBERS: tuple[tuple[int, ...], ...] = tuple(
    tuple(number for number in range(len(STOCK_NAMES)) if mask >> number & 1) for mask in range(1 << len(STOCK_NAMES))
)


def stock_of(case: Case, tick: int) -> int:
    """The stocks `case` stands in as of `tick` (ms), as a set of bits in the order of STOCK_NAMES."""
    if case.closed:
        return 0
    if not case.accepted:
        return WAITING if case.submitted else 0
    if case.pauses:
        return IN_PROCESS | PAUSED
    if not case.due:
        return IN_PROCESS | NO_DUE
    if case.due < tick:
        return IN_PROCESS | LATE
    if case.due < tick + DAY_MS:
        return IN_PROCESS | DUE_24H
    return IN_PROCESS


def next_move(case: Case, tick: int) -> int:
    """The first instant (ms) after `tick` at which time alone moves `case` to another stock; 0 if none."""
    if case.closed or not case.accepted or case.pauses or not case.due or case.due < tick:
        return 0
    nearly = case.due - DAY_MS + 1
    return nearly if nearly > tick else case.due + 1


class Timers:
    """Case ids by the tick at which time alone moves them; entries may be stale and are judged when they come up."""

    def __init__(self, step_ms: int) -> None:
        self._step = step_ms
        self._buckets: dict[int, list[str]] = {}
        self._order: list[int] = []

    def add(self, moment: int, case_id: str) -> None:
        """Have `case_id` come up at the first tick at or past `moment` (ms)."""
        number = -(-moment // self._step)
        bucket = self._buckets.get(number)
        if bucket is None:
            self._buckets[number] = [case_id]
            heappush(self._order, number)
        else:
            bucket.append(case_id)

    def due(self, tick: int) -> Iterator[str]:
        """Takes out every case whose moment is at or before `tick` (ms)."""
        last = tick // self._step
        while self._order and self._order[0] <= last:
            yield from self._buckets.pop(heappop(self._order))
