"""Delivery record by record through kafka-python's producer: for live streams, where a record must go out at once.

Some 25,000 records a second at best; `producers/bulk.py` is the way for more.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from ioc.errors import Unreachable
from ioc.events import encode_clock
from ioc.settings import Settings
from producers.report import DeliveryReport, partition_of, too_large
from sinks.topics import ensure_topic

SOURCE = "ioc-producer"
# Records of a few hundred bytes: some 10 MB in flight at most.
_IN_FLIGHT = 20_000
_ANSWER_SECONDS = 120


def unreachable(settings: Settings, error: BaseException | str) -> Unreachable:
    """The sentence for a Kafka that does not answer."""
    why = error if isinstance(error, str) else type(error).__name__
    where = ",".join(settings.kafka.bootstrap)
    return Unreachable(f"Kafka at {where} does not answer ({why}); start it with `ioc up` or set IOC_KAFKA.")


def clock_record(time: int) -> bytes:
    """Punctuation for `time` (ms since 1970 UTC)."""
    moment = datetime.fromtimestamp(time / 1000, UTC)
    return encode_clock(id=f"{SOURCE}-{time}", source=SOURCE, time=moment)


class LiveDelivery:
    """A `Producer` with little delay. Use as a context manager; leaving it flushes."""

    def __init__(self, settings: Settings, report: DeliveryReport | None = None, linger_ms: int = 10) -> None:
        self.report = report or DeliveryReport()
        self._settings = settings
        self._topic = settings.case_topic
        self._partitions = ensure_topic(settings).partitions
        self._in_flight = 0
        self._room = threading.Condition()
        try:
            self._producer: Any = KafkaProducer(
                enable_idempotence=True,
                acks="all",
                compression_type="zstd",
                linger_ms=linger_ms,
                batch_size=256 * 1024,
                max_block_ms=15_000,
                delivery_timeout_ms=_ANSWER_SECONDS * 1000,
                **settings.kafka.client_options(),
            )
        except KafkaError as error:
            raise unreachable(settings, error) from error

    def __enter__(self) -> LiveDelivery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, key: bytes | None, value: bytes | None, row: int = 0) -> None:
        reason = too_large(key, value)
        if reason is not None:
            self.report.refuse(row, reason)
            return
        self._send(key, value, partition_of(key, self._partitions), row, counted=True)

    def send_clock(self, time: int) -> None:
        value = clock_record(time)
        for partition in range(self._partitions):
            self._send(None, value, partition, 0, counted=False)
        self.report.clocks += self._partitions

    def _send(self, key: bytes | None, value: bytes | None, partition: int, row: int, *, counted: bool) -> None:
        with self._room:
            if not self._room.wait_for(lambda: self._in_flight < _IN_FLIGHT, timeout=_ANSWER_SECONDS):
                raise unreachable(self._settings, f"{_IN_FLIGHT} records unanswered")
            self._in_flight += 1
        try:
            sent = self._producer.send(self._topic, key=key, value=value, partition=partition)
        except (KafkaError, KafkaTimeoutError) as error:
            raise unreachable(self._settings, error) from error
        sent.add_callback(self._delivered, counted)
        sent.add_errback(self._failed, row)

    def _delivered(self, counted: bool, metadata: object) -> None:
        with self._room:
            self._in_flight -= 1
            self.report.delivered += counted
            self._room.notify_all()

    def _failed(self, row: int, error: BaseException) -> None:
        with self._room:
            self._in_flight -= 1
            self.report.refuse(row, f"Kafka refused it: {error}")
            self._room.notify_all()

    def flush(self) -> None:
        try:
            self._producer.flush(timeout=_ANSWER_SECONDS)
        except (KafkaError, KafkaTimeoutError) as error:
            raise unreachable(self._settings, error) from error

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self._producer.close(timeout=5)
