"""A bad deploy stops the worker; the odd bad record does not."""

from __future__ import annotations

import random

import pytest

from streams.flood import DeadLetterFlood, FloodGate, FloodLimits

LIMITS = FloodLimits(run=10, share=0.5, window=100)


def gate() -> FloodGate:
    return FloodGate(LIMITS, 3)


def test_a_run_is_counted_across_batches() -> None:
    one = gate()
    one.judge(0, 5, [1, 2, 3, 4, 5])
    one.judge(6, 9, [6, 7, 8, 9])
    with pytest.raises(DeadLetterFlood, match="Partition 3: 10 records in a row up to offset 10"):
        one.judge(10, 20, [10])


def test_a_good_record_ends_a_run() -> None:
    one = gate()
    one.judge(0, 8, list(range(9)))
    one.judge(9, 20, [10, 11, 12])
    one.judge(21, 30, [21, 22, 23, 24, 25, 26, 27])


def test_a_share_needs_a_window() -> None:
    one = gate()
    one.judge(0, 49, [*range(0, 50, 2), 49])
    with pytest.raises(DeadLetterFlood, match="of the last 100 records"):
        one.judge(50, 99, sorted({*range(50, 100, 2), 51, 53}))


def test_one_in_twenty_never_stops_the_worker() -> None:
    one, rng = gate(), random.Random(1)
    for first in range(0, 100_000, 100):
        one.judge(first, first + 99, [offset for offset in range(first, first + 100) if rng.random() < 0.05])
