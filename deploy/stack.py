"""The local stack as parts: which of Kafka and the store are ours to run, with which commands and ports."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass

from deploy.home import last_endpoints
from deploy.kafka.jars import resolve_jars
from deploy.kafka.java import find_java
from deploy.parts import Health, Part
from deploy.ports import choose_port
from ioc.errors import IocError
from ioc.settings import USUAL_CLICKHOUSE, USUAL_KAFKA, Settings

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Stack:
    """Parts to run and the endpoints other commands will read; an external part is in neither."""

    parts: tuple[Part, ...]
    endpoints: dict[str, str]


def local_stack(settings: Settings, tell: Callable[[str], None]) -> Stack:
    """Checks and prepares what the local parts need (Java, jars, engine) and chooses their ports.

    `tell` is called with what takes long. Raises IocError with what is missing.
    """
    taken: set[int] = set()
    last = last_endpoints(settings.home)
    parts: list[Part] = []
    endpoints: dict[str, str] = {}
    if not settings.external_kafka:
        java = find_java(settings.java_home)
        tell("Kafka's jars")
        resolve_jars(settings.cache)
        preferred = _ports(last.get("kafka"), USUAL_KAFKA)
        port = choose_port("Kafka", "IOC_KAFKA_PORT", settings.kafka_port, preferred, taken)
        controller = choose_port("Kafka's controller", "IOC_KAFKA_PORT", None, [port + 1], taken)
        parts.append(_kafka_part(settings, java, port, controller))
        endpoints["kafka"] = f"{HOST}:{port}"
    if not settings.external_clickhouse:
        if importlib.util.find_spec("chdb") is None:
            raise IocError(
                "The embedded ClickHouse engine (chdb) is not installed; install ioc-metrics[local] or set "
                "IOC_CLICKHOUSE to a server."
            )
        preferred = _ports(last.get("clickhouse"), USUAL_CLICKHOUSE)
        port = choose_port("the store", "IOC_STORE_PORT", settings.store_port, preferred, taken)
        parts.append(_store_part(settings, port))
        endpoints["clickhouse"] = f"http://{HOST}:{port}"
    return Stack(tuple(parts), endpoints)


def _ports(*addresses: object) -> list[int]:
    return [int(address.rpartition(":")[2]) for address in addresses if isinstance(address, str)]


def _kafka_part(settings: Settings, java: str, port: int, controller_port: int) -> Part:
    command = (sys.executable, "-m", "deploy.kafka", "--home", str(settings.home), "--cache", str(settings.cache))
    ports = ("--port", str(port), "--controller-port", str(controller_port))
    return Part(
        name="kafka",
        command=(*command, "--java", java, *ports),
        health=Health(kind="kafka", host=HOST, port=port),
        # Unclean logs are read again at start, which can take a minute for some gigabytes.
        start_seconds=180,
        stop_seconds=20,
        base=True,
    )


def _store_part(settings: Settings, port: int) -> Part:
    return Part(
        name="store",
        command=(sys.executable, "-m", "deploy.store", "--home", str(settings.home), "--port", str(port)),
        # A store under full load still answers within seconds; killing it for being busy would make things worse.
        health=Health(kind="http", host=HOST, port=port, path="/health", timeout_seconds=15),
        start_seconds=180,
        stop_seconds=15,
        base=True,
    )


def ioc_part(settings: Settings, name: str, *arguments: str, health: Health | None = None, early: bool = False) -> Part:
    """One of our own commands as a part, on this stack's state directory: `ioc_part(s, "worker", "worker")`."""
    return Part(
        name=name,
        command=(sys.executable, "-c", "from ioc.cli import main; main()", *arguments),
        health=health or Health(kind="alive"),
        environment={"IOC_HOME": str(settings.home)},
        early=early,
    )
