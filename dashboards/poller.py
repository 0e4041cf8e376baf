"""One thread asks for the snapshot once a second; every screen is drawn from what it last got.

A thread of its own and not the event loop, because a ClickHouse that has gone away may hold a call for seconds, and
the growing age of the picture must be shown all the while. It is a daemon: a hanging call never delays the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from ioc.errors import IocError

Snapshot = TypeVar("Snapshot")

POLL_SECONDS = 1.0
# Longer than any snapshot should take; a call that hangs past it counts as ClickHouse being away.
ANSWER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Picture(Generic[Snapshot]):
    """What was last got. Times are `time.monotonic()` seconds; `error` is one sentence, None after a success.

    `asked_at` is set while a question is under way.
    """

    snapshot: Snapshot | None = None
    taken_at: float | None = None
    error: str | None = None
    asked_at: float | None = None

    def age(self, now: float) -> float | None:
        """Seconds since the snapshot was taken; None before the first."""
        return None if self.taken_at is None else max(0.0, now - self.taken_at)

    def away(self, now: float) -> bool:
        """Whether the source refuses, or has held the question longer than `ANSWER_SECONDS`."""
        return self.error is not None or (self.asked_at is not None and now - self.asked_at > ANSWER_SECONDS)


@dataclass(frozen=True, slots=True)
class Watch:
    """What the poller tells about itself: each is called in the poller's thread."""

    changed: Callable[[], None] = lambda: None
    took: Callable[[float], None] = lambda _seconds: None
    failed: Callable[[], None] = lambda: None


class Poller(Generic[Snapshot]):
    """Calls `ask` every `interval` seconds, one call at a time, and keeps the last picture through failures."""

    def __init__(
        self, ask: Callable[[], Snapshot], *, watch: Watch | None = None, interval: float = POLL_SECONDS
    ) -> None:
        self._ask = ask
        self._watch = watch or Watch()
        self._interval = interval
        self._picture: Picture[Snapshot] = Picture()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wall-poller", daemon=True)

    @property
    def picture(self) -> Picture[Snapshot]:
        """The last picture; safe to read from any thread."""
        return self._picture

    def start(self) -> None:
        """Starts asking; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the asking; returns at once, a call under way is left to itself."""
        self._stop.set()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            self._poll()
            # The next whole beat: a slow answer skips beats and never makes a queue of questions.
            due = max(due + self._interval, time.monotonic())
            self._stop.wait(due - time.monotonic())

    def _poll(self) -> None:
        started = time.monotonic()
        self._picture = replace(self._picture, asked_at=started)
        try:
            snapshot = self._ask()
        except Exception as error:  # noqa: BLE001 the rim: whatever a source raises, the wall stays up and says so
            self._picture = replace(self._picture, asked_at=None, error=sentence(error))
            self._watch.failed()
        else:
            now = time.monotonic()
            self._picture = Picture(snapshot=snapshot, taken_at=now)
            self._watch.took(now - started)
        self._watch.changed()


def sentence(error: Exception) -> str:
    """One line for people: our own errors as written, others by name."""
    if isinstance(error, IocError):
        return str(error)
    first = (str(error).strip().splitlines() or [""])[0][:200]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
