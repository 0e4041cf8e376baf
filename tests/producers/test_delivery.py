"""Delivery to the real Kafka: everything once, in order, where every other client would put it."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
from collections import defaultdict
from datetime import datetime
from typing import Any

import msgspec
import orjson
import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.partitioner.default import DefaultPartitioner

from ioc.errors import Unreachable
from ioc.facts import Punctuation, decode
from ioc.local_time import LOCAL_ZONE
from ioc.settings import KafkaSettings, Settings, load_settings
from producers.delivery import Delivery
from producers.oracle import Oracle
from producers.province import ProvinceConfig, simulate
from producers.report import LARGEST_RECORD
from producers.traps import USUAL_TRAPS, Record, with_traps

START = datetime(2026, 1, 5, tzinfo=LOCAL_ZONE)


def log(settings: Settings) -> dict[int, list[Any]]:
    """Every record of the case topic by partition, in order of offset."""
    consumer = KafkaConsumer(**settings.kafka.client_options())
    parts = [TopicPartition(settings.case_topic, number) for number in range(settings.partitions)]
    consumer.assign(parts)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(parts)
    found: dict[int, list[Any]] = defaultdict(list)
    while any(consumer.position(part) < ends[part] for part in parts):
        for part, records in consumer.poll(timeout_ms=1_000).items():
            found[part.partition].extend(records)
    consumer.close()
    return found


def records_with_traps(events: int) -> list[Record]:
    config = ProvinceConfig(start=START, seed=11, events=events, cases_per_day=400)
    return list(with_traps(simulate(config), USUAL_TRAPS, Oracle()))


@pytest.mark.stack
def test_every_record_arrives_once_in_order_at_its_partition(fresh: Any) -> None:
    settings: Settings = fresh.settings
    records = records_with_traps(15_000)
    with Delivery(settings) as delivery:
        for number, record in enumerate(records, 1):
            delivery.send(record.key, record.value, number)
    assert delivery.report.delivered == len(records)
    assert delivery.report.refused_count == 0
    partitioner = DefaultPartitioner()
    numbers = list(range(settings.partitions))
    expected: dict[int, list[tuple[bytes | None, bytes | None]]] = defaultdict(list)
    for record in records:
        part = 0 if record.key is None else partitioner(record.key, numbers, numbers)
        expected[part].append((record.key, record.value))
    found = log(settings)
    assert {part: [(one.key, one.value) for one in of_part] for part, of_part in found.items()} == expected
    assert [one.offset for one in found[1]] == list(range(len(found[1])))


@pytest.mark.stack
def test_punctuation_reaches_every_partition_after_what_was_taken_before(fresh: Any) -> None:
    settings: Settings = fresh.settings
    records = records_with_traps(500)
    with Delivery(settings) as delivery:
        for record in records:
            delivery.send(record.key, record.value)
        delivery.send_clock(1_767_600_000_000)
        delivery.push()
        delivery.send(b"after", b"{}")
    assert delivery.report.clocks == settings.partitions
    found = log(settings)
    assert len(found) == settings.partitions
    for of_part in found.values():
        clocks = [place for place, one in enumerate(of_part) if isinstance(decode(one.key, one.value), Punctuation)]
        assert len(clocks) == 1
        assert [one.key for one in of_part[clocks[0] + 1 :]] in ([], [b"after"])


@pytest.mark.stack
def test_a_record_that_is_too_large_is_refused_by_row_and_the_others_arrive(fresh: Any) -> None:
    with Delivery(fresh.settings) as delivery:
        delivery.send(b"a", b"x", 1)
        delivery.send(b"b", b"x" * (LARGEST_RECORD + 1), 2)
        delivery.send(b"c", b"x" * (LARGEST_RECORD - 1), 3)
    assert [(one.row, "900002 bytes" in one.reason) for one in delivery.report.refused] == [(2, True)]
    assert delivery.report.delivered == 2
    assert sum(len(one) for one in log(fresh.settings).values()) == 2


@pytest.mark.stack
def test_a_batch_sent_again_for_want_of_an_answer_counts_once(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answers are lost, so the same bytes go out twice; the broker must know them again."""
    settings: Settings = fresh.settings
    delivery = Delivery(settings)
    answered = delivery._answered
    lost: list[list[int]] = []

    def lose_some(numbers: list[int], response: Any) -> None:
        if len(lost) < 3:
            lost.append(numbers)
            delivery._unanswered(numbers, ConnectionError("lost"))
        else:
            answered(numbers, response)

    monkeypatch.setattr(delivery, "_answered", lose_some)
    records = records_with_traps(2_000)
    for record in records:
        delivery.send(record.key, record.value)
    delivery.close()
    assert len(lost) == 3
    assert delivery.report.delivered == len(records) == sum(len(one) for one in log(settings).values())


@pytest.mark.stack
def test_ctrl_c_delivers_what_was_taken_and_says_so(fresh: Any) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "from ioc.cli import main; main()", "simulate", "--live", "--rate", "200", "--json"],
        env=fresh.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    consumer = KafkaConsumer(**fresh.settings.kafka.client_options())
    parts = [TopicPartition(fresh.settings.case_topic, number) for number in range(fresh.settings.partitions)]
    while sum(consumer.end_offsets(parts).values()) < 21_000:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    summary = orjson.loads(output)
    assert summary["interrupted"]
    assert summary["delivered"] == summary["sent"] == sum(consumer.end_offsets(parts).values())
    consumer.close()


def test_a_kafka_that_does_not_answer_is_one_sentence() -> None:
    settings = dataclasses.replace(load_settings({}), kafka=KafkaSettings(("127.0.0.1:1",)))
    with pytest.raises(Unreachable, match=r"Kafka at 127\.0\.0\.1:1 does not answer .* `ioc up`"):
        Delivery(settings)


def test_punctuation_is_of_the_contract() -> None:
    from producers.delivery import clock_record

    read = decode(None, clock_record(1_767_600_000_123))
    assert read == Punctuation(1_767_600_000_123)
    assert msgspec.json.decode(clock_record(0))["source"] == "ioc-producer"
