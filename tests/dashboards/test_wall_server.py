"""The wall's process without a browser: endpoints, states, metrics, the command's promises."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.dashboards.conftest import ROOT, FakeWall, first_line

# Two on a machine at rest; a call that is waited for would take an hour.
PROMPT_SECONDS = 8


def test_age_and_snapshot(fake_wall: FakeWall) -> None:
    age = fake_wall.age()
    assert age.keys() == {"events", "first_figure", "age_seconds", "state"}
    assert (age["events"], age["first_figure"], age["state"]) == (1_204_331, True, "live")
    assert 1.0 <= age["age_seconds"] < 10
    document = json.loads(fake_wall.get("/api/snapshot"))
    assert document["snapshot"]["province"]["received"] == 1_234
    assert (document["state"], document["error"]) == ("live", None)
    assert 0 <= document["taken_seconds_ago"] < 10


def test_health_and_metrics(fake_wall: FakeWall) -> None:
    assert json.loads(fake_wall.get("/healthz")) == {"status": "ok"}
    assert fake_wall.metric("ioc_wall_snapshot_seconds_count") >= 1
    assert fake_wall.metric("ioc_wall_snapshot_failures_total") >= 0
    assert 1.0 <= fake_wall.metric("ioc_wall_data_age_seconds") < 10
    assert fake_wall.metric("ioc_wall_page_clients") >= 0


def test_states_follow_the_source(fake_wall: FakeWall) -> None:
    since = datetime.now(UTC) - timedelta(minutes=5)
    fake_wall.tell("stopped", since=since.isoformat())
    fake_wall.until(lambda: fake_wall.age()["state"] == "stale")
    assert fake_wall.age()["age_seconds"] >= 300
    failures = fake_wall.metric("ioc_wall_snapshot_failures_total")
    fake_wall.tell("away")
    fake_wall.until(lambda: fake_wall.age()["state"] == "away")
    assert fake_wall.metric("ioc_wall_snapshot_failures_total") > failures
    assert fake_wall.age()["first_figure"]
    assert "ioc up" in json.loads(fake_wall.get("/api/snapshot"))["error"]
    fake_wall.tell("empty")
    fake_wall.until(lambda: fake_wall.age()["state"] == "stale")
    assert fake_wall.age()["age_seconds"] is None
    assert not fake_wall.age()["first_figure"]
    fake_wall.tell("live")
    fake_wall.until(lambda: fake_wall.age()["state"] == "live")


def test_ends_promptly_even_while_the_source_hangs(own_wall: FakeWall) -> None:
    own_wall.until(lambda: own_wall.age()["state"] == "live")
    own_wall.tell("hanging")
    own_wall.until(lambda: own_wall.age()["state"] == "away")
    assert own_wall.end() < PROMPT_SECONDS
    assert own_wall.process.returncode in {0, -signal.SIGTERM}


def command(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """`ioc wall` with a ClickHouse that is not there."""
    return subprocess.Popen(
        [sys.executable, "-c", "from ioc.cli import main; main()", "wall", *arguments],
        cwd=ROOT,
        env={**os.environ, "IOC_HOME": str(home), "IOC_CLICKHOUSE": "http://127.0.0.1:9"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_tells_its_address_and_ends_cleanly(tmp_path: Path) -> None:
    (tmp_path / "endpoints.json").write_text('{"kafka": "127.0.0.1:19092"}')
    process = command(tmp_path, "--json")
    try:
        head = first_line(process)
        assert process.stdout is not None
        document = json.loads(head + process.stdout.readline() + process.stdout.readline())
        endpoints = json.loads((tmp_path / "endpoints.json").read_text())
        assert endpoints == {"kafka": "127.0.0.1:19092", **document}
        host, port = document["wall"].removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 5):
            pass
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
        assert time.monotonic() - started < PROMPT_SECONDS
        assert process.returncode == 0
        assert out == ""
        assert json.loads((tmp_path / "endpoints.json").read_text()) == {"kafka": "127.0.0.1:19092"}
    finally:
        process.kill()
        process.communicate()


def test_a_named_port_that_is_taken_ends_the_command_with_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        out, errors = command(tmp_path, "--port", port).communicate(timeout=60)
    assert out == ""
    assert errors.strip().splitlines() == [
        f"ioc: Port {port} on 127.0.0.1 is taken by another program; give another with --port, "
        "or none to get a free one."
    ]


def test_a_picture_needs_a_running_wall(tmp_path: Path) -> None:
    process = command(tmp_path, "--picture", str(tmp_path / "wall.png"))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.strip() == f"ioc: No wall runs in {tmp_path}; start one with `ioc wall`."
