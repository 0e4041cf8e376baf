"""A simulated province: the true events of its cases, in order of time, the same for the same configuration."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from ioc.directory import Directory, load_directory
from ioc.facts import to_ms
from producers.catalogue import Catalogue
from producers.planner import Planner
from producers.rhythm import LiveDay, WorkingWeek, is_working
from producers.shares import Shares
from producers.wire import DAY, LOCAL, MINUTE, SimEvent, date_text, local_day

# The weekend brings online submissions only.
WEEKEND_SHARE = 0.08
_MONDAY_SHARE = 1.18


@dataclass(frozen=True)
class ProvinceConfig:
    """What is simulated. `start` is aware; whole local days from its day on are planned.

    Of `days` and `events` the first that is reached ends the stream; with neither it never ends. `cases_per_day` is
    a working day's mean: 3,000 cases are some 20,000 events.
    """

    start: datetime
    seed: int = 1
    days: int | None = None
    events: int | None = None
    cases_per_day: int = 3_000
    shares: Shares = field(default_factory=Shares)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise ValueError("start needs a time zone")


def simulate(config: ProvinceConfig, directory: Directory | None = None) -> Iterator[SimEvent]:
    """The province's events in order of (time, case, id). Cases still open at the end stay open."""
    stream = _days(config, directory or load_directory())
    return stream if config.events is None else islice(stream, config.events)


def _days(config: ProvinceConfig, directory: Directory) -> Iterator[SimEvent]:
    source = random.Random(config.seed)
    draw = source.random
    first = local_day(to_ms(config.start))
    rhythm = WorkingWeek(first, config.days or 20_000)
    planner = Planner(draw, rhythm, Catalogue(directory), config.shares)
    ahead: dict[int, list[SimEvent]] = {}
    day = first
    while config.days is None or day < first + config.days:
        start = day * DAY - LOCAL
        for number in range(1, _cases(config, day, draw()) + 1):
            for event in planner.plan(start, start + DAY, date_text(day)[2:].replace("-", ""), number):
                ahead.setdefault(local_day(event.time), []).append(event)
        yield from sorted(ahead.pop(day, []))
        day += 1


def _cases(config: ProvinceConfig, day: int, chance: float) -> int:
    mean = float(config.cases_per_day)
    if not is_working(day):
        mean *= WEEKEND_SHARE
    elif (day + 3) % 7 == 0:
        mean *= _MONDAY_SHARE
    return max(1, round(mean * (0.9 + 0.2 * chance)))


@dataclass(frozen=True)
class LiveConfig:
    """A province around now. `start` is when the live part begins; `backlog` events lie in the time before it."""

    start: datetime
    seed: int = 1
    rate: float = 20.0
    backlog: int = 20_000
    backlog_span: timedelta = timedelta(hours=10)
    shares: Shares = field(default_factory=Shares)


def simulate_live(config: LiveConfig, directory: Directory | None = None) -> Iterator[SimEvent]:
    """Endless events in order of time: the backlog first, then `rate` a second from `start` on.

    Each slot takes in as many new cases as are needed beside what earlier cases bring, so the rate holds from the
    first second and stays when cases begin to end.
    """
    start = to_ms(config.start)
    span = config.backlog_span // timedelta(milliseconds=1)
    source = random.Random(config.seed)
    planner = Planner(source.random, LiveDay(), Catalogue(directory or load_directory()), config.shares)
    ahead: dict[int, list[SimEvent]] = {}
    # Numbers begin with the second of the day at which the run began: a run started again, on the same topic and the
    # same day, must not use an id twice.
    number = start // 1000 % 86_400 * 100_000
    slots = _slots(start - span, start, config.backlog, config.rate)
    surplus = 0
    for begin, length, share in slots:
        events = _take(ahead, begin, begin + length)
        wanted = share - surplus
        while len(events) < wanted:
            number += 1
            prefix = date_text(local_day(begin))[2:].replace("-", "")
            for event in planner.plan(begin, begin + length, prefix, number):
                if event.time < begin + length:
                    events.append(event)
                else:
                    ahead.setdefault(event.time // 1000, []).append(event)
        # What a slot brings too much, the next ones bring less, but never so that no case comes in for long.
        surplus = min(len(events) - wanted, 5 * share + 5)
        yield from sorted(events)


def _take(ahead: dict[int, list[SimEvent]], begin: int, end: int) -> list[SimEvent]:
    """The planned events of [begin, end); both are whole seconds."""
    found: list[SimEvent] = []
    for second in range(begin // 1000, end // 1000):
        found.extend(ahead.pop(second, ()))
    return found


def _slots(begin: int, start: int, backlog: int, rate: float) -> Iterator[tuple[int, int, int]]:
    """(begin, length in ms, events wanted) of consecutive slots: minutes before `start`, then seconds, without end."""
    begin = begin // 1000 * 1000
    minutes = max(1, (start - begin) // MINUTE)
    done = 0
    for minute in range(minutes):
        wanted = backlog * (minute + 1) // minutes
        yield begin + minute * MINUTE, MINUTE, wanted - done
        done = wanted
    second = 0
    total = 0
    while True:
        second += 1
        wanted = int(rate * second)
        yield begin + minutes * MINUTE + (second - 1) * 1000, 1000, wanted - total
        total = wanted
