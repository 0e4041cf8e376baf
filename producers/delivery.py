"""Delivery to the case topic: whole record batches through kafka-python's protocol client.

kafka-python's own producer class takes 3,000 to 25,000 records a second where this takes 40,000 to 80,000, so what an
idempotent producer promises is kept here by the same means: a producer id from the broker, a sequence number in each
batch, one batch in flight a partition, and a batch that got no answer is sent again as the very same bytes, by which
the broker knows it again. Every batch is acknowledged by all in-sync replicas and compressed with zstd.
"""

from __future__ import annotations

import struct
import time as clock
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from aiokafka.record.util import calc_crc32c
from kafka.client_async import KafkaClient
from kafka.errors import DuplicateSequenceNumberError, KafkaError, NoError, for_code
from kafka.protocol.init_producer_id import InitProducerIdRequest
from kafka.protocol.produce import ProduceRequest
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.structs import TopicPartition

from ioc.errors import IocError, Unreachable
from ioc.events import encode_clock
from ioc.settings import Settings
from producers.report import DeliveryReport, partition_of, too_large
from sinks.topics import ensure_topic

SOURCE = "ioc-producer"
# Uncompressed. Below the broker's usual limit of 1 MiB even if compression gains nothing.
_BATCH_BYTES = 600_000
# Batches waiting or in flight, over all partitions: bounds memory at some 10 MB compressed.
_QUEUED = 64
_ANSWER_SECONDS = 120
_BACKOFF_SECONDS = 0.1
_LAST_SEQUENCE = 2**31


def unreachable(settings: Settings, error: BaseException | str) -> Unreachable:
    """The sentence for a Kafka that does not answer."""
    why = error if isinstance(error, str) else type(error).__name__
    where = ",".join(settings.kafka.bootstrap)
    return Unreachable(f"Kafka at {where} does not answer ({why}); start it with `ioc up` or set IOC_KAFKA.")


def clock_record(time: int) -> bytes:
    """Punctuation for `time` (ms since 1970 UTC)."""
    moment = datetime.fromtimestamp(time / 1000, UTC)
    return encode_clock(id=f"{SOURCE}-{time}", source=SOURCE, time=moment)


class _Builder(DefaultRecordBatchBuilder):  # type: ignore[misc]
    """kafka-python's builder, with the checksum in C: its own takes a quarter of a microsecond a byte."""

    def write_header(self, use_compression_type: bool = True) -> None:
        self.HEADER_STRUCT.pack_into(
            self._buffer, 0, 0, len(self._buffer) - self.AFTER_LEN_OFFSET, 0, self._magic, 0,
            self._get_attributes(use_compression_type), self._last_offset, self._first_timestamp or 0,
            self._max_timestamp or 0, self._producer_id, self._producer_epoch, self._base_sequence, self._num_records,
        )  # fmt: skip
        struct.pack_into(
            ">I", self._buffer, self.CRC_OFFSET, calc_crc32c(memoryview(self._buffer)[self.ATTRIBUTES_OFFSET :])
        )


@dataclass
class _Batch:
    """Bytes as they go to the broker, however often. `counted` leaves out punctuation."""

    data: bytes
    counted: int
    deadline: float
    not_before: float = 0.0


@dataclass
class _Partition:
    """What is on its way to one partition, in order."""

    builder: Any = None
    records: int = 0
    counted: int = 0
    sequence: int = 0
    waiting: deque[_Batch] = field(default_factory=deque)
    in_flight: bool = False


class Delivery:
    """Delivers records in the order given, a partition each. Use it from one thread, as a context manager.

    Raises Unreachable when Kafka does not answer within two minutes, and IocError when it refuses a batch for good.
    """

    def __init__(self, settings: Settings, report: DeliveryReport | None = None) -> None:
        self.report = report or DeliveryReport()
        self._settings = settings
        self._topic = settings.case_topic
        count = ensure_topic(settings).partitions
        self._partitions = [_Partition() for _ in range(count)]
        self._queued = 0
        self._last_error = "no answer"
        try:
            self._client: Any = KafkaClient(
                client_id="ioc-producer", request_timeout_ms=30_000, **settings.kafka.client_options()
            )
            self._client.add_topic(self._topic)
            self._producer_id, self._epoch = self._init_producer_id()
        except KafkaError as error:
            raise unreachable(settings, error) from error

    def __enter__(self) -> Delivery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A lost Kafka was reported already; flushing once more would only wait again.
        if kind is not None and issubclass(kind, IocError):
            self._client.close()
        else:
            self.close()

    def _init_producer_id(self) -> tuple[int, int]:
        deadline = clock.monotonic() + 30
        while True:
            node = self._client.least_loaded_node()
            if node is not None and self._client.await_ready(node, timeout_ms=15_000):
                version = self._client.api_version(InitProducerIdRequest, max_version=1)
                answer = self._client.send_and_receive(node, InitProducerIdRequest[version](None, 60_000))
                error = for_code(answer.error_code)
                if error is NoError:
                    return answer.producer_id, answer.producer_epoch
                if not error.retriable:
                    raise error()
            if clock.monotonic() > deadline:
                raise unreachable(self._settings, "no producer id")
            clock.sleep(_BACKOFF_SECONDS)

    @property
    def unanswered(self) -> int:
        """Batches not yet acknowledged."""
        return self._queued

    def send(self, key: bytes | None, value: bytes | None, row: int = 0) -> None:
        """Takes a record, and blocks while too much is unanswered. `row` is its number in the input, for the report."""
        reason = too_large(key, value)
        if reason is not None:
            self.report.refuse(row, reason)
            return
        self._append(self._partitions[partition_of(key, len(self._partitions))], key, value, 1)

    def send_clock(self, time: int) -> None:
        """Sends punctuation with `time` (ms since 1970 UTC) to every partition, after all records taken before."""
        value = clock_record(time)
        for partition in self._partitions:
            self._append(partition, None, value, 0)
        self.report.clocks += len(self._partitions)

    def _append(self, partition: _Partition, key: bytes | None, value: bytes | None, counted: int) -> None:
        builder = partition.builder
        if builder is None:
            builder = partition.builder = _Builder(
                2, _Builder.CODEC_ZSTD, False, self._producer_id, self._epoch, partition.sequence, 2 * _BATCH_BYTES
            )
        # One time a batch is precise enough where the topic stamps records itself, and saves a system call a record.
        now = builder._first_timestamp or int(clock.time() * 1000)
        builder.append(partition.records, now, key, value, [])
        partition.records += 1
        partition.counted += counted
        if builder.size() >= _BATCH_BYTES:
            self._seal(partition)
            self._pump()

    def _seal(self, partition: _Partition) -> None:
        if partition.builder is None:
            return
        data = bytes(partition.builder.build())
        partition.waiting.append(_Batch(data, partition.counted, clock.monotonic() + _ANSWER_SECONDS))
        partition.sequence = (partition.sequence + partition.records) % _LAST_SEQUENCE
        partition.builder, partition.records, partition.counted = None, 0, 0
        self._queued += 1

    def _pump(self, most: int = _QUEUED) -> None:
        """Sends what may be sent, takes in answers, and blocks while more than `most` batches are unanswered."""
        try:
            self._send_ready()
            self._client.poll(timeout_ms=0)
            while self._queued > most:
                self._send_ready()
                self._client.poll(timeout_ms=50)
                self._check_deadlines()
        except KafkaError as error:
            raise unreachable(self._settings, error) from error

    def _send_ready(self) -> None:
        """One request a broker, one batch a partition."""
        now = clock.monotonic()
        by_node: dict[int, list[int]] = {}
        for number, partition in enumerate(self._partitions):
            if partition.in_flight or not partition.waiting or partition.waiting[0].not_before > now:
                continue
            leader = self._leader(number)
            if leader is None:
                self._client.cluster.request_update()
            elif self._client.is_ready(leader):
                by_node.setdefault(leader, []).append(number)
            else:
                self._client.maybe_connect(leader)
        for node, numbers in by_node.items():
            version = self._client.api_version(ProduceRequest, max_version=7)
            content = [(number, self._partitions[number].waiting[0].data) for number in numbers]
            request = ProduceRequest[version](None, -1, 30_000, [(self._topic, content)])
            for number in numbers:
                self._partitions[number].in_flight = True
            answer = self._client.send(node, request)
            answer.add_callback(self._answered, numbers)
            answer.add_errback(self._unanswered, numbers)

    def _leader(self, number: int) -> int | None:
        leader = self._client.cluster.leader_for_partition(TopicPartition(self._topic, number))
        return None if leader is None or leader == -1 else int(leader)

    def _answered(self, numbers: list[int], response: Any) -> None:
        for _, answers in response.topics:
            for number, code, *_ in answers:
                self._settle(number, for_code(code))

    def _unanswered(self, numbers: list[int], error: BaseException) -> None:
        for number in numbers:
            self._again(number, type(error).__name__)

    def _settle(self, number: int, error: Any) -> None:
        partition = self._partitions[number]
        if error is NoError or error is DuplicateSequenceNumberError:
            partition.in_flight = False
            self.report.delivered += partition.waiting.popleft().counted
            self._queued -= 1
        elif error.retriable:
            self._again(number, error.__name__)
        else:
            partition.waiting[0].deadline = 0.0
            self._last_error = f"{error.__name__}: {error.description}"

    def _again(self, number: int, reason: str) -> None:
        partition = self._partitions[number]
        partition.in_flight = False
        partition.waiting[0].not_before = clock.monotonic() + _BACKOFF_SECONDS
        self._last_error = reason
        self._client.cluster.request_update()

    def _check_deadlines(self) -> None:
        """Raised here and not in a callback, where kafka-python would swallow it."""
        now = clock.monotonic()
        for partition in self._partitions:
            if not partition.waiting or partition.waiting[0].deadline > now:
                continue
            if partition.waiting[0].deadline == 0.0:
                done = self.report.delivered
                raise IocError(
                    f"Kafka refused a batch for {self._topic} after {done} records ({self._last_error}); "
                    "mend that and run the command again: what is there already counts once."
                )
            raise unreachable(self._settings, self._last_error)

    def push(self) -> None:
        """Sends what has been taken without waiting for answers: for live streams, after each moment's records."""
        for partition in self._partitions:
            self._seal(partition)
        self._pump()

    def flush(self) -> None:
        """Blocks until every record taken is acknowledged or refused."""
        for partition in self._partitions:
            self._seal(partition)
        self._pump(most=0)

    def close(self) -> None:
        """Flushes and lets go of the connections."""
        try:
            self.flush()
        finally:
            self._client.close()
