"""The `ioc` command as a process of its own, on a state directory of a test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IOC = (sys.executable, "-c", "from ioc.cli import main; main()")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command ended with."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    def parts(self) -> dict[str, dict[str, Any]]:
        """The parts of `up --json` or `status --json` by name."""
        return {part["name"]: part for part in self.document["parts"]}


def environment(home: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "IOC_HOME": str(home), **more}


def ioc(home: Path, *arguments: str, **more: str) -> Answer:
    done = subprocess.run(
        [*IOC, *arguments], env=environment(home, **more), capture_output=True, text=True, timeout=240
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def processes_on(home: Path) -> list[str]:
    """Command lines of living processes that name `home`, those of this test process apart."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(home) in words:
            found.append(words)
    return found
