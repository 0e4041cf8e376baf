"""Dead letters: listed by reason, shown to the byte, sent again, never lost."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from ioc.errors import IocError
from sinks import deadletters
from sinks.client import connect
from tests.conftest import Fresh
from tests.sinks.tables import GENERATION, IOC, Event, insert

pytestmark = pytest.mark.stack

GOOD = Event("synced", "05 08:00", id="e1").raw("case-1")
BYTES = b"\xff\x00 no text"


@pytest.fixture
def client(fresh: Fresh) -> Iterator[Any]:
    topic, now = fresh.settings.case_topic, datetime.now(UTC)
    letters = [
        (topic, 0, GENERATION | 7, "not_json", "at byte 0", b"case-1", BYTES, now),
        (topic, 1, GENERATION | 8, "key_mismatch", "other", b"other", GOOD, now),
        (topic, 1, GENERATION | 9, "key_mismatch", "no key", b"", GOOD, now),
        (topic, 1, 2 * GENERATION | 9, "empty", "", b"case-9", b"", now),
    ]
    with connect(fresh.settings.clickhouse) as made:
        insert(made, "dead_letters", letters)
        yield made


def records(fresh: Fresh) -> list[tuple[bytes | None, bytes | None]]:
    consumer = KafkaConsumer(consumer_timeout_ms=5_000, **fresh.settings.kafka.client_options())
    places = [TopicPartition(fresh.settings.case_topic, number) for number in range(fresh.settings.partitions)]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    wanted = sum(consumer.end_offsets(places).values())
    found: list[tuple[bytes | None, bytes | None]] = []
    while len(found) < wanted:
        found += [(one.key, one.value) for batch in consumer.poll(1_000).values() for one in batch]
    consumer.close()
    return found


def test_listed_by_reason_with_filters(client: Any) -> None:
    assert deadletters.counts(client) == {
        "key_mismatch": {"count": 2, "retried": 0},
        "empty": {"count": 1, "retried": 0},
        "not_json": {"count": 1, "retried": 0},
    }
    assert len(deadletters.listed(client)) == 4
    assert len(deadletters.listed(client, limit=3)) == 3
    assert [one.offset for one in deadletters.listed(client, partition=0)] == [7]
    assert {one.offset for one in deadletters.listed(client, reason="key_mismatch")} == {8, 9}
    with pytest.raises(IocError, match="no reason nonsense"):
        deadletters.listed(client, reason="nonsense")


def test_bytes_are_shown_as_they_came(fresh: Fresh, client: Any) -> None:
    letter = deadletters.found(client, 0, 7, fresh.settings.case_topic)
    assert letter.raw == BYTES
    assert letter.document()["raw_hex"] == BYTES.hex()
    assert letter.document()["meaning"] == "the value is not JSON in UTF-8"
    # Of two generations of the topic the newer.
    assert deadletters.found(client, 1, 9, fresh.settings.case_topic).generation == 2
    with pytest.raises(IocError, match="No dead letter lies at partition 1, offset 7"):
        deadletters.found(client, 1, 7, fresh.settings.case_topic)


def test_sent_again_under_the_right_key_and_noted(fresh: Fresh, client: Any) -> None:
    letter = deadletters.found(client, 1, 8, fresh.settings.case_topic)
    with pytest.raises(IocError, match="would be refused again \\(key_mismatch"):
        deadletters.retry(client, fresh.settings, letter)
    assert records(fresh) == []
    deadletters.retry(client, fresh.settings, letter, key=b"case-1")
    assert records(fresh) == [(b"case-1", GOOD)]
    assert deadletters.counts(client)["key_mismatch"] == {"count": 2, "retried": 1}
    again = deadletters.found(client, 1, 8, fresh.settings.case_topic)
    assert (again.raw, again.key) == (letter.raw, letter.key)
    assert again.retried_at is not None
    assert [one.offset for one in deadletters.listed(client, reason="key_mismatch", pending=True)] == [9]


def test_the_command(fresh: Fresh, client: Any, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [*IOC, "deadletters", *arguments]
        return subprocess.run(command, env=fresh.env, capture_output=True, check=False)

    told = json.loads(run("list", "--json", "--partition", "0").stdout)
    assert told["reasons"]["not_json"] == {"count": 1, "retried": 0}
    assert [one["offset"] for one in told["deadletters"]] == [7]
    assert b"key_mismatch" in run("list").stdout
    assert json.loads(run("show", "0", "7", "--json").stdout)["raw_hex"] == BYTES.hex()
    refused = run("retry", "0", "7")
    assert refused.returncode == 2
    assert b"would be refused again (not_json" in refused.stderr
    corrected = tmp_path / "corrected.json"
    corrected.write_bytes(GOOD)
    sent = run("retry", "0", "7", "--edit", str(corrected), "--json")
    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout).keys() == {"partition", "offset"}
    assert records(fresh) == [(b"case-1", GOOD)]
    assert b"cannot be read" in run("retry", "0", "7", "--edit", str(tmp_path / "none")).stderr
