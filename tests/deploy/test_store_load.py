"""Many at once, clients that go away, and a store that is killed."""

from __future__ import annotations

import http.client
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.deploy.store_process import StoreProcess

# About a minute of one core: far longer than anything that must not wait for it.
LONG = "SELECT sum(sipHash64(number)) FROM numbers(4000000000) SETTINGS max_threads = 1"


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def long_ones(client: Any) -> int:
    """Statements like LONG that are running now."""
    query = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%processes%'"
    return int(client.query(query).first_row[0])


@contextmanager
def asked_and_left_open(store: StoreProcess, statement: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", store.port)
    named = {"user": "ioc", "password": store.password("ioc")}
    connection.request("POST", f"/?{urlencode(named)}", statement.encode())
    try:
        yield connection
    finally:
        connection.close()


def test_a_client_that_goes_away_takes_its_statement_along(store: StoreProcess) -> None:
    with store.client() as client:
        with asked_and_left_open(store, LONG):
            wait_for(lambda: long_ones(client) == 1)
            # Meanwhile others are answered.
            assert client.query("SELECT 1").first_row == (1,)
        wait_for(lambda: long_ones(client) == 0)


def test_writers_and_readers_at_once_lose_nothing(store: StoreProcess, database: str) -> None:
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - a failure in a thread must fail the test
            failures.append(error)

    def write(number: int) -> None:
        with store.client(database=database) as client:
            for batch in range(5):
                first = number * 1_000_000 + batch * 1000
                client.insert("c", [[first + i, "x" * 20] for i in range(1000)], ["id", "text"])

    def read() -> None:
        with store.client("ioc_reader", database=database) as client:
            seen = 0
            for _ in range(20):
                count = int(client.query("SELECT count() FROM c").first_row[0])
                assert count >= seen
                assert count % 1000 == 0
                seen = count

    with store.client(database=database) as client:
        client.command("CREATE TABLE c (id UInt64, text String) ENGINE = MergeTree ORDER BY id")
        works: list[Callable[[], None]] = [lambda n=n: write(n) for n in range(4)]  # type: ignore[misc]
        threads = [threading.Thread(target=guarded, args=(work,)) for work in [*works, read, read]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert client.query("SELECT count(), uniqExact(id) FROM c").first_row == (20_000, 20_000)


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[StoreProcess]:
    started = StoreProcess(tmp_path)
    started.start()
    yield started
    assert started.process is not None
    if started.process.poll() is None:
        started.end(signal.SIGKILL)


def test_what_was_acknowledged_survives_sigkill(own_store: StoreProcess) -> None:
    with own_store.client() as client:
        client.command("CREATE DATABASE d")
        client.command("CREATE TABLE d.k (id UInt64) ENGINE = MergeTree ORDER BY id")
        client.command("CREATE TABLE in_default (id UInt64) ENGINE = MergeTree ORDER BY id")
        client.insert("in_default", [[1]], ["id"])
    acknowledged = 0

    def write() -> None:
        nonlocal acknowledged
        with own_store.client() as client:
            while True:
                try:
                    client.insert("d.k", [[acknowledged + i] for i in range(100)], ["id"])
                except Exception:  # noqa: BLE001 - whatever the client raises when its server dies ends the writing
                    return
                acknowledged += 100

    writer = threading.Thread(target=write)
    writer.start()
    wait_for(lambda: acknowledged >= 1000)
    own_store.end(signal.SIGKILL)
    writer.join()
    (own_store.home / "store" / "tmp" / "left-behind").write_bytes(b"x")

    own_store.start()
    with own_store.client() as client:
        present = int(client.query("SELECT uniqExact(id) FROM d.k").first_row[0])
        # The insert that was under way may have arrived although its acknowledgement did not.
        assert acknowledged <= present <= acknowledged + 100
        assert client.query("SELECT id FROM in_default").result_rows == [(1,)]
    assert not (own_store.home / "store" / "tmp" / "left-behind").exists()


def test_it_stops_in_order_with_statements_running(own_store: StoreProcess) -> None:
    with own_store.client() as client, asked_and_left_open(own_store, LONG):
        wait_for(lambda: long_ones(client) == 1)
        assert own_store.end() == 0
