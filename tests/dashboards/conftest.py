"""A wall served from the fake province in a process of its own, and a headless Chromium to look at it."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from dashboards.pictures import browser, chromium_path
from ioc.errors import IocError
from ioc.settings import load_settings

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


def first_line(process: subprocess.Popen[str], seconds: float = START_SECONDS) -> str:
    """The first line on standard output; fails when it does not come."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    assert ready, "the process printed nothing"
    return process.stdout.readline().strip()


class FakeWall:
    """The wall's process; `tell` changes how its source behaves from the next second on."""

    def __init__(self, folder: Path) -> None:
        self._control = folder / "control.json"
        self._errors = (folder / "stderr.txt").open("a")
        self.tell("live")
        self.process = self._start()
        self.url = first_line(self.process)

    def _start(self, *port: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.dashboards.fake_province", str(self._control), *port],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def tell(self, mode: str, **more: Any) -> None:
        draft = self._control.with_suffix(".draft")
        draft.write_text(json.dumps({"mode": mode, **more}))
        draft.replace(self._control)

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=10) as response:
            return bytes(response.read())

    def age(self) -> dict[str, Any]:
        return dict(json.loads(self.get("/api/age")))

    def metric(self, name: str) -> float:
        lines = self.get("/metrics").decode().splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(name + " "))

    def until(self, condition: Callable[[], bool], seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it never came true"
            select.select([], [], [], 0.05)

    def kill(self) -> None:
        """As a crash does."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """On the same port."""
        self.process = self._start(self.url.rsplit(":", 1)[1])
        assert first_line(self.process) == self.url

    def end(self) -> float:
        """SIGTERM; seconds it took to end."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
        finally:
            self._errors.close()
        return time.monotonic() - started


@pytest.fixture
def own_wall(tmp_path: Path) -> Iterator[FakeWall]:
    """A wall of the test's own, for tests that end it or hold its source back for good."""
    wall = FakeWall(tmp_path)
    yield wall
    if wall.process.poll() is None:
        wall.end()


@pytest.fixture(scope="session")
def shared_wall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeWall]:
    wall = FakeWall(tmp_path_factory.mktemp("wall"))
    yield wall
    wall.end()


@pytest.fixture
def fake_wall(shared_wall: FakeWall) -> FakeWall:
    """The shared wall, live again and showing the usual figures."""
    shared_wall.tell("live")
    shared_wall.until(lambda: b'"received":1234,' in shared_wall.get("/api/snapshot"))
    shared_wall.until(lambda: shared_wall.age()["state"] == "live")
    return shared_wall


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless; tests that need it are skipped where it is not installed."""
    named = load_settings().chromium
    try:
        chromium_path(named)
    except IocError as error:
        pytest.skip(str(error))
    with browser(named) as opened:
        yield opened
