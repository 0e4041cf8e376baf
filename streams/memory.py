"""Gives freed memory back to the system.

Facts of cases grow event by event, each time as a new, longer string: glibc keeps the holes, up to twice what is in
use. Trimming costs some milliseconds and is a no-op where the C library has none.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable


def trimmer() -> Callable[[], None]:
    """A function that gives back what is free, or does nothing."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return lambda: None
    trim.argtypes = [ctypes.c_size_t]

    def give_back() -> None:
        trim(0)

    return give_back
