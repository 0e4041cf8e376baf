"""What an exactness run needs: a feed that knows the truth, workers that can be killed, figures as written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import orjson
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import NoBrokersAvailable

from ioc.errors import IocError
from ioc.local_time import LOCAL_ZONE
from ioc.settings import Settings
from producers.delivery import Delivery
from producers.oracle import Oracle
from producers.province import ProvinceConfig, simulate
from producers.traps import TrapConfig, clean, with_traps
from sinks.client import connect

START = datetime(2026, 1, 5, tzinfo=LOCAL_ZONE)
OFFSETS = (1 << 44) - 1
HOUR_MS = 3_600_000

Figures = dict[tuple[str, str, str], int]


def await_that(condition: Callable[[], Any], what: str, seconds: float = 180.0) -> None:
    """Returns once `condition` holds; fails naming `what` when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)


def feed(settings: Settings, events: int, traps: TrapConfig | None) -> Oracle:
    """Sends a simulated province's events, with hourly punctuation from their own time; what came of them is known."""
    oracle = Oracle()
    province = simulate(ProvinceConfig(start=START, seed=7, events=events))
    records = clean(province, oracle) if traps is None else with_traps(province, traps, oracle)
    reached = 0
    with Delivery(settings) as delivery:
        for record in records:
            if record.time // HOUR_MS > reached:
                reached = record.time // HOUR_MS
                delivery.send_clock(reached * HOUR_MS)
            delivery.send(record.key, record.value)
        delivery.flush()
    return oracle


class Feeding(threading.Thread):
    """A feed under way; `oracle` is complete after `join`."""

    def __init__(self, settings: Settings, events: int, traps: TrapConfig | None) -> None:
        super().__init__(daemon=True)
        self._arguments = settings, events, traps
        self.oracle = Oracle()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Feeds, and keeps what went wrong for the test to see."""
        try:
            self.oracle = feed(*self._arguments)
        except BaseException as error:  # noqa: BLE001 - raised in the test's own thread by `done`
            self.error = error

    def done(self) -> Oracle:
        """Waits for the end of the feed."""
        self.join()
        if self.error is not None:
            raise self.error
        return self.oracle


class Crew:
    """Workers as processes of the real command."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env
        self.running: list[subprocess.Popen[bytes]] = []

    def hire(self) -> None:
        """Starts one more worker."""
        command = [sys.executable, "-c", "from ioc.cli import main; main()", "worker", "--clock", "log"]
        self.running.append(
            subprocess.Popen([*command, "--tick", "3600"], env=self._env, stdout=subprocess.DEVNULL, stderr=sys.stderr)
        )

    def kill(self) -> None:
        """SIGKILLs the longest-serving worker and starts another in its place."""
        victim = self.running.pop(0)
        victim.kill()
        victim.wait()
        self.hire()

    def dismiss(self) -> None:
        """Stops the longest-serving worker as an operator would; it must end cleanly."""
        leaving = self.running.pop(0)
        leaving.terminate()
        assert leaving.wait(timeout=60) == 0

    def replace_dead(self) -> None:
        """Does what a supervisor does: a worker that gave up on an outage is started again."""
        for one in list(self.running):
            if one.poll() is not None:
                self.running.remove(one)
                self.hire()


@contextmanager
def crew(env: dict[str, str], size: int = 1) -> Iterator[Crew]:
    """Workers for the length of a test."""
    workers = Crew(env)
    try:
        for _ in range(size):
            workers.hire()
        yield workers
    finally:
        for one in workers.running:
            one.kill()
            one.wait()


def query(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query."""
    with connect(settings.clickhouse) as client:
        return list(client.query(sql).result_rows)


def written(settings: Settings) -> int:
    """Records written so far; 0 while ClickHouse is away."""
    try:
        rows = query(settings, "SELECT partition, max(next) FROM progress GROUP BY partition")
    except IocError:
        return 0
    return sum(following & OFFSETS for _, following in rows)


def sent(settings: Settings) -> int:
    """Records in the topic."""
    consumer = _consumer(settings)
    try:
        partitions = [TopicPartition(settings.case_topic, number) for number in range(settings.partitions)]
        return sum(consumer.end_offsets(partitions).values())
    finally:
        consumer.close()


def _consumer(settings: Settings) -> Any:
    """A consumer, waited for while the broker comes back from being killed."""
    found: list[Any] = []

    def answers() -> bool:
        try:
            found.append(KafkaConsumer(**settings.kafka.client_options()))
        except NoBrokersAvailable:
            return False
        return True

    await_that(answers, "Kafka answers")
    return found[0]


def await_written(settings: Settings, workers: Crew) -> None:
    """Returns once everything sent has been written."""
    total = sent(settings)

    def all_written() -> bool:
        workers.replace_dead()
        return written(settings) == total

    await_that(all_written, f"{total} records written")


def figures(settings: Settings) -> Figures:
    """(measure, local day, agency) -> sum over cells, without zeros."""
    rows = query(
        settings,
        "SELECT measure, toString(toDate(bucket)) AS day, agency, sum(value) AS total FROM cells FINAL "
        "GROUP BY measure, day, agency HAVING total != 0",
    )
    return {(measure, day, agency): total for measure, day, agency, total in rows}


def cases(settings: Settings) -> dict[str, tuple[Any, ...]]:
    """case id -> what its row says, without version and facts."""
    rows = query(
        settings,
        "SELECT case_id, agency, service, channel, status, submitted_ms, accepted_ms, due_ms, closed_ms, waited_ms, "
        "supplements FROM cases FINAL",
    )
    return {case_id: tuple(rest) for case_id, *rest in rows}


def stocks(settings: Settings) -> Figures:
    """(measure, agency, service) -> latest stock summed over partitions, without zeros."""
    rows = query(
        settings,
        "SELECT measure, agency, service, sum(latest) AS total FROM (SELECT measure, agency, service, partition, "
        "argMax(value, version) AS latest FROM stocks GROUP BY ALL) GROUP BY ALL HAVING total != 0",
    )
    return {(measure, agency, service): total for measure, agency, service, total in rows}


def dead_letters(settings: Settings) -> dict[str, int]:
    """reason -> records refused."""
    return dict(query(settings, "SELECT reason, count() FROM dead_letters FINAL GROUP BY reason"))  # type: ignore[arg-type]


def verify(env: dict[str, str]) -> dict[str, Any]:
    """What `ioc verify --json` prints."""
    run = subprocess.run(
        [sys.executable, "-c", "from ioc.cli import main; main()", "verify", "--json"],
        env=env,
        capture_output=True,
        check=False,
    )
    assert run.stdout, run.stderr.decode()
    document: dict[str, Any] = orjson.loads(run.stdout)
    assert (run.returncode == 0) == (document["differences"] == 0)
    return document


def pid_of(env: dict[str, str], part: str) -> int:
    """Process id of a part of the local stack."""
    run = subprocess.run(
        [sys.executable, "-c", "from ioc.cli import main; main()", "status", "--json"],
        env=env,
        capture_output=True,
        check=False,
    )
    parts = orjson.loads(run.stdout)["parts"]
    return next(int(one["pid"]) for one in parts if one["name"] == part)


def kill_part(env: dict[str, str], part: str) -> None:
    """SIGKILLs Kafka or the store; the supervisor starts it again."""
    os.kill(pid_of(env, part), signal.SIGKILL)
