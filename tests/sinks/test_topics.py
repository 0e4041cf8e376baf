"""The case topic: made once with its settings, checked ever after, told apart from one made anew."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from ioc.errors import IocError, Unreachable
from ioc.settings import KafkaSettings
from sinks.client import connect
from sinks.topics import TOPIC_CONFIG, admin, describe, ensure_topic, generation, register, topic_id
from tests.conftest import Fresh

pytestmark = pytest.mark.stack


def test_it_is_made_once_with_its_settings(fresh: Fresh) -> None:
    settings = fresh.settings
    first = ensure_topic(settings)
    assert first.partitions == settings.partitions
    assert ensure_topic(settings) == first
    assert topic_id(settings, settings.case_topic) == first.id
    with admin(settings) as client:
        answer = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, settings.case_topic)])
    told = {entry[0]: entry[1] for entry in answer[0].resources[0][4]}
    assert {name: told[name] for name in TOPIC_CONFIG} == TOPIC_CONFIG


def test_another_number_of_partitions_is_refused(fresh: Fresh) -> None:
    have = ensure_topic(fresh.settings).partitions
    with pytest.raises(IocError, match=f"has {have} partitions, the settings say 99; set IOC_PARTITIONS={have}"):
        ensure_topic(replace(fresh.settings, partitions=99))


def test_a_topic_made_anew_is_the_next_generation(fresh: Fresh) -> None:
    settings = fresh.settings
    ensure_topic(settings)
    with connect(settings.clickhouse) as client:
        assert [generation(client, settings, settings.case_topic) for _ in range(2)] == [1, 1]
        old = topic_id(settings, settings.case_topic)
        with admin(settings) as kafka:
            kafka.delete_topics([settings.case_topic])
            deadline = time.monotonic() + 30
            while describe(kafka, settings.case_topic) is not None and time.monotonic() < deadline:
                time.sleep(0.05)
        assert ensure_topic(settings).id != old
        assert generation(client, settings, settings.case_topic) == 2
        assert register(client, settings, settings.case_topic, old) == 1
        assert register(client, settings, "another", old) == 1


def test_a_missing_topic_and_a_missing_broker_are_one_sentence(fresh: Fresh) -> None:
    with pytest.raises(IocError, match="Kafka has no topic nowhere; create it"):
        topic_id(fresh.settings, "nowhere")
    with pytest.raises(Unreachable, match=r"Kafka at 127\.0\.0\.1:1 does not answer"):
        ensure_topic(replace(fresh.settings, kafka=KafkaSettings(("127.0.0.1:1",))))
