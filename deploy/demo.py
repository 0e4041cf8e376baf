"""`ioc demo`: stack, worker, a live simulated province and the wall with one command."""

from __future__ import annotations

import re
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import orjson
import typer

from deploy.bring_up import bring_up
from deploy.control import remove_parts, stop_supervisor
from deploy.home import read_state, release_endpoints, supervisor_pid
from deploy.parts import Health, Part
from deploy.ports import choose_port
from deploy.stack import HOST, ioc_part
from ioc.errors import IocError
from ioc.output import REMARKS, print_json
from ioc.settings import USUAL_WALL_PORT, Settings, load_settings

# Longer than this and something is broken rather than slow.
_FIRST_FIGURE_SECONDS = 120.0
_LOOK_SECONDS = 0.2
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the wall says of itself: events stored, and whether any figure is on it."""

    events: int
    first_figure: bool


def demo(
    for_: Annotated[str, typer.Option("--for", help="End by itself after this long: 60s, 5m.")] = "",
    rate: Annotated[float, typer.Option(help="Events a second of the simulated province.")] = 20.0,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output at the end.")] = False,
) -> None:
    """Runs until Ctrl-C, or for the time given; what was not running before is stopped at the end."""
    began = time.monotonic()
    until = began + duration(for_) if for_ else None
    settings = load_settings()
    parts = demo_parts(settings, rate)
    wall = parts[-1].health.address or ""
    with _interruptible(), _running(settings, parts):
        first = _wait_for_figure(settings, wall, began)
        REMARKS.print(f"The wall: {wall}  (first figure after {first:.1f} s; Ctrl-C stops the demo)", soft_wrap=True)
        try:
            _stay(settings, until)
        except KeyboardInterrupt:
            if until is not None:
                raise
        events = _last_count(wall)
        REMARKS.print("Stopping …")
    if json:
        print_json({"first_figure_seconds": round(first, 1), "wall": wall, "events": events})


@contextmanager
def _running(settings: Settings, parts: list[Part]) -> Iterator[None]:
    """The stack with `parts`; at the end everything that this started is stopped, whatever happened."""
    before = supervisor_pid(settings.home) is not None
    try:
        bring_up(settings, parts, attached=not before)
        yield
    finally:
        if before:
            remove_parts(settings.home, [part.name for part in parts])
        else:
            stop_supervisor(settings.home)
            release_endpoints(settings.home)


def duration(text: str) -> float:
    """Seconds of `60`, `60s`, `5m` or `1h`; raises IocError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if match is None:
        raise IocError(f"--for {text} is not a duration; write 60s, 5m or 1h.")
    return float(match.group(1)) * _UNITS[match.group(2)]


def demo_parts(settings: Settings, rate: float) -> list[Part]:
    """What the demo adds to the stack; the wall, which can start before anything else answers, comes last."""
    port = choose_port("the wall", "the wall's port", None, [USUAL_WALL_PORT], set())
    wall = Health(kind="http", host=HOST, port=port, path="/healthz")
    return [
        ioc_part(settings, "worker", "worker"),
        ioc_part(settings, "simulate", "simulate", "--live", "--rate", f"{rate:g}"),
        ioc_part(settings, "wall", "wall", "--port", str(port), health=wall, early=True),
    ]


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does, so that whoever stops it leaves nothing behind."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _ask_wall(wall: str) -> Shown | None:
    try:
        with urllib.request.urlopen(f"{wall}/api/age", timeout=5) as answer:
            loaded = orjson.loads(answer.read())
        return Shown(int(loaded.get("events") or 0), bool(loaded.get("first_figure")))
    except (urllib.error.URLError, OSError, orjson.JSONDecodeError):
        return None


def _wait_for_figure(settings: Settings, wall: str, began: float) -> float:
    """Seconds from `began` until the wall shows a figure that is not nothing; raises IocError when none comes."""
    with REMARKS.status("Waiting for the first figure …"):
        while time.monotonic() < began + _FIRST_FIGURE_SECONDS:
            shown = _ask_wall(wall)
            if shown is not None and shown.first_figure:
                return time.monotonic() - began
            _all_well(settings)
            time.sleep(_LOOK_SECONDS)
    raise IocError(
        f"No figure came to the wall within {_FIRST_FIGURE_SECONDS:.0f} s; see the logs in {settings.home / 'logs'}."
    )


def _stay(settings: Settings, until: float | None) -> None:
    while until is None or time.monotonic() < until:
        _all_well(settings)
        time.sleep(_LOOK_SECONDS if until is None else min(_LOOK_SECONDS, max(0.0, until - time.monotonic())))


def _all_well(settings: Settings) -> None:
    """A part that restarts is the supervisor's business; a supervisor that is gone ends the demo."""
    if read_state(settings.home) is None and supervisor_pid(settings.home) is None:
        raise IocError(f"The stack was stopped meanwhile; see {settings.home / 'logs' / 'supervisor.log'}.")


def _last_count(wall: str) -> int:
    shown = _ask_wall(wall)
    return shown.events if shown is not None else 0
