"""The life of a real stack: up, used, parts killed, everything killed, up again, down."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from deploy.control import stop_supervisor
from deploy.home import supervisor_pid
from ioc.settings import Settings, load_settings
from tests.deploy.commands import IOC, environment, ioc, processes_on

pytestmark = pytest.mark.stack


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


def settings_of(home: Path) -> Settings:
    return load_settings(environment(home))


def client_of(settings: Settings) -> Any:
    target = settings.clickhouse
    return clickhouse_connect.get_client(
        host=target.host, port=target.port, username=target.user, password=target.password
    )


def leave_a_trace(settings: Settings) -> None:
    """A record and a row that must still be there later."""
    producer = KafkaProducer(**settings.kafka.client_options(), acks="all")
    producer.send(settings.case_topic, value=b"trace", partition=0).get(30)
    producer.close()
    with client_of(settings) as client:
        client.command("CREATE TABLE trace (x UInt8) ENGINE = MergeTree ORDER BY x")
        client.command("INSERT INTO trace VALUES (7)")


def find_the_trace(settings: Settings) -> tuple[bytes | None, int]:
    consumer = KafkaConsumer(**settings.kafka.client_options(), consumer_timeout_ms=20_000)
    place = TopicPartition(settings.case_topic, 0)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    value = next(iter(consumer)).value
    consumer.close()
    with client_of(settings) as client:
        return value, int(client.command("SELECT x FROM trace"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    if (tmp_path / "home").exists():
        stop_supervisor(tmp_path / "home")


def test_the_life_of_a_stack(home: Path) -> None:
    up = ioc(home, "up", "--json")
    assert (up.code, up.document["already_up"]) == (0, False), up.err
    assert {name: part["state"] for name, part in up.parts().items()} == {"kafka": "up", "store": "up"}
    settings = settings_of(home)
    leave_a_trace(settings)

    again = ioc(home, "up")
    assert (again.code, "already up" in again.err) == (0, True)
    before = ioc(home, "status", "--json").parts()

    for name in ("kafka", "store"):
        os.kill(before[name]["pid"], signal.SIGKILL)
    wait_for(lambda: all(part["restarts"] == 1 for part in ioc(home, "status", "--json").parts().values()))
    wait_for(lambda: ioc(home, "status", "--json").code == 0)
    after = ioc(home, "status", "--json").parts()
    for name in ("kafka", "store"):
        assert after[name]["pid"] != before[name]["pid"]
        assert after[name]["address"] == before[name]["address"]
    assert find_the_trace(settings) == (b"trace", 7)

    number = supervisor_pid(home)
    assert number is not None
    os.kill(number, signal.SIGKILL)
    wait_for(lambda: processes_on(home) == [])
    status = ioc(home, "status", "--json")
    assert (status.code, {part["state"] for part in status.document["parts"]}) == (1, {"down"})

    assert ioc(home, "up").code == 0
    settings = settings_of(home)
    assert find_the_trace(settings) == (b"trace", 7)

    down = ioc(home, "down", "--json")
    assert (down.code, down.document) == (0, {"stopped": True})
    assert processes_on(home) == []
    assert not (home / "endpoints.json").exists()
    assert ioc(home, "down", "--json").document == {"stopped": False}


def test_the_foreground_ends_with_everything_stopped(home: Path) -> None:
    with subprocess.Popen([*IOC, "up", "--foreground"], env=environment(home), stderr=subprocess.PIPE) as process:
        wait_for(lambda: ioc(home, "status").code == 0, seconds=120)
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert processes_on(home) == []


def test_an_interrupted_up_leaves_nothing(home: Path) -> None:
    with subprocess.Popen([*IOC, "up"], env=environment(home), stderr=subprocess.PIPE) as process:
        wait_for(lambda: (home / "status.json").exists())
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert processes_on(home) == []


def test_other_clusters_are_asked_and_not_started(home: Path, stack: Settings) -> None:
    target = stack.clickhouse
    others = {
        "IOC_KAFKA": ",".join(stack.kafka.bootstrap),
        "IOC_CLICKHOUSE": f"http://{target.user}:{target.password}@{target.host}:{target.port}",
        "IOC_CLICKHOUSE_DATABASE": "elsewhere",
        "IOC_CASE_TOPIC": "elsewhere.case-events",
    }
    up = ioc(home, "up", "--json", **others)
    assert up.code == 0, up.err
    assert {name: (part["state"], part["external"]) for name, part in up.parts().items()} == {
        "kafka": ("up", True),
        "store": ("up", True),
    }
    assert target.password not in up.out
    admin = KafkaAdminClient(**stack.kafka.client_options())
    assert "elsewhere.case-events" in admin.list_topics()
    admin.close()
    assert not (home / "kafka").exists()
    assert not (home / "store").exists()
    assert ioc(home, "down", **others).code == 0
