"""Bringing the stack up: checks, parts, health, schema. A failure on the way leaves nothing running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from rich.status import Status

from deploy.control import start_supervisor, stop_supervisor, wait_until_up
from deploy.external import check_clickhouse, check_kafka
from deploy.home import one_at_a_time, prepare_home, release_endpoints, supervisor_pid
from deploy.parts import Part, PartState, write_part
from deploy.stack import local_stack
from deploy.store.users import ensure_passwords
from ioc.errors import IocError
from ioc.output import REMARKS
from ioc.settings import Settings

_MIGRATE_SECONDS = 120


def bring_up(settings: Settings, extras: Sequence[Part], attached: bool) -> bool:
    """Returns when Kafka and ClickHouse answer, the schema is in place and `extras` are up; True if it was up before.

    `attached` binds the supervisor's life to this process. Raises IocError naming what failed; what this call started
    is stopped again then, also on Ctrl-C.
    """
    prepare_home(settings.home)
    with ExitStack() as stack:
        stack.enter_context(one_at_a_time(settings.home))
        progress = stack.enter_context(REMARKS.status("Starting …"))
        if supervisor_pid(settings.home) is not None:
            _add(settings, extras, progress)
            return True
        try:
            _start(settings, extras, attached, progress)
        except BaseException:
            stop_supervisor(settings.home)
            release_endpoints(settings.home)
            raise
        return False


def _start(settings: Settings, extras: Sequence[Part], attached: bool, progress: Status) -> None:
    if settings.external_kafka:
        progress.update("Asking Kafka …")
        check_kafka(settings)
    if settings.external_clickhouse:
        progress.update("Asking ClickHouse …")
        check_clickhouse(settings)
    local = local_stack(settings, lambda what: progress.update(f"{what} …"))
    if not settings.external_clickhouse:
        ensure_passwords(settings.passwords_file)
    early = [part for part in extras if part.early]
    started = start_supervisor(settings.home, [*local.parts, *early], local.endpoints, attached)
    wait_until_up(settings.home, [part.name for part in local.parts], _shown(progress), started)
    progress.update("Schema and topics …")
    migrate(settings)
    _add(settings, extras, progress)


def _add(settings: Settings, extras: Sequence[Part], progress: Status) -> None:
    for part in extras:
        write_part(settings.home / "parts", part)
    names = [path.stem for path in (settings.home / "parts").glob("*.json")]
    wait_until_up(settings.home, names, _shown(progress))


class _shown:
    """Keeps a progress line current with the states of the parts."""

    def __init__(self, progress: Status) -> None:
        self._progress = progress

    def __call__(self, parts: list[PartState]) -> None:
        self._progress.update("  ".join(f"{part.name}: {part.state}" for part in parts) or "Starting …")


def migrate(settings: Settings, environment: dict[str, str] | None = None) -> dict[str, object]:
    """Runs `ioc schema migrate` (database, tables, topics) as its own process and gives what it reports.

    `environment` is added to ours. Raises IocError with its own sentence when it fails.
    """
    command = [sys.executable, "-c", "from ioc.cli import main; main()", "schema", "migrate", "--json"]
    given = {**os.environ, "IOC_HOME": str(settings.home), **(environment or {})}
    try:
        done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=_MIGRATE_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise IocError(f"`ioc schema migrate` did not end within {_MIGRATE_SECONDS} s; see the store's log.") from error
    if done.returncode != 0:
        words = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        raise IocError(f"`ioc schema migrate` failed: {words[-1].removeprefix('ioc: ')}")
    loaded = json.loads(done.stdout or "{}")
    return loaded if isinstance(loaded, dict) else {}
