"""The store of this room's tests: one process a session, one database a test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.deploy.store_process import StoreProcess


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    started = StoreProcess(tmp_path_factory.mktemp("store"))
    started.start()
    yield started
    started.end()


@pytest.fixture
def database(store: StoreProcess) -> Iterator[str]:
    name = f"t_{uuid.uuid4().hex[:8]}"
    with store.client() as client:
        client.command(f"CREATE DATABASE {name}")
        yield name
        client.command(f"DROP DATABASE {name} SYNC")
