"""Starting and ending processes so that none outlives the one that answers for it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
# Loaded here, before any fork: nothing may be imported or loaded between fork and exec.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def dies_with_parent(parent: int, number: int = signal.SIGKILL) -> Callable[[], None]:
    """For `preexec_fn`: the kernel sends `number` to the child when `parent` dies, however it dies (Linux)."""

    def prepare() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, number)
            # The parent may have died before the line above took effect.
            if os.getppid() != parent:
                os._exit(125)

    return prepare


def start(
    command: Sequence[str], environment: Mapping[str, str], output: int | IO[bytes], directory: Path
) -> subprocess.Popen[bytes]:
    """Starts a child in a process group of its own that dies with this process; no input, one stream of output."""
    return subprocess.Popen(
        list(command),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=directory,
        process_group=0,
        preexec_fn=dies_with_parent(os.getpid()),
    )


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Signals the child and what it started; does nothing when they are gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
