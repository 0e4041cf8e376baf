"""Every reason not to start is one sentence, exit code 2, and nothing is left running."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.control import stop_supervisor
from deploy.home import prepare_home
from deploy.kafka.jars import Jars, cached_jars, kafka_version, resolve_jars, verify_digests
from ioc.errors import IocError
from ioc.settings import load_settings
from tests.deploy.commands import Answer, ioc, processes_on


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    if (tmp_path / "home").exists():
        stop_supervisor(tmp_path / "home")


def program(directory: Path, name: str, script: str) -> Path:
    """An executable shell script."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def refused(answer: Answer, home: Path, *words: str) -> None:
    lines = answer.err.strip().splitlines()
    assert answer.code == 2, answer.err
    assert answer.out == ""
    assert lines[-1].startswith("ioc: ")
    for word in words:
        assert word in lines[-1]
    assert processes_on(home) == []


def without(tmp_path: Path, name: str) -> str:
    """A PATH on which everything of ours and of /usr/bin is found but `name`."""
    directory = tmp_path / "path"
    directory.mkdir(exist_ok=True)
    for path in (*Path("/usr/bin").iterdir(), *Path("/bin").iterdir()):
        link = directory / path.name
        if path.name != name and not link.is_symlink():
            link.symlink_to(path)
    return str(directory)


def test_no_java(home: Path, tmp_path: Path) -> None:
    refused(ioc(home, "up", PATH=without(tmp_path, "java"), JAVA_HOME=""), home, "Java is not installed", "IOC_KAFKA")


def test_java_home_without_java(home: Path, tmp_path: Path) -> None:
    refused(ioc(home, "up", JAVA_HOME=str(tmp_path)), home, "JAVA_HOME", "no bin/java")


@pytest.mark.parametrize(("told", "version"), [("11.0.2", "Java 11"), ("1.8.0_292", "Java 8")])
def test_java_too_old(home: Path, tmp_path: Path, told: str, version: str) -> None:
    program(tmp_path / "old" / "bin", "java", f"echo 'openjdk version \"{told}\" 2019-01-15' >&2")
    refused(ioc(home, "up", JAVA_HOME=str(tmp_path / "old")), home, version, "17")


def test_no_maven_is_wrong_only_without_a_cache(home: Path, tmp_path: Path) -> None:
    path = without(tmp_path, "mvn")
    refused(ioc(home, "up", PATH=path, XDG_CACHE_HOME=str(tmp_path / "empty")), home, "Maven (mvn) is not installed")
    resolve_jars(load_settings().cache)
    checks = {check["name"]: check["ok"] for check in ioc(home, "doctor", "--json", PATH=path).document["checks"]}
    assert checks["kafka jars"]


def test_maven_that_cannot_resolve(home: Path, tmp_path: Path) -> None:
    program(tmp_path / "bin", "mvn", "echo '[ERROR] Could not transfer artifact org.apache.kafka:x'; exit 1")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    cache = tmp_path / "empty"
    refused(ioc(home, "up", PATH=path, XDG_CACHE_HOME=str(cache)), home, "Maven could not resolve", "transfer artifact")
    assert list((cache / "ioc-metrics").iterdir()) == []


@pytest.mark.parametrize("variable", ["IOC_KAFKA_PORT", "IOC_STORE_PORT"])
def test_a_fixed_port_that_is_taken(home: Path, variable: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        answer = ioc(home, "up", **{variable: port})
        refused(answer, home, f"Port {port}", variable, "taken")


def test_a_state_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    home = tmp_path / "file" / "home"
    refused(ioc(home, "up"), home, "cannot be written", "IOC_HOME")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=20_000_000))
    with pytest.raises(IocError, match=r"Only 20 MB are free .* make room"):
        prepare_home(tmp_path)


def test_clusters_that_do_not_answer(home: Path) -> None:
    refused(ioc(home, "up", IOC_KAFKA="127.0.0.1:9"), home, "Kafka at 127.0.0.1:9 does not answer", "IOC_KAFKA")
    answer = ioc(home, "up", IOC_CLICKHOUSE="http://127.0.0.1:9")
    refused(answer, home, "ClickHouse at http://127.0.0.1:9 does not answer", "IOC_CLICKHOUSE")
    status = ioc(home, "status", "--json", IOC_CLICKHOUSE="http://127.0.0.1:9")
    assert (status.code, status.parts()["store"]["state"]) == (1, "down")


def test_doctor_names_what_is_missing(home: Path, tmp_path: Path) -> None:
    well = ioc(home, "doctor", "--json")
    assert (well.code, well.document["ok"]) == (0, True)
    ill = ioc(home, "doctor", "--json", JAVA_HOME=str(tmp_path))
    assert (ill.code, ill.document["ok"]) == (1, False)
    assert [check["name"] for check in ill.document["checks"] if not check["ok"]] == ["java"]


def test_a_damaged_cache_is_noticed_and_resolved_anew(tmp_path: Path) -> None:
    """A jar cut short is seen at each start, one of the right length with other bytes by `ioc doctor`."""
    whole = resolve_jars(load_settings().cache)
    directory = tmp_path / f"kafka-{kafka_version()}"
    shutil.copytree(whole.libs.parent, directory)
    copy = cached_jars(tmp_path)
    assert copy == Jars(whole.version, directory / "libs")
    jar = next(iter(sorted((directory / "libs").glob("kafka-clients*.jar"))))
    content = bytearray(jar.read_bytes())
    content[1000] ^= 0xFF
    jar.write_bytes(content)
    assert verify_digests(copy) == [jar.name]
    jar.write_bytes(content[:-1])
    assert cached_jars(tmp_path) is None
