"""What `ioc doctor` checks: everything the stack needs from this machine or from the clusters it is pointed at."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from deploy.external import check_clickhouse, check_kafka
from deploy.home import prepare_home, supervisor_pid
from deploy.kafka.jars import cached_jars, verify_digests
from deploy.kafka.java import find_java, find_maven, java_version
from deploy.ports import is_free
from ioc.errors import IocError
from ioc.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, whether it is as it should be, and one sentence."""

    name: str
    ok: bool
    told: str

    def row(self) -> dict[str, object]:
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Runs every check that applies; never raises for what it looks for."""
    return [_finding(name, check) for name, check in _checks(settings)]


def _finding(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except IocError as error:
        return Finding(name, False, str(error))


def _checks(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "python", _python
    yield "state directory", lambda: _home(settings)
    if settings.external_kafka:
        yield "kafka", lambda: check_kafka(settings)
    else:
        yield "java", lambda: _java(settings)
        yield "kafka jars", lambda: _jars(settings)
        yield "kafka port", lambda: _port(settings, settings.kafka_port, "IOC_KAFKA_PORT")
    if settings.external_clickhouse:
        yield "clickhouse", lambda: check_clickhouse(settings)
    else:
        yield "engine", _engine
        yield "store port", lambda: _port(settings, settings.store_port, "IOC_STORE_PORT")


def _python() -> str:
    return f"{sys.executable}, {sys.version.split()[0]}"


def _home(settings: Settings) -> str:
    prepare_home(settings.home)
    pid = supervisor_pid(settings.home)
    return f"{settings.home}, {'supervised by process ' + str(pid) if pid else 'nothing running'}"


def _java(settings: Settings) -> str:
    java = find_java(settings.java_home)
    return f"{java}, version {java_version(java)}"


def _jars(settings: Settings) -> str:
    jars = cached_jars(settings.cache)
    if jars is None:
        return f"not cached yet; {find_maven()} will resolve them at the first `ioc up`"
    wrong = verify_digests(jars)
    if wrong:
        raise IocError(f"{wrong[0]} in {jars.libs} is damaged; remove that directory and run `ioc up`.")
    return f"{jars.libs}, complete"


def _engine() -> str:
    if importlib.util.find_spec("chdb") is None:
        raise IocError("chdb is not installed; install ioc-metrics[local] or set IOC_CLICKHOUSE to a server.")
    return "chdb is installed"


def _port(settings: Settings, port: int | None, variable: str) -> str:
    if port is None:
        return "chosen at start"
    if supervisor_pid(settings.home) is None and not is_free(port):
        raise IocError(f"Port {port} ({variable}) is taken; free it or name another one.")
    return f"{port} ({variable})"
