"""Starting, waiting for, adding to and stopping the supervised stack."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from deploy.home import read_state, supervisor_pid
from deploy.logs import tail
from deploy.parts import Part, PartState, remove_part, write_atomically, write_part
from deploy.processes import dies_with_parent
from ioc.errors import IocError

UP_SECONDS = 180.0
_LOOK_SECONDS = 0.1
# So many ends before a first answer are not bad luck: waiting on would only hide the reason.
_HOPELESS = 4


def start_supervisor(
    home: Path, parts: Iterable[Part], endpoints: dict[str, str], attached: bool
) -> subprocess.Popen[bytes]:
    """Starts the supervisor with `parts` and writes the endpoints other commands read.

    A detached one has a session of its own and stays when the caller ends; an attached one ends with the caller.
    """
    shutil.rmtree(home / "parts", ignore_errors=True)
    (home / "status.json").unlink(missing_ok=True)
    (home / "logs").mkdir(exist_ok=True)
    for part in parts:
        write_part(home / "parts", part)
    with (home / "logs" / "supervisor.err").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.supervise", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=dies_with_parent(os.getpid(), signal.SIGTERM) if attached else None,
        )
    document = {**endpoints, "supervisor_pid": process.pid, "started_at": time.time()}
    write_atomically(home / "endpoints.json", document)
    return process


def wait_until_up(
    home: Path,
    names: Iterable[str],
    tell: Callable[[list[PartState]], None],
    started: subprocess.Popen[bytes] | None = None,
    seconds: float = UP_SECONDS,
) -> None:
    """Returns when every named part is up; `tell` gets the states again and again meanwhile.

    `started` is the supervisor when this process started it.

    Raises IocError when the supervisor ends, a part ends again and again, or time runs out.
    """
    wanted = set(names)
    deadline = time.monotonic() + seconds
    while True:
        state = read_state(home)
        parts = state.parts if state else []
        tell(parts)
        if wanted <= {part.name for part in parts if part.state == "up"}:
            return
        for part in parts:
            if part.name in wanted and part.state != "up" and part.restarts >= _HOPELESS:
                raise IocError(f"{part.name} does not start: {part.remark}. {_last_words(home, part.name)}")
        if state is None and supervisor_pid(home) is None and (started is None or started.poll() is not None):
            words = " ".join(tail(home / "logs" / "supervisor.err", 1))
            raise IocError(f"The supervisor is not running any more: {words or 'see its log'} ({home / 'logs'}).")
        if time.monotonic() > deadline:
            late = ", ".join(sorted(wanted - {part.name for part in parts if part.state == "up"}))
            raise IocError(f"{late} did not come up within {seconds:.0f} s; see the logs in {home / 'logs'}.")
        time.sleep(_LOOK_SECONDS)


def _last_words(home: Path, name: str) -> str:
    words = tail(home / "logs" / f"{name}.log", 1)
    said = f"Its last words: {words[0].strip()[:200]} - s" if words else "S"
    return f"{said}ee {home / 'logs' / name}.log."


def stop_supervisor(home: Path, seconds: float = 60.0) -> bool:
    """Stops the supervisor and with it every part; gives False when there was none.

    SIGTERM first; a supervisor that does not end in time is killed, and the kernel then kills its parts.
    """
    pid = supervisor_pid(home)
    if pid is None:
        return False
    deadline = time.monotonic() + seconds
    number = signal.SIGTERM
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    while supervisor_pid(home) == pid:
        if time.monotonic() > deadline and number != signal.SIGKILL:
            number = signal.SIGKILL
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        time.sleep(_LOOK_SECONDS)
    return True


def remove_parts(home: Path, names: Iterable[str], seconds: float = 60.0) -> None:
    """Stops these parts of a running stack and returns when they are gone; leaves the others alone."""
    unwanted = set(names)
    for name in unwanted:
        remove_part(home / "parts", name)
    deadline = time.monotonic() + seconds
    while (state := read_state(home)) and unwanted & {part.name for part in state.parts}:
        if time.monotonic() > deadline:
            raise IocError(f"{', '.join(sorted(unwanted))} did not stop within {seconds:.0f} s; run `ioc down`.")
        time.sleep(_LOOK_SECONDS)
