"""Ports and the endpoints file."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.address import listen, publish, url_of, withdraw
from ioc.errors import IocError
from ioc.settings import USUAL_WALL_PORT


@pytest.fixture
def taken() -> Iterator[int]:
    """A port somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_named_port_that_is_taken_is_an_error(taken: int) -> None:
    with pytest.raises(IocError, match=f"Port {taken} on 127.0.0.1 is taken"):
        listen("127.0.0.1", taken)


def test_the_usual_port_gives_way(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.address.USUAL_WALL_PORT", taken)
    with listen("127.0.0.1", None) as sock:
        assert sock.getsockname()[1] not in {taken, USUAL_WALL_PORT, 0}


@pytest.mark.parametrize(("host", "port"), [("203.0.113.7", 0), ("no.such.host.invalid", 0), ("127.0.0.1", 70_000)])
def test_wrong_addresses_are_named(host: str, port: int) -> None:
    with pytest.raises(IocError, match=f"{host}|{port}"):
        listen(host, port)


def test_an_address_for_everyone_is_told_as_this_machine() -> None:
    with listen("0.0.0.0", 0) as sock:
        assert url_of(sock) == f"http://127.0.0.1:{sock.getsockname()[1]}"


def test_endpoints_keep_other_keys(tmp_path: Path) -> None:
    file = tmp_path / "endpoints.json"
    file.write_text(json.dumps({"kafka": "127.0.0.1:19092", "supervisor_pid": 7}))
    publish(tmp_path, "http://127.0.0.1:8060")
    assert json.loads(file.read_text()) == {
        "kafka": "127.0.0.1:19092",
        "supervisor_pid": 7,
        "wall": "http://127.0.0.1:8060",
    }
    withdraw(tmp_path, "http://127.0.0.1:8060")
    assert json.loads(file.read_text()) == {"kafka": "127.0.0.1:19092", "supervisor_pid": 7}


def test_a_later_wall_keeps_its_address(tmp_path: Path) -> None:
    publish(tmp_path, "http://127.0.0.1:1")
    publish(tmp_path, "http://127.0.0.1:2")
    withdraw(tmp_path, "http://127.0.0.1:1")
    assert json.loads((tmp_path / "endpoints.json").read_text()) == {"wall": "http://127.0.0.1:2"}


def test_a_wall_alone_leaves_no_endpoints_behind(tmp_path: Path) -> None:
    home = tmp_path / "not" / "yet"
    publish(home, "http://127.0.0.1:1")
    withdraw(home, "http://127.0.0.1:1")
    withdraw(home, "http://127.0.0.1:1")
    assert not (home / "endpoints.json").exists()


def test_no_reader_sees_half_a_file(tmp_path: Path) -> None:
    file = tmp_path / "endpoints.json"
    file.write_text(json.dumps({"filler": "x" * 20_000}))
    done = threading.Event()

    def write() -> None:
        for n in range(100):
            publish(tmp_path, f"http://127.0.0.1:{n}")
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert "filler" in json.loads(file.read_text())
    writer.join()


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "endpoints.json").write_text("{")
    with pytest.raises(IocError, match=r"endpoints\.json is not valid JSON"):
        publish(tmp_path, "http://127.0.0.1:1")
