"""What a supervised part is: its command, how its health is asked, how it is stopped and started again."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How a part shows that it works.

    `kafka` asks the broker for a group's coordinator, `http` GETs `path` and wants status 200, `alive` only wants the
    process to live. A part is up at its first answer and is killed after `strikes` failures in a row.
    """

    kind: Literal["kafka", "http", "alive"]
    host: str = "127.0.0.1"
    port: int = 0
    path: str = "/"
    timeout_seconds: float = 5.0
    interval_seconds: float = 2.0
    strikes: int = 4

    @property
    def address(self) -> str | None:
        """`host:port` for Kafka, a URL for HTTP, None for a part that serves nothing."""
        if self.kind == "alive":
            return None
        return f"{self.host}:{self.port}" if self.kind == "kafka" else f"http://{self.host}:{self.port}"


class Restart(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds before a dead part starts again: doubled from `first` to `longest`, `first` again once it was steady."""

    first_seconds: float = 0.2
    longest_seconds: float = 15.0
    steady_seconds: float = 30.0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One supervised process. `environment` is added to the supervisor's own.

    A `base` part stops last; an `early` one bears that the base parts do not answer yet, and starts with them.
    """

    name: str
    command: tuple[str, ...]
    health: Health
    restart: Restart = Restart()
    environment: dict[str, str] = {}
    base: bool = False
    early: bool = False
    start_seconds: float = 60.0
    stop_seconds: float = 10.0


class PartState(msgspec.Struct, kw_only=True):
    """What `status` tells of a part: state `starting`, `up`, `restarting`, `stopping`; `since` is Unix seconds."""

    name: str
    address: str | None = None
    state: str = "starting"
    pid: int | None = None
    since: float = 0.0
    restarts: int = 0
    remark: str = ""


class SupervisorState(msgspec.Struct, kw_only=True):
    """The supervisor's own view, written to `<home>/status.json` at each change."""

    pid: int
    started_at: float
    parts: list[PartState] = []


def write_atomically(path: Path, document: object) -> None:
    """Writes `document` as JSON so that a reader sees the old file or the new one, never half of it."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    draft.replace(path)


def write_part(directory: Path, part: Part) -> None:
    """Asks the supervisor watching `directory` to run `part`, or to run it as it is described now."""
    directory.mkdir(parents=True, exist_ok=True)
    write_atomically(directory / f"{part.name}.json", part)


def read_parts(directory: Path) -> dict[str, Part]:
    """Parts wanted now, by name. A file that disappears while being read is not wanted any more."""
    parts: dict[str, Part] = {}
    for path in sorted(directory.glob("*.json")):
        try:
            part = msgspec.json.decode(path.read_bytes(), type=Part)
        except FileNotFoundError:
            continue
        parts[part.name] = part
    return parts


def remove_part(directory: Path, name: str) -> None:
    """Asks the supervisor watching `directory` to stop a part."""
    (directory / f"{name}.json").unlink(missing_ok=True)
