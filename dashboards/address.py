"""Where the wall listens, and how the other commands find it: a bound socket and a key in `endpoints.json`."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ioc.errors import IocError
from ioc.settings import USUAL_WALL_PORT

KEY = "wall"
EVERYWHERE = frozenset({"0.0.0.0", "::", ""})


def listen(host: str, port: int | None) -> socket.socket:
    """A listening socket: on `port`, which must be free, or for None on the usual port, a free one when that is taken.

    Raises IocError when the host is not this machine's or the port named is taken.
    """
    if port is not None:
        return _bind(host, port)
    try:
        return _bind(host, USUAL_WALL_PORT)
    except PortTaken:
        return _bind(host, 0)


class PortTaken(IocError):
    """Another program listens there."""


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(128)
    except OverflowError as error:
        sock.close()
        raise IocError(f"{port} is not a port; give one from 1 to 65535 with --port, or leave it out.") from error
    except OSError as error:
        sock.close()
        if isinstance(error, PermissionError):
            raise IocError(f"Port {port} needs an administrator's rights; give --port one above 1023.") from error
        if isinstance(error, socket.gaierror) or error.errno == 99:
            raise IocError(f"{host} is no address of this machine; give --host one that is.") from error
        raise PortTaken(
            f"Port {port} on {host} is taken by another program; give another with --port, or none to get a free one."
        ) from error
    return sock


def url_of(sock: socket.socket) -> str:
    """The address to open in a browser on this machine: `http://127.0.0.1:8060`."""
    host, port = sock.getsockname()[:2]
    if host in EVERYWHERE:
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def publish(home: Path, url: str) -> None:
    """Sets `wall` in `<home>/endpoints.json`; other keys are kept, and no reader ever sees half a file.

    Raises IocError when the state directory cannot be written.
    """
    with _endpoints(home) as endpoints:
        endpoints[KEY] = url


def withdraw(home: Path, url: str) -> None:
    """Takes `wall` out again if it is still `url`; a wall started later keeps its own."""
    if not (home / "endpoints.json").exists():
        return
    with _endpoints(home) as endpoints:
        if endpoints.get(KEY) == url:
            del endpoints[KEY]


@contextmanager
def _endpoints(home: Path) -> Iterator[dict[str, object]]:
    """The file's object, to change in place; written back by renaming, under a lock that walls share."""
    path = home / "endpoints.json"
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (home / "endpoints.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            endpoints = _read(path)
            before = dict(endpoints)
            yield endpoints
            if endpoints != before:
                _replace(path, endpoints)
    except OSError as error:
        raise IocError(
            f"{path} cannot be written ({error.strerror}); run as its owner or set IOC_HOME elsewhere."
        ) from error


def _read(path: Path) -> dict[str, object]:
    try:
        loaded = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise IocError(f"{path} is not valid JSON; run `ioc down` and `ioc up` to have it written anew.") from error
    return loaded if isinstance(loaded, dict) else {}


def _replace(path: Path, endpoints: dict[str, object]) -> None:
    if not endpoints:
        path.unlink(missing_ok=True)
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(endpoints, indent=2) + "\n", "utf-8")
    draft.replace(path)
