"""`ioc demo` from nothing to a figure on the wall, and what it leaves."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.commands import further_parts
from deploy.control import stop_supervisor
from deploy.demo import duration
from ioc.errors import IocError
from tests.deploy.commands import IOC, environment, ioc, processes_on


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    if (tmp_path / "home").exists():
        stop_supervisor(tmp_path / "home")


@pytest.mark.stack
def test_the_demo_shows_a_figure_and_leaves_what_it_found(home: Path) -> None:
    first = ioc(home, "demo", "--for", "1s", "--json")
    assert first.code == 0, first.err
    assert first.document["first_figure_seconds"] > 0
    assert first.document["wall"].startswith("http://127.0.0.1:")
    assert first.document["wall"] in first.err
    assert first.document["events"] > 0
    assert processes_on(home) == []

    assert ioc(home, "up").code == 0
    again = ioc(home, "demo", "--for", "1s", "--json")
    assert again.code == 0, again.err
    assert again.document["events"] >= first.document["events"]
    assert {name: part["state"] for name, part in ioc(home, "status", "--json").parts().items()} == {
        "kafka": "up",
        "store": "up",
    }


@pytest.mark.stack
def test_an_interrupted_demo_leaves_nothing(home: Path) -> None:
    with subprocess.Popen([*IOC, "demo"], env=environment(home), stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not (home / "status.json").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    assert processes_on(home) == []


@pytest.mark.parametrize(("text", "seconds"), [("60", 60), ("60s", 60), ("1.5m", 90), ("2 h", 7200)])
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5s", "5d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(IocError, match="write 60s"):
        duration(text)


def test_parts_named_twice_get_names_of_their_own() -> None:
    assert further_parts("worker, worker,wall") == [("worker", "worker"), ("worker-2", "worker"), ("wall", "wall")]
    with pytest.raises(IocError, match="cannot be supervised"):
        further_parts("verify")
