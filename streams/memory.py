"""Gives memory back: to the interpreter after each write, to the system now and then.

The driver's insert leaves its columns in a reference cycle, tens of megabytes a write, which a collector set for
few runs would find after minutes. And facts of cases grow event by event, each time as a new, longer string: glibc
keeps the holes, up to twice what is in use.
"""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable
from typing import Any

_TRIM_SECONDS = 5.0


class Memory:
    """Call `after_write` after each write; every few seconds it gives back to the system, too."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._trimmed = clock()
        try:
            self._trim: Any = ctypes.CDLL(None).malloc_trim
            self._trim.argtypes = [ctypes.c_size_t]
        except (AttributeError, OSError):
            # Another C library than glibc: it has its own ways.
            self._trim = None

    def after_write(self) -> None:
        """Frees what the write left behind."""
        now = self._clock()
        if now < self._trimmed + _TRIM_SECONDS:
            gc.collect(1)
            return
        self._trimmed = now
        gc.collect()
        if self._trim is not None:
            self._trim(0)
