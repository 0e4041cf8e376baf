"""The state directory: its locks, who supervises it, what it may be refused for."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from deploy.parts import SupervisorState
from ioc.errors import IocError

NEEDED_FREE_BYTES = 1_000_000_000


def prepare_home(home: Path) -> None:
    """Makes the directory and shows that it can be used; raises IocError for permissions and a full disk."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe = home / ".probe"
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        raise IocError(
            f"The state directory {home} cannot be written ({error.strerror}); mend its permissions or set IOC_HOME."
        ) from error
    free = shutil.disk_usage(home).free
    if free < NEEDED_FREE_BYTES:
        raise IocError(
            f"Only {free / 1e6:.0f} MB are free on the disk of {home}, {NEEDED_FREE_BYTES / 1e6:.0f} MB are needed; "
            "make room or set IOC_HOME to another disk."
        )


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield True
    finally:
        os.close(handle)


@contextmanager
def hold_supervisor_lock(home: Path) -> Iterator[bool]:
    """Holds the lock that says "this directory is supervised"; gives False when another process holds it."""
    deadline = time.monotonic() + 2
    while True:
        with _held(home / "supervisor.lock") as held:
            # Somebody who only looks whether it is held holds it for an instant himself.
            if held or time.monotonic() > deadline:
                yield held
                return
        time.sleep(0.05)


@contextmanager
def one_at_a_time(home: Path) -> Iterator[None]:
    """Holds the lock of commands that start or stop the stack; raises IocError when another one runs."""
    with _held(home / "command.lock") as held:
        if not held:
            raise IocError(f"Another `ioc up` or `ioc down` is at work on {home}; wait for it to end.")
        yield


def supervisor_pid(home: Path) -> int | None:
    """Process id of the living supervisor, None when there is none."""
    path = home / "supervisor.lock"
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        # A shared lock is only refused while the supervisor holds its exclusive one.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(path.read_text("ascii") or 0) or None
    else:
        return None
    finally:
        os.close(handle)


def read_state(home: Path) -> SupervisorState | None:
    """What the living supervisor last wrote; None when none lives or it has not written yet."""
    pid = supervisor_pid(home)
    if pid is None:
        return None
    try:
        state = msgspec.json.decode((home / "status.json").read_bytes(), type=SupervisorState)
    except FileNotFoundError:
        return None
    return state if state.pid == pid else None


def last_endpoints(home: Path) -> dict[str, object]:
    """The endpoints file as it stands, empty when there is none or it cannot be read as one."""
    try:
        loaded = json.loads((home / "endpoints.json").read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def release_endpoints(home: Path) -> None:
    """Forgets what a supervisor that ends in order leaves behind: addresses, wanted parts, state."""
    (home / "endpoints.json").unlink(missing_ok=True)
    (home / "status.json").unlink(missing_ok=True)
    shutil.rmtree(home / "parts", ignore_errors=True)
