"""Memory is given back after a write, cycles included."""

from __future__ import annotations

import gc
import weakref

from streams.memory import Memory


class Knot:
    """Refers to itself, as the driver's insert does."""

    def __init__(self) -> None:
        self.own = self


def test_what_a_write_leaves_in_a_cycle_is_freed_at_once() -> None:
    memory = Memory(clock=lambda: 0.0)
    gc.disable()
    try:
        left = weakref.ref(Knot())
        assert left() is not None
        memory.after_write()
        assert left() is None
    finally:
        gc.enable()


def test_now_and_then_the_old_is_looked_through_too() -> None:
    now = 0.0
    memory = Memory(clock=lambda: now)
    gc.disable()
    try:
        knot = Knot()
        left = weakref.ref(knot)
        gc.collect()
        del knot
        memory.after_write()
        assert left() is not None, "the old generation is left alone between"
        now = 10.0
        memory.after_write()
        assert left() is None
    finally:
        gc.enable()
