"""A case becomes late with no message: the tick that passes its due instant moves it, exactly once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from ioc.events import Accepted, Data, Finished, Paused, Rescheduled, Resumed, encode_clock, encode_event
from sinks.rows import StoredPartition
from streams.batch import read_batch
from streams.case_filter import checksums
from streams.dimensions import Dimensions
from streams.partition import PartitionState
from streams.steps import FINISHED, Case
from streams.stocks import STOCK_NAMES, STOCK_NUMBERS, next_move, stock_of

START = datetime(2026, 1, 5, 1, tzinfo=UTC)
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


class LogRecord(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Log:
    """A partition fed one record at a time."""

    def __init__(self) -> None:
        self.dimensions = Dimensions()
        empty = StoredPartition(1 << 44, 0, 0, 0, [], [], [], 0, checksums([]))
        self.state = PartitionState(0, empty, self.dimensions, MINUTE)
        self._offset = 0

    def _take(self, key: bytes | None, value: bytes) -> None:
        batch = read_batch([LogRecord(self._offset, 0, key, value)], 1)
        segments, refused = self.state.fold(batch)
        assert not refused
        self.state.settle(segments, batch.last + 1)
        self._offset += 1

    def event(self, hours: float, kind: str, data: Data) -> None:
        time = START + timedelta(hours=hours)
        self._take(b"c", encode_event(kind, id=str(self._offset), source="s", subject="c", time=time, data=data))

    def clock(self, hours: float) -> None:
        self._take(None, encode_clock(id=str(self._offset), source="t", time=START + timedelta(hours=hours)))

    def stocks(self) -> dict[str, int]:
        names = {STOCK_NAMES[key & 255]: value for key, value in self.state.stocks.items()}
        return {name: value for name, value in names.items() if value}


def test_lateness_comes_with_a_tick_and_without_a_message() -> None:
    log = Log()
    log.event(0, "accepted", Accepted(agency="A", due=START + timedelta(hours=30)))
    log.clock(0)
    assert log.stocks() == {"open": 1}
    log.clock(6)
    assert log.stocks() == {"open": 1}, "due in exactly 24 hours is not within them"
    log.clock(6 + 1 / 60)
    assert log.stocks() == {"open": 1, "open_due_24h": 1}
    log.clock(30)
    assert log.stocks() == {"open": 1, "open_due_24h": 1}, "at the due instant it is not late"
    log.clock(30 + 1 / 60)
    assert log.stocks() == {"open": 1, "open_late": 1}
    log.clock(31)
    log.event(31, "finished", Finished())
    assert log.stocks() == {}


def test_a_paused_clock_is_not_late_and_rescheduling_brings_a_case_back() -> None:
    log = Log()
    log.event(0, "accepted", Accepted(agency="A", due=START + timedelta(hours=2)))
    log.event(1, "paused", Paused())
    log.clock(40)
    assert log.stocks() == {"open": 1, "open_paused": 1}
    log.event(41, "resumed", Resumed())
    assert log.stocks() == {"open": 1, "open_due_24h": 1}, "the due date moved by the forty hours"
    log.clock(43)
    assert log.stocks() == {"open": 1, "open_late": 1}
    log.event(44, "rescheduled", Rescheduled(due=START + timedelta(hours=100)))
    assert log.stocks() == {"open": 1}
    log.clock(101)
    assert log.stocks() == {"open": 1, "open_late": 1}


def test_no_due_date_is_a_stock_of_its_own() -> None:
    log = Log()
    log.event(0, "accepted", Accepted(agency="A"))
    log.clock(1000)
    assert log.stocks() == {"open": 1, "open_no_due": 1}


def test_punctuation_going_back_changes_nothing() -> None:
    log = Log()
    log.event(0, "accepted", Accepted(agency="A", due=START + timedelta(hours=1)))
    log.clock(2)
    log.clock(1)
    assert log.stocks() == {"open": 1, "open_late": 1}


@given(st.integers(1, 10 * DAY), st.integers(0, 12 * DAY), st.booleans(), st.booleans())
def test_next_move_names_the_first_instant_that_moves(due: int, tick: int, paused: bool, closed: bool) -> None:
    base = 1_700_000_000_000
    case = Case(accepted=base, due=base + due, pauses=int(paused), closed=FINISHED if closed else 0)
    now = stock_of(case, base + tick)
    moment = next_move(case, base + tick)
    if moment:
        assert stock_of(case, moment) != now
        assert stock_of(case, moment - 1) == now
    else:
        assert stock_of(case, base + tick + 100 * DAY) == now
    assert all(STOCK_NAMES[number] for number in STOCK_NUMBERS[now])
