"""When things happen in a province: a working week, or a live one that never closes.

All times are ms since 1970 UTC. Both rhythms draw from the random source they are given and from nothing else.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Protocol

from producers.wire import DAY, HOUR, LOCAL, MINUTE, local_day

Random = Callable[[], float]

OPENS, LUNCH, BACK, CLOSES = 7 * 60, 11 * 60 + 30, 13 * 60 + 30, 17 * 60
# Share of a day's submissions by hour of the day, at the counter and online. The morning's first hours are the rush.
_COUNTER_HOURS = {7: 13, 8: 24, 9: 21, 10: 13, 11: 4, 13: 6, 14: 9, 15: 7, 16: 3}
_ONLINE_HOURS = dict(enumerate([1, 1, 0, 0, 0, 1, 2, 7, 13, 12, 9, 5, 3, 5, 7, 6, 5, 3, 3, 4, 5, 4, 3, 1]))
_FIXED_HOLIDAYS = frozenset({(1, 1), (4, 30), (5, 1), (9, 2)})
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class Rhythm(Protocol):
    """How waiting times become instants."""

    def staffed(self, time: int) -> bool:
        """Whether a counter takes in cases on the day of `time`."""
        ...

    def opening(self, draw: Random, start: int, end: int, online: bool) -> int:
        """When a case that is handed in within [start, end) is handed in."""
        ...

    def soon(self, draw: Random, time: int, minutes: int) -> int:
        """An office's next action, up to about `minutes` of open hours after `time`; always later than it."""
        ...

    def later(self, draw: Random, time: int, days: int) -> int:
        """An action `days` working days after `time`; always later than it."""
        ...

    def deadline(self, time: int, days: int) -> int:
        """The due instant of a case accepted at `time` with `days` working days."""
        ...

    def snap(self, draw: Random, time: int) -> int:
        """The nearest instant, not before `time`, at which an office acts."""
        ...


@lru_cache(maxsize=4096)
def is_working(day: int) -> bool:
    """Monday to Friday, fixed public holidays off; lunar holidays are left to the real working calendar."""
    if (day + 3) % 7 >= 5:
        return False
    on = date.fromordinal(_EPOCH_ORDINAL + day)
    return (on.month, on.day) not in _FIXED_HOLIDAYS


def _minutes_by_hour(hours: dict[int, int], allowed: Callable[[int], bool]) -> list[int]:
    """Minutes of the day, each as often as its hour weighs."""
    return [
        m
        for hour, weight in hours.items()
        for m in range(hour * 60, hour * 60 + 60)
        if allowed(m)
        for _ in range(weight)
    ]


def _open(minute: int) -> bool:
    return OPENS <= minute < LUNCH or BACK <= minute < CLOSES


class WorkingWeek:
    """Offices work 07:00-11:30 and 13:30-17:00 on working days; online cases come in at any hour."""

    def __init__(self, first_day: int, days: int) -> None:
        """Covers `days` days from `first_day` (day numbers, local) and a year after."""
        self._working = [day for day in range(first_day - 14, first_day + days + 400) if is_working(day)]
        self._counter = _minutes_by_hour(_COUNTER_HOURS, _open)
        self._online = _minutes_by_hour(_ONLINE_HOURS, lambda minute: True)
        self._office = [minute for minute in range(OPENS, CLOSES) if _open(minute)]

    def _on(self, day: int, minute: int, draw: Random) -> int:
        return day * DAY - LOCAL + minute * MINUTE + int(draw() * MINUTE)

    def _working_day(self, day: int, further: int) -> int:
        """The working day `further` working days after the first working day from `day` on."""
        return self._working[bisect_left(self._working, day) + further]

    def staffed(self, time: int) -> bool:
        return is_working(local_day(time))

    def opening(self, draw: Random, start: int, end: int, online: bool) -> int:
        minutes = self._online if online else self._counter
        return self._on(local_day(start), minutes[int(draw() * len(minutes))], draw)

    def soon(self, draw: Random, time: int, minutes: int) -> int:
        return self.snap(draw, time + 20_000 + int(draw() * minutes * MINUTE))

    def later(self, draw: Random, time: int, days: int) -> int:
        if days <= 0:
            return self.soon(draw, time, 120)
        index = bisect_right(self._working, local_day(time)) - 1 + days
        return self._on(self._working[index], self._office[int(draw() * len(self._office))], draw)

    def deadline(self, time: int, days: int) -> int:
        """The end of the working hours of the last day; a case of the afternoon counts from the same day."""
        day = self._working_day(local_day(time), max(days, 0))
        return day * DAY - LOCAL + CLOSES * MINUTE

    def snap(self, draw: Random, time: int) -> int:
        day, rest = divmod(time + LOCAL, DAY)
        minute = rest // MINUTE
        first = self._working_day(day, 0)
        if first == day:
            if _open(minute):
                return time
            if minute < OPENS:
                return self._on(day, OPENS + int(draw() * 60), draw)
            if minute < BACK:
                return self._on(day, BACK + int(draw() * 40), draw)
            first = self._working_day(day + 1, 0)
        return self._on(first, OPENS + int(draw() * 90), draw)


class LiveDay:
    """For showing: always open, and a working day passes in `day_ms`, so that whole lifecycles can be watched."""

    def __init__(self, day_ms: int = HOUR // 2) -> None:
        self._day = day_ms

    def staffed(self, time: int) -> bool:
        return True

    def opening(self, draw: Random, start: int, end: int, online: bool) -> int:
        return start + int(draw() * (end - start))

    def soon(self, draw: Random, time: int, minutes: int) -> int:
        return time + 1_000 + int(draw() * minutes * MINUTE * self._day / (4 * HOUR))

    def later(self, draw: Random, time: int, days: int) -> int:
        return time + 1_000 + int((max(days, 0) + draw() - 0.5 * (days > 0)) * self._day)

    def deadline(self, time: int, days: int) -> int:
        return time + max(days, 1) * self._day

    def snap(self, draw: Random, time: int) -> int:
        return time
