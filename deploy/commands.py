"""The commands `ioc up`, `down`, `status` and `doctor`."""

from __future__ import annotations

import signal
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.bring_up import bring_up
from deploy.control import stop_supervisor
from deploy.doctor import examine
from deploy.home import one_at_a_time, release_endpoints, supervisor_pid
from deploy.report import describe
from deploy.stack import ioc_part
from ioc.errors import IocError
from ioc.output import REMARKS, print_json
from ioc.settings import Settings, load_settings

# Commands that run until they are stopped and need no further options.
SUPERVISED = frozenset({"worker", "wall"})

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def up(
    with_: Annotated[str, typer.Option("--with", help="Further commands to supervise: worker,worker,wall")] = "",
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay; Ctrl-C stops everything.")] = False,
    json: JsonOption = False,
) -> None:
    """Starts the local stack and waits until it is healthy and its schema is in place."""
    settings = load_settings()
    extras = [ioc_part(settings, name, command) for name, command in further_parts(with_)]
    already = bring_up(settings, extras, attached=foreground)
    settings = load_settings()
    report = describe(settings)
    if json:
        print_json({"already_up": already, **report})
    else:
        REMARKS.print("It is already up." if already else "Up.")
        _print_parts(report["parts"])
    if foreground and not already:
        _stay(settings)


def further_parts(text: str) -> list[tuple[str, str]]:
    """Names and commands in `worker,worker,wall`: ("worker", "worker"), ("worker-2", "worker"), ("wall", "wall")."""
    parts: list[tuple[str, str]] = []
    for command in (word.strip() for word in text.split(",") if word.strip()):
        if command not in SUPERVISED:
            raise IocError(f"--with {command} cannot be supervised; name any of {', '.join(sorted(SUPERVISED))}.")
        number = sum(command == before for _, before in parts) + 1
        parts.append((command if number == 1 else f"{command}-{number}", command))
    return parts


def down(json: JsonOption = False) -> None:
    """Stops the local stack and everything supervised with it."""
    settings = load_settings()
    if not settings.home.exists():
        stopped = False
    else:
        with one_at_a_time(settings.home):
            stopped = stop_supervisor(settings.home)
            release_endpoints(settings.home)
    if json:
        print_json({"stopped": stopped})
    else:
        REMARKS.print("Stopped." if stopped else "Nothing was running.")


def status(json: JsonOption = False) -> None:
    """Lists the parts; exit code 1 when one of them is not up."""
    report = describe(load_settings())
    if json:
        print_json(report)
    else:
        _print_parts(report["parts"])
    if any(part["state"] != "up" for part in report["parts"]):
        raise typer.Exit(1)


def doctor(json: JsonOption = False) -> None:
    """Checks what this machine needs; exit code 1 when something is missing."""
    findings = examine(load_settings())
    if json:
        print_json({"ok": all(finding.ok for finding in findings), "checks": [finding.row() for finding in findings]})
    else:
        for finding in findings:
            REMARKS.print(f"{'ok     ' if finding.ok else 'MISSING'}  {finding.name}: {finding.told}", markup=False)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _print_parts(parts: list[dict[str, object]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "state", "address", "pid", "age", "restarts", ""):
        table.add_column(heading)
    for part in parts:
        age = "" if part["age_seconds"] is None else f"{part['age_seconds']:.0f} s"
        remark = "external" if part["external"] else str(part["remark"])
        cells = (part["name"], part["state"], part["address"] or "", part["pid"] or "", age, part["restarts"], remark)
        table.add_row(*(str(cell) for cell in cells))
    Console(highlight=False).print(table)


def _stay(settings: Settings) -> None:
    """Waits in the foreground until interrupted or the supervisor ends; then stops everything."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while supervisor_pid(settings.home) is not None:
            time.sleep(0.5)
        raise IocError(f"The supervisor ended by itself; see {settings.home / 'logs' / 'supervisor.log'}.")
    except KeyboardInterrupt:
        REMARKS.print("Stopping …")
    finally:
        stop_supervisor(settings.home)
        release_endpoints(settings.home)
