"""The poller: one question at a time, pictures kept through failures, recovery by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from dashboards.poller import ANSWER_SECONDS, Picture, Poller, Watch, sentence
from ioc.errors import Unreachable

FAST = 0.005


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Awaits `condition`; fails when it does not come true."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "it never came true"
        pause.wait(0.005)


class Source:
    """Counts questions; refuses while `error` is set, holds answers back while `gate` is closed."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self) -> int:
        self.asked += 1
        self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.asked


def test_keeps_the_picture_through_failures_and_recovers() -> None:
    source, failures = Source(), []
    poller = Poller(source, watch=Watch(failed=lambda: failures.append(1)), interval=FAST)
    poller.start()
    until(lambda: poller.picture.snapshot is not None)
    source.error = Unreachable("ClickHouse is away.")
    until(lambda: len(failures) >= 3)
    broken = poller.picture
    assert (broken.error, broken.away(time.monotonic())) == ("ClickHouse is away.", True)
    assert broken.snapshot is not None
    assert broken.taken_at is not None
    source.error = None
    until(lambda: poller.picture.error is None and poller.picture.taken_at > broken.taken_at)
    poller.stop()
    assert not poller.picture.away(time.monotonic())


def test_a_held_answer_makes_no_queue() -> None:
    source, changes = Source(), []
    poller = Poller(source, watch=Watch(changed=lambda: changes.append(1)), interval=FAST)
    source.gate.clear()
    poller.start()
    until(lambda: source.asked == 1)
    threading.Event().wait(20 * FAST)
    assert (source.asked, changes) == (1, [])
    assert poller.picture.away(time.monotonic() + ANSWER_SECONDS + 1)
    source.gate.set()
    until(lambda: source.asked > 2)
    poller.stop()


def test_stop_returns_at_once_and_ends_the_asking() -> None:
    source = Source()
    poller = Poller(source, interval=FAST)
    poller.start()
    until(lambda: source.asked > 0)
    poller.stop()
    until(lambda: "wall-poller" not in {thread.name for thread in threading.enumerate()})


def test_a_picture_that_was_never_taken_has_no_age() -> None:
    never: Picture[int] = Picture()
    assert never.age(5.0) is None
    assert Picture(snapshot=1, taken_at=3.0).age(5.0) == 2.0


def test_errors_are_one_line() -> None:
    assert sentence(Unreachable("Away; start it.")) == "Away; start it."
    assert sentence(ValueError("first\nsecond")) == "ValueError: first"
    assert sentence(KeyError()) == "KeyError"
