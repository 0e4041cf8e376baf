"""Numbered migrations of the ClickHouse schema, recorded with checksums in `schema_migrations`.

A migration is SQL text with placeholders, so that one file serves one node and a replicated cluster. Each of its
statements must be harmless when run again (IF [NOT] EXISTS): a migration that was cut off is run once more from its
start, and two commands that migrate at once do no harm.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ioc.errors import IocError
from ioc.settings import ClickHouseSettings
from sinks.client import Client, connect, guarded

MIGRATIONS = Path(__file__).parent / "migrations"
_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_CLUSTER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,126}")

_RECORD = """CREATE TABLE IF NOT EXISTS {db}.schema_migrations {on_cluster} (
    number UInt32,
    name String,
    checksum FixedString(64),
    applied_at DateTime64(3, 'UTC')
) ENGINE = {replacing} ORDER BY number"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `number` from 1 without gaps, `checksum` the SHA-256 of its text in hex."""

    number: int
    name: str
    checksum: str
    sql: str


@dataclass(frozen=True, slots=True)
class Status:
    """`applied` and `pending` are migration numbers in order."""

    database: str
    applied: tuple[int, ...]
    pending: tuple[int, ...]


def load_migrations(directory: Path = MIGRATIONS) -> list[Migration]:
    """The migrations of a directory in order.

    Raises IocError for a misnamed file, a number used twice or a gap.
    """
    found: dict[int, Migration] = {}
    for path in sorted(directory.glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise IocError(f"{path.name} is not named like 0001_spine.sql; rename it.")
        number = int(match[1])
        if number in found:
            raise IocError(f"Migrations {found[number].name} and {path.stem} share number {number}; renumber one.")
        sql = path.read_text("utf-8")
        found[number] = Migration(number, path.stem, hashlib.sha256(sql.encode()).hexdigest(), sql)
    for expected, number in enumerate(sorted(found), start=1):
        if number != expected:
            raise IocError(f"Migration {expected:04d} is missing before {found[number].name}; restore or renumber it.")
    return [found[number] for number in sorted(found)]


def render(sql: str, settings: ClickHouseSettings) -> str:
    """Fills the placeholders for one node, or for the replicated cluster that the settings name."""
    if not _DATABASE.fullmatch(settings.database):
        raise IocError(f"IOC_CLICKHOUSE_DATABASE={settings.database} is no plain name; use letters, digits and _.")
    if settings.cluster is not None and not _CLUSTER.fullmatch(settings.cluster):
        raise IocError(f"IOC_CLICKHOUSE_CLUSTER={settings.cluster} is no plain name; use letters, digits and _.-")
    replicated = settings.cluster is not None
    values = {
        "db": f"`{settings.database}`",
        "on_cluster": f"ON CLUSTER `{settings.cluster}`" if replicated else "",
        "replacing": _engine("", replicated),
        "replacing_version": _engine("version", replicated),
        "replacing_next": _engine("next", replicated),
    }
    for name, value in values.items():
        sql = sql.replace("{" + name + "}", value)
    return sql


def _engine(version: str, replicated: bool) -> str:
    if not replicated:
        return f"ReplacingMergeTree({version})"
    arguments = ["'/clickhouse/tables/{uuid}/{shard}'", "'{replica}'", *([version] if version else [])]
    return f"ReplicatedReplacingMergeTree({', '.join(arguments)})"


def statements(sql: str) -> list[str]:
    """The statements of a migration; comments and `;` at a line's end are what separates them."""
    kept = "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))
    return [part.strip() for part in re.split(r";[ \t]*(?:\n|$)", kept) if part.strip()]


def check(migrations: list[Migration], applied: dict[int, str], database: str) -> list[Migration]:
    """What is still to be applied. `applied`: number -> checksum as recorded.

    Raises IocError when the database is newer than the code, has a gap or was made from another text.
    """
    newest = len(migrations)
    ahead = [number for number in applied if number > newest]
    if ahead:
        raise IocError(
            f"Database {database} has migration {max(ahead):04d}, this program knows {newest:04d}; run a newer ioc."
        )
    for migration in migrations[: max(applied, default=0)]:
        if migration.number not in applied:
            raise IocError(
                f"Database {database} lacks migration {migration.name} but has a later one; "
                f"restore its schema_migrations or use another database."
            )
        if applied[migration.number] != migration.checksum:
            raise IocError(
                f"Migration {migration.name} was changed after it was applied to {database}; "
                f"restore the file and put the change into a new migration."
            )
    return [migration for migration in migrations if migration.number not in applied]


def _applied(client: Client, settings: ClickHouseSettings) -> dict[int, str]:
    database = settings.database
    known = client.query(
        "SELECT count() FROM system.tables WHERE database = {db:String} AND name = 'schema_migrations'",
        parameters={"db": database},
    ).result_rows[0][0]
    if not known:
        return {}
    rows = client.query(f"SELECT number, toString(checksum) FROM `{database}`.schema_migrations FINAL").result_rows
    return {int(number): str(checksum) for number, checksum in rows}


def status(settings: ClickHouseSettings, directory: Path = MIGRATIONS) -> Status:
    """Which migrations are applied and pending; changes nothing. Raises as `check` and `connect` do."""
    migrations = load_migrations(directory)

    def read() -> dict[int, str]:
        with connect(settings, "writer", "system") as client:
            return _applied(client, settings)

    applied = guarded(read, settings)
    pending = check(migrations, applied, settings.database)
    return Status(settings.database, tuple(sorted(applied)), tuple(one.number for one in pending))


def migrate(settings: ClickHouseSettings, directory: Path = MIGRATIONS) -> list[Migration]:
    """Creates the database where it is missing and applies what is pending; returns what was applied."""
    migrations = load_migrations(directory)

    def run() -> list[Migration]:
        with connect(settings, "writer", "system") as client:
            client.command(render("CREATE DATABASE IF NOT EXISTS {db} {on_cluster}", settings))
            client.command(render(_RECORD, settings))
            pending = check(migrations, _applied(client, settings), settings.database)
            for migration in pending:
                _apply(client, settings, migration)
            return pending

    return guarded(run, settings)


def _apply(client: Client, settings: ClickHouseSettings, migration: Migration) -> None:
    for statement in statements(render(migration.sql, settings)):
        client.command(statement)
    # Recorded last: a migration that was cut off before this line is run again from its start.
    client.insert(
        "schema_migrations",
        [[migration.number, migration.name, migration.checksum.encode(), datetime.now(UTC)]],
        column_names=["number", "name", "checksum", "applied_at"],
        database=settings.database,
    )
