"""The Kafka topic of case events: made once, checked ever after, and told apart from one made anew.

A topic that was deleted and created again starts its offsets from 0, so an offset alone orders nothing. Kafka gives
each topic an id; its place in the order of first sight is the *generation* that stands before the offset in a version.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError, for_code

from ioc.errors import IocError, Unreachable
from ioc.settings import Settings
from sinks.client import Client, guarded
from sinks.topic_metadata import request_for

UNKNOWN_TOPIC = 3
_DAY_MS = 86_400_000

TOPIC_CONFIG = {
    # State is rebuilt from ClickHouse; Kafka must only outlast a long outage or a long holiday (Tết) unattended.
    "retention.ms": str(14 * _DAY_MS),
    "cleanup.policy": "delete",
    # As the producer compressed it, so that the broker never unpacks a batch.
    "compression.type": "producer",
    # A sender's clock may be wrong; the broker's is what data age and retention are measured by.
    "message.timestamp.type": "LogAppendTime",
}


@dataclass(frozen=True, slots=True)
class Topic:
    """What Kafka says of a topic: its id (UUID text) and number of partitions."""

    name: str
    id: str
    partitions: int


@contextmanager
def admin(settings: Settings) -> Iterator[Any]:
    """A kafka-python admin client. Raises Unreachable when no broker answers."""
    where = ",".join(settings.kafka.bootstrap)
    client: Any = None
    try:
        client = KafkaAdminClient(client_id="ioc-metrics", request_timeout_ms=15_000, **settings.kafka.client_options())
        yield client
    except KafkaError as error:
        raise Unreachable(
            f"Kafka at {where} does not answer ({type(error).__name__}); start it with `ioc up` or set IOC_KAFKA."
        ) from error
    finally:
        if client is not None:
            client.close()


def describe(client: Any, topic: str) -> Topic | None:
    """The topic as Kafka knows it, None when there is none. `client` is an admin client."""
    found = client.send_request(request_for(topic)).topics[0]
    error_code, name, topic_id, _, partitions, *_ = found
    if error_code == UNKNOWN_TOPIC:
        return None
    if error_code:
        raise for_code(error_code)(topic)
    if topic_id == uuid.UUID(int=0):
        raise IocError(f"Kafka gives topic {topic} no id; upgrade its brokers and metadata to 3.0 or newer.")
    return Topic(str(name), str(topic_id), len(partitions))


def ensure_topic(settings: Settings) -> Topic:
    """Creates the case topic where it is missing and returns it.

    Raises IocError when it exists with another number of partitions, for that number decides where a case lies.
    """
    with admin(settings) as client:
        topic = describe(client, settings.case_topic)
        if topic is None:
            _create(client, settings)
            topic = _await(client, settings.case_topic)
    if topic is None:
        raise Unreachable(f"Kafka accepted topic {settings.case_topic} but does not show it; run the command again.")
    if topic.partitions != settings.partitions:
        raise IocError(
            f"Topic {topic.name} has {topic.partitions} partitions, the settings say {settings.partitions}; "
            f"set IOC_PARTITIONS={topic.partitions}, or name another topic in IOC_CASE_TOPIC."
        )
    return topic


def _await(client: Any, topic: str, seconds: float = 15.0) -> Topic | None:
    """The topic once brokers show it: creation is acknowledged before it has reached their metadata."""
    deadline = time.monotonic() + seconds
    while (found := describe(client, topic)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _create(client: Any, settings: Settings) -> None:
    # Replication factor -1 takes the cluster's default: 1 locally, 3 in production.
    new = NewTopic(settings.case_topic, settings.partitions, -1, topic_configs=TOPIC_CONFIG)
    try:
        client.create_topics([new], timeout_ms=15_000)
    except TopicAlreadyExistsError:
        return  # Another command made it in the meantime; the caller checks what it is like.


def topic_id(settings: Settings, topic: str) -> str:
    """Kafka's id of a topic as UUID text. Raises IocError when there is no such topic."""
    with admin(settings) as client:
        found = describe(client, topic)
    if found is None:
        raise IocError(f"Kafka has no topic {topic}; create it with `ioc schema migrate`.")
    return found.id


def generation(client: Client, settings: Settings, topic: str) -> int:
    """The topic's generation: 1 for the first id seen under its name, one more for each new id.

    Registers an id seen for the first time. Two workers that do so at once write the same row.
    """
    return register(client, settings, topic, topic_id(settings, topic))


def register(client: Client, settings: Settings, topic: str, id: str) -> int:
    """The generation of a topic id, registering it where it is new."""
    table = f"`{settings.clickhouse.database}`.topics"
    asked = f"""SELECT minIf(generation, topic_id = {{id:String}}), countIf(topic_id = {{id:String}}), max(generation)
                FROM {table} WHERE topic = {{topic:String}}"""
    parameters = {"topic": topic, "id": id}

    def run() -> int:
        own, known, greatest = client.query(asked, parameters=parameters).result_rows[0]
        if known:
            return int(own)
        client.insert(
            "topics",
            [[topic, id, int(greatest) + 1, datetime.now(UTC)]],
            column_names=["topic", "topic_id", "generation", "first_seen"],
            database=settings.clickhouse.database,
        )
        return int(client.query(asked, parameters=parameters).result_rows[0][0])

    return guarded(run, settings.clickhouse)


def produce_one(settings: Settings, topic: str, key: bytes | None, value: bytes | None) -> tuple[int, int]:
    """Sends one record, waits for every in-sync replica, and returns its (partition, offset)."""
    where = ",".join(settings.kafka.bootstrap)
    producer: Any = None
    try:
        producer = KafkaProducer(acks="all", max_block_ms=15_000, **settings.kafka.client_options())
        sent = producer.send(topic, key=key, value=value).get(timeout=30)
        return int(sent.partition), int(sent.offset)
    except (KafkaError, KafkaTimeoutError) as error:
        raise Unreachable(f"Kafka at {where} did not take the record ({type(error).__name__}); try again.") from error
    finally:
        if producer is not None:
            producer.close(timeout=5)
