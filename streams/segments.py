"""Stretches of the log between two cuts, and what of them is settled but not written yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.steps import Counts


@dataclass(slots=True)
class Segment:
    """A stretch of the log settled as one: what its events touched, the tick it ends with (0: none), the clock then."""

    version: int = 0
    clock: int = 0
    cells: Counts = field(default_factory=dict)
    stocks: Counts = field(default_factory=dict)
    cases: set[str] = field(default_factory=set)
    tick: int = 0


@dataclass(slots=True)
class Dirty:
    """What was settled and is not written yet: cell → version, case → (version, clock), stock → (version, value).

    Stocks are kept once a tick, so that any tick can be asked for again: (stock, version, value), and (tick, version).
    """

    cells: dict[int, int] = field(default_factory=dict)
    cases: dict[str, tuple[int, int]] = field(default_factory=dict)
    stocks: dict[int, tuple[int, int]] = field(default_factory=dict)
    stocks_of_ticks: list[tuple[int, int, int]] = field(default_factory=list)
    ticks: list[tuple[int, int]] = field(default_factory=list)
