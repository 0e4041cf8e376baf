"""Freshness: from an event's production until a query, and the wall, show it.

The bench's own producer sends at a steady rate and notes when each record left; progress is written last of all
tables, so the moment it passes a record's offset is when every figure with that record can be queried.
"""

from __future__ import annotations

import threading
import time
import urllib.request
from datetime import UTC, datetime
from typing import Any

import orjson
from kafka import KafkaProducer

from benchmarks.ground import Ground, await_that, free_port, ground, running
from benchmarks.report import Bar, Report, percentile
from ioc.errors import IocError
from producers.oracle import Oracle
from producers.province import LiveConfig, simulate_live
from producers.traps import clean
from sinks.client import connect

_OFFSETS = (1 << 44) - 1
# Slices of a second in which records are sent; shorter than what is measured, longer than the sleep's own error.
_SLICE_SECONDS = 0.02
_LOOK_SECONDS = 0.02
_WARM_UP_SECONDS = 3.0


def freshness(rate: int, seconds: float) -> Report:
    """Sends `rate` events a second for `seconds`, after a warm-up, and measures."""
    report = Report("freshness")
    with ground() as where:
        port = free_port()
        with running(where.start("worker")) as worker, running(where.start("wall", "--port", str(port))) as wall:
            await_that(lambda: len(where.written()) == where.settings.partitions, "the first punctuation", worker, 120)
            await_that(lambda: _wall_events(port) is not None, "the wall answers", wall, 120)
            sender = _Sender(where, rate, seconds + _WARM_UP_SECONDS)
            queries, walls = _Watch(where), _WallWatch(port)
            for one in (queries, walls, sender):
                one.start()
            sender.join()
            await_that(lambda: queries.caught_up(sender), "everything sent is written", worker, 120)
            await_that(lambda: walls.latest() >= sender.sent, "the wall shows everything", wall, 120)
            queries.ended = walls.ended = True
            queries.join()
            walls.join()
            visible = queries.latencies(sender)
            shown = walls.latencies(sender)
    report.figures = {
        "events": float(len(visible)),
        "events_per_second": sender.sent / sender.elapsed,
        "query_p50_seconds": percentile(visible, 0.5),
        "query_p99_seconds": percentile(visible, 0.99),
        "query_max_seconds": max(visible),
        "wall_p50_seconds": percentile(shown, 0.5),
        "wall_p99_seconds": percentile(shown, 0.99),
    }
    report.bars = [
        Bar("query_p99_seconds", report.figures["query_p99_seconds"], 1.0, False),
        Bar("wall_p99_seconds", report.figures["wall_p99_seconds"], 2.0, False),
        Bar("events_per_second", report.figures["events_per_second"], rate * 0.98, True),
    ]
    return report


class _Sender(threading.Thread):
    """Sends at a steady rate; `left` holds (partition, offset, when it left) once the broker has answered."""

    def __init__(self, where: Ground, rate: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self._where, self._rate, self._seconds = where, rate, seconds
        self._futures: list[tuple[float, Any]] = []
        self.sent = 0
        self.elapsed = 0.0

    def run(self) -> None:
        settings = self._where.settings
        producer = KafkaProducer(acks="all", linger_ms=5, **settings.kafka.client_options())
        province = simulate_live(LiveConfig(start=datetime.now(UTC), rate=float(self._rate), backlog=0))
        records = clean(province, Oracle())
        began = time.time()
        while (now := time.time()) - began < self._seconds:
            while self.sent < (now - began) * self._rate:
                record = next(records)
                when = time.time()
                self._futures.append((when, producer.send(settings.case_topic, key=record.key, value=record.value)))
                self.sent += 1
            time.sleep(_SLICE_SECONDS)
        self.elapsed = time.time() - began
        producer.flush()
        producer.close()

    def left(self) -> list[tuple[int, int, float]]:
        """Every record sent; to be called after the thread has ended."""
        return [(meta.partition, meta.offset, when) for when, one in self._futures for meta in [one.get(timeout=30)]]

    def counted(self) -> list[float]:
        """When each record left, in order."""
        return [when for when, _ in self._futures]


class _Watch(threading.Thread):
    """Asks for the progress of each partition, over and over."""

    def __init__(self, where: Ground) -> None:
        super().__init__(daemon=True)
        self._where = where
        self._seen: dict[int, list[tuple[float, int]]] = {}
        self.ended = False

    def run(self) -> None:
        with connect(self._where.settings.clickhouse, "reader") as client:
            while not self.ended:
                rows = client.query("SELECT partition, max(next) FROM progress GROUP BY partition").result_rows
                now = time.time()
                for partition, following in rows:
                    self._seen.setdefault(partition, []).append((now, following & _OFFSETS))
                time.sleep(_LOOK_SECONDS)

    def caught_up(self, sender: _Sender) -> bool:
        ends: dict[int, int] = {}
        for partition, offset, _ in sender.left():
            ends[partition] = max(ends.get(partition, 0), offset)
        return all(self._seen.get(partition, [(0.0, 0)])[-1][1] > end for partition, end in ends.items())

    def latencies(self, sender: _Sender) -> list[float]:
        """Seconds from leaving until visible, without the warm-up."""
        found = []
        position = dict.fromkeys(self._seen, 0)
        first = sender.counted()[0]
        for partition, offset, when in sorted(sender.left()):
            seen = self._seen[partition]
            while seen[position[partition]][1] <= offset:
                position[partition] += 1
            if when - first >= _WARM_UP_SECONDS:
                found.append(seen[position[partition]][0] - when)
        return found


def _wall_events(port: int) -> int | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/age", timeout=5) as answer:
            return int(orjson.loads(answer.read())["events"] or 0)
    except OSError:
        return None


class _WallWatch(threading.Thread):
    """Asks the wall how many events it shows."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._seen: list[tuple[float, int]] = [(0.0, 0)]
        self.ended = False

    def run(self) -> None:
        while not self.ended:
            events = _wall_events(self._port)
            if events is not None:
                self._seen.append((time.time(), events))
            time.sleep(_LOOK_SECONDS)

    def latest(self) -> int:
        return self._seen[-1][1]

    def latencies(self, sender: _Sender) -> list[float]:
        """Seconds from leaving until the wall counts as many, without the warm-up."""
        found = []
        left = sender.counted()
        position = 0
        for number, when in enumerate(left, start=1):
            while self._seen[position][1] < number:
                position += 1
            if when - left[0] >= _WARM_UP_SECONDS:
                found.append(self._seen[position][0] - when)
        if not found:
            raise IocError("The run was shorter than its warm-up; give --seconds a larger number.")
        return found
