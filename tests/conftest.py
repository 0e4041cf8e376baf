"""Fixtures every room shares: a running local stack, and names of one's own on it.

`stack` starts a real Kafka and a real store once a session, on a temporary state directory; it ends with the session,
and with the test process if that is killed. `fresh` gives a database, a topic and a group that no other test touches.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import clickhouse_connect
import pytest

from deploy.bring_up import bring_up, migrate
from deploy.control import stop_supervisor
from ioc.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Fresh:
    """Settings for names of one's own, and the environment that gives a subprocess the same settings."""

    settings: Settings
    env: dict[str, str]


@pytest.fixture(scope="session", autouse=True)
def own_environment() -> Iterator[None]:
    """No `IOC_*` variable of the developer's shell reaches a test: it might name a real cluster."""
    patch = pytest.MonkeyPatch()
    for name in [name for name in os.environ if name.startswith("IOC_")]:
        patch.delenv(name)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, own_environment: None) -> Iterator[Settings]:
    """Settings of a running local stack of this session's own."""
    home = tmp_path_factory.mktemp("stack")
    environment = {**os.environ, "IOC_HOME": str(home)}
    try:
        bring_up(load_settings(environment), [], attached=True)
        yield load_settings(environment)
    finally:
        stop_supervisor(home)


@pytest.fixture
def fresh(stack: Settings) -> Iterator[Fresh]:
    """A migrated database, a topic and a group of this test's own on the session's stack."""
    name = uuid.uuid4().hex[:10]
    environment = {
        **os.environ,
        "IOC_HOME": str(stack.home),
        "IOC_CLICKHOUSE_DATABASE": f"test_{name}",
        "IOC_CASE_TOPIC": f"test-{name}.case-events",
        "IOC_GROUP": f"test-{name}",
    }
    settings = load_settings(environment)
    migrate(settings, environment)
    yield Fresh(settings, environment)
    client = clickhouse_connect.get_client(
        host=stack.clickhouse.host,
        port=stack.clickhouse.port,
        username=stack.clickhouse.user,
        password=stack.clickhouse.password,
    )
    with client:
        client.command(f"DROP DATABASE IF EXISTS test_{name} SYNC")
