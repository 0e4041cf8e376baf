"""What real feeds do to the truth: repeat it, shuffle it, correct it, tell it late, and break it.

Each trap leaves the truth as it is: a wrong event is always corrected, a made-up one withdrawn, a broken record is
beside the true ones. So the figures must come out as if there were no traps, and the oracle knows what was added.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from producers.broken import ILL_FORMED, unknown_status
from producers.oracle import Oracle
from producers.wire import DAY, HOUR, SimEvent, cloud_event, iso_local, iso_utc
from producers.wrong import made_up, wrong_version


class Record(NamedTuple):
    """A record to send. `time`, in ms, is when it arrives: the order of records is their order of arrival."""

    time: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class TrapConfig:
    """Shares are of the true events; `shuffle_seconds` is how much later than its event a record may arrive."""

    seed: int = 1
    duplicates: float = 0.0
    shuffle_seconds: int = 0
    corrected: float = 0.0
    retracted: float = 0.0
    late: float = 0.0
    unknown_status: float = 0.0
    ill_formed: float = 0.0
    conflicting: float = 0.0


# What `--traps` sets: the disorder that the project's exactness is shown under.
USUAL_TRAPS = TrapConfig(
    duplicates=0.10,
    shuffle_seconds=86_400,
    corrected=0.05,
    retracted=0.005,
    late=0.005,
    unknown_status=0.002,
    ill_formed=0.005,
    conflicting=0.001,
)


def clean(events: Iterable[SimEvent], oracle: Oracle) -> Iterator[Record]:
    """The true events as records, in order."""
    for event in events:
        oracle.truth(event)
        oracle.accepted += 1
        oracle.records += 1
        yield Record(event.time, event.case.encode(), event.encode())


def with_traps(events: Iterable[SimEvent], config: TrapConfig, oracle: Oracle) -> Iterator[Record]:
    """The events as a bad feed sends them, in order of arrival. `events` must be in order of time.

    No record arrives before its event has happened, except a correction before the event it corrects.
    """
    feed = _Feed(config, oracle)
    for event in events:
        yield from feed.until(event.time)
        oracle.truth(event)
        feed.event(event)
    yield from feed.until(None)


class _Feed:
    """Holds records back until they arrive."""

    def __init__(self, config: TrapConfig, oracle: Oracle) -> None:
        self._config = config
        self._oracle = oracle
        # Apart from the province's own draws, so that traps do not change what happens.
        self._draw = random.Random(config.seed * 7_919 + 17).random
        self._heap: list[tuple[int, int, bytes | None, bytes | None]] = []
        self._number = 0

    def until(self, time: int | None) -> Iterator[Record]:
        heap = self._heap
        while heap and (time is None or heap[0][0] <= time):
            arrival, _, key, value = heapq.heappop(heap)
            self._oracle.records += 1
            yield Record(arrival, key, value)

    def _push(self, arrival: int, key: bytes | None, value: bytes | None) -> None:
        self._number += 1
        heapq.heappush(self._heap, (arrival, self._number, key, value))

    def _arrival(self, time: int) -> int:
        draw, config = self._draw, self._config
        if draw() < config.late:
            return time + 2 * DAY + int(draw() * 18 * DAY)
        return time + int(draw() * config.shuffle_seconds * 1000)

    def _send(self, arrival: int, event: SimEvent, value: bytes) -> None:
        """Sends what must be accepted, and perhaps again: as the same bytes or with the instant in another zone."""
        draw = self._draw
        key = event.case.encode()
        self._push(arrival, key, value)
        self._oracle.accepted += 1
        if draw() < self._config.duplicates:
            if draw() < 0.1:
                value = value.replace(iso_local(event.time).encode(), iso_utc(event.time).encode(), 1)
            self._push(arrival + 1_000 + int(draw() * max(self._config.shuffle_seconds * 1000, HOUR)), key, value)
            self._oracle.duplicates += 1

    def event(self, event: SimEvent) -> None:
        draw, config = self._draw, self._config
        arrival = self._arrival(event.time)
        if draw() < config.corrected:
            self._corrected(arrival, event)
        else:
            self._send(arrival, event, event.encode())
            if draw() < config.conflicting:
                self._conflict(arrival, event)
        if draw() < config.retracted:
            self._retracted(event)
        if draw() < config.unknown_status:
            self._dead(event.time, "unknown_type", unknown_status(event, self._number, draw))
        if draw() < config.ill_formed:
            reason, breaker = ILL_FORMED[int(draw() * len(ILL_FORMED))]
            self._dead(event.time, reason, breaker(event, self._number, draw))

    def _dead(self, time: int, reason: str, record: tuple[bytes | None, bytes | None]) -> None:
        self._push(time + int(self._draw() * max(self._config.shuffle_seconds * 1000, 1_000)), *record)
        self._oracle.dead_letters[reason] += 1

    def _conflict(self, arrival: int, event: SimEvent) -> None:
        """The same id once more with other content, after the true one: the first recorded wins."""
        value = cloud_event(
            event.kind,
            event.id,
            event.source,
            event.case,
            iso_local(event.time + 1 + int(self._draw() * HOUR)),
            event.data,
        )
        self._push(arrival + 1_000 + int(self._draw() * HOUR), event.case.encode(), value)
        self._oracle.dead_letters["conflicting_duplicate"] += 1

    def _correction(self, event: SimEvent, suffix: str, time: int, arrival: int, replacement: str) -> None:
        sent = event._replace(time=time, id=event.id + suffix, kind="corrected")
        data = f'{{"replaces":"{event.id}","event":{replacement}}}'
        self._send(arrival, sent, sent._replace(data=data).encode())

    def _corrected(self, arrival: int, event: SimEvent) -> None:
        """First a wrong version, later what is right; sometimes the first correction is wrong as well."""
        draw = self._draw
        # A fifth of the corrections arrive before what they correct, whatever the shuffling.
        early = draw() < 0.2
        self._send(arrival + early * HOUR, event, wrong_version(event, draw).encode())
        after = HOUR + int(draw() * DAY)
        if draw() < 0.1:
            wrong = wrong_version(event, draw)
            self._correction(
                event, ".c", event.time + after // 2, self._arrival(event.time + after // 2), _as_json(wrong)
            )
        sent = event.time if early else self._arrival(event.time + after)
        self._correction(event, ".d", event.time + after, sent, _as_json(event))

    def _retracted(self, event: SimEvent) -> None:
        draw = self._draw
        spurious = made_up(event, draw)
        self._send(self._arrival(spurious.time), spurious, spurious.encode())
        time = spurious.time + HOUR + int(draw() * DAY)
        self._correction(spurious, ".w", time, self._arrival(time), "null")


def _as_json(event: SimEvent) -> str:
    return f'{{"type":"vn.gov.ioc.case.{event.kind}.v1","time":"{iso_local(event.time)}","data":{event.data}}}'
