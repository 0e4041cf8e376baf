"""A class archive (JVM class data sharing) for the broker: it halves the time to the first answer and its CPU.

The first broker that runs without one writes it when it ends in order; the next start checks the draft and keeps it.
The archive belongs to one set of jars and one Java, which is in its name; the JVM ignores one that does not fit.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from pathlib import Path

from deploy.kafka.jars import Jars


def archive_options(java: str, jars: Jars) -> list[str]:
    """JVM options that use the archive, or have it written at the end of this run; none when it cannot be kept."""
    directory = jars.libs.parent
    archive = directory / f"broker-{_identity(java)}.jsa"
    if not archive.exists():
        for draft in directory.glob(f"{archive.name}.draft-*"):
            _adopt(draft, archive, java, jars)
    if archive.exists():
        return [f"-XX:SharedArchiveFile={archive}"]
    if not os.access(directory, os.W_OK):
        return []
    # The process keeps its id when it becomes the JVM, so the name tells whether the writer still lives.
    return [f"-XX:ArchiveClassesAtExit={archive}.draft-{os.getpid()}"]


def _identity(java: str) -> str:
    runtime = os.stat(os.path.realpath(java))
    return hashlib.sha256(f"{os.path.realpath(java)} {runtime.st_size} {runtime.st_mtime_ns}".encode()).hexdigest()[:12]


def _adopt(draft: Path, archive: Path, java: str, jars: Jars) -> None:
    writer = int(draft.name.rpartition("-")[2])
    if Path(f"/proc/{writer}").exists():
        return
    # With -Xshare:on a JVM refuses to start on an archive that is cut short or does not fit.
    command = [java, "-Xshare:on", f"-XX:SharedArchiveFile={draft}", "-cp", jars.classpath, "-version"]
    usable = subprocess.run(command, capture_output=True).returncode == 0
    with contextlib.suppress(FileNotFoundError):
        if usable:
            draft.replace(archive)
        else:
            draft.unlink()
