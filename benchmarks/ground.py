"""A bench's own ground on the running stack: a database, a topic and a group of its own, and processes it ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from prometheus_client.parser import text_string_to_metric_families

from ioc.errors import FoundWrong, IocError
from ioc.settings import Settings, load_settings
from sinks.client import connect

OFFSETS = (1 << 44) - 1


@dataclass(frozen=True, slots=True)
class Ground:
    """Settings for the bench's own names, and the environment that gives a subprocess the same."""

    settings: Settings
    env: dict[str, str]
    client: Any

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts an `ioc` command."""
        return subprocess.Popen([*_command(), *arguments], env=self.env, stdout=subprocess.DEVNULL)

    def run(self, *arguments: str) -> Any:
        """As `run_ioc`, in this environment."""
        return run_ioc(self.env, *arguments)

    def written(self) -> dict[int, int]:
        """Partition -> records written so far."""
        rows = self.client.query("SELECT partition, max(next) FROM progress GROUP BY partition").result_rows
        return {partition: following & OFFSETS for partition, following in rows}


def _command() -> list[str]:
    return [sys.executable, "-c", "from ioc.cli import main; main()"]


def run_ioc(env: dict[str, str], *arguments: str) -> Any:
    """Runs an `ioc` command with --json to its end and returns its document. Raises FoundWrong with its words."""
    done = subprocess.run([*_command(), *arguments, "--json"], env=env, capture_output=True, check=False)
    if done.returncode not in (0, 1) or not done.stdout:
        words = done.stderr.decode(errors="replace")[-500:].strip()
        raise FoundWrong(f"`ioc {' '.join(arguments)}` failed: {words}")
    return orjson.loads(done.stdout)


@contextmanager
def ground(topic: str | None = None) -> Iterator[Ground]:
    """Makes database, topic and group, and drops the database at the end; `topic` names one that exists already."""
    name = uuid.uuid4().hex[:8]
    env = {
        **os.environ,
        "IOC_CLICKHOUSE_DATABASE": f"bench_{name}",
        "IOC_CASE_TOPIC": topic or f"bench-{name}",
        "IOC_GROUP": f"bench-{name}",
    }
    settings = load_settings(env)
    run_ioc(env, "schema", "migrate")
    client = connect(settings.clickhouse)
    try:
        yield Ground(settings, env, client)
    finally:
        client.command(f"DROP DATABASE IF EXISTS bench_{name} SYNC")
        client.close()


@contextmanager
def running(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Ends the process at the end."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def await_that(condition: Callable[[], bool], what: str, process: subprocess.Popen[bytes], seconds: float) -> None:
    """Returns once `condition` holds. Raises IocError when `process` ends before or the time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            raise IocError(f"The process ended with {process.returncode} before {what}; see its messages above.")
        if time.monotonic() > deadline:
            raise IocError(f"Not within {seconds:.0f} s: {what}; run the bench on an idle machine or with less.")
        time.sleep(0.05)


def peak_memory_mb(pid: int) -> float:
    """Greatest resident set of a process so far, MB; 0 where the system does not say."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM")), 0.0)


def cpu_seconds(pid: int) -> float:
    """Processor time a process has used, seconds; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pids(where: Ground) -> dict[str, int]:
    """Part of the local stack -> process id; parts that run elsewhere have none."""
    return {one["name"]: one["pid"] for one in where.run("status")["parts"] if one.get("pid")}


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def scrape(port: int) -> dict[str, float]:
    """Prometheus samples without labels by name."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    return {one.name: one.value for family in families for one in family.samples if not one.labels}
