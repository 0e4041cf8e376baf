"""Sends records in order, at the pace asked for, with punctuation from the stream's own time."""

from __future__ import annotations

import threading
import time as clock
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ioc.output import REMARKS
from producers.traps import Record

# A live stream is pushed this often: small beside the second that freshness allows, large beside a batch's cost.
_PUSH_SECONDS = 0.05
_SHOW_EVERY = 2_000


class Target(Protocol):
    """Where records go: Kafka or a file."""

    def send(self, key: bytes | None, value: bytes | None, row: int = 0) -> None: ...

    def send_clock(self, time: int) -> None: ...

    def push(self) -> None: ...


@dataclass(frozen=True)
class Pace:
    """`speed` is simulated time over real time, None as fast as possible.

    `origin` is the time in ms that sending begins at, None for the wall clock's; what lies before it is sent at once.
    `tick_ms` is the step of punctuation, None for none.
    """

    speed: float | None = None
    origin: int | None = None
    tick_ms: int | None = 60_000


def send_all(
    records: Iterable[Record], target: Target, pace: Pace, stop: threading.Event, shown: Callable[[int], None]
) -> tuple[int, int]:
    """Sends until the records end or `stop` is set; returns how many were sent and the last record's time in ms."""
    sent = 0
    last = 0
    tick: int | None = None
    begun = clock.monotonic()
    origin = pace.origin if pace.origin is not None else clock.time_ns() // 1_000_000
    for record in records:
        if stop.is_set():
            break
        if pace.speed is not None:
            due = begun + (record.time - origin) / 1000 / pace.speed
            if not _wait(due, target, stop):
                break
        if pace.tick_ms is not None and (tick is None or record.time // pace.tick_ms > tick):
            tick = record.time // pace.tick_ms
            target.send_clock(tick * pace.tick_ms)
        sent += 1
        target.send(record.key, record.value, sent)
        last = max(last, record.time)
        if sent % _SHOW_EVERY == 0:
            shown(sent)
    if sent and pace.tick_ms is not None:
        target.send_clock((last // pace.tick_ms + 1) * pace.tick_ms)
    shown(sent)
    return sent, last


def _wait(due: float, target: Target, stop: threading.Event) -> bool:
    """Waits until `due` on the monotonic clock, pushing what was taken; False when asked to stop."""
    while (left := due - clock.monotonic()) > 0:
        target.push()
        if stop.wait(min(left, _PUSH_SECONDS)):
            return False
    return True


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error; yields the function that takes the count so far."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=REMARKS, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.update(task, completed=count)
