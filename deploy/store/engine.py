"""Statements carried out by the ClickHouse engine in this process (chDB), each on a connection of its own.

A connection costs 0.3 ms and carries its own settings, database and parameters, so requests share nothing but the
data. The engine releases the interpreter's lock while it works: calls here block their thread and no other.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.store.errors import EngineError, parse_error
from deploy.store.statements import Insert
from ioc.errors import IocError

_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the engine may take, in bytes; chosen for a stack of 3 GB in all on a two-core machine."""

    server_memory: int = 1_300_000_000
    query_memory: int = 1_000_000_000
    mark_cache: int = 64 << 20
    index_cache: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """One statement's surroundings. `id` is unique to it; `settings` and `parameters` are ClickHouse's text forms."""

    id: str
    database: str = "default"
    reader: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole answer: the bytes, the rows in them, and rows and bytes read from tables or written to them."""

    body: bytes = b""
    rows: int = 0
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _name(value: str) -> str:
    return "`" + value.replace("\\", "\\\\").replace("`", "\\`") + "`"


@contextmanager
def _told() -> Iterator[None]:
    """What the engine raises comes out as EngineError."""
    from chdb import ChdbError

    try:
        yield
    except (ChdbError, RuntimeError) as error:
        raise parse_error(str(error)) from error


class Engine:
    """The one engine of this process over one directory. Every method may be called from any thread at once."""

    def __init__(self, directory: Path, limits: Limits | None = None) -> None:
        """Opens `directory` (made if absent). Raises IocError when another process has it open or it is not ours."""
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = self._take_lock()
        self._keep_lock = threading.Lock()
        self._clean()
        config = directory / "engine.xml"
        config.write_text(_configuration(directory, limits or Limits()), "utf-8")
        self._address = f"{directory / 'data'}?config-file={config}"
        self._query_memory = (limits or Limits()).query_memory
        # The engine reaches relative paths from here, and there is nothing here.
        os.chdir(directory / "empty")
        self._keep = self._connect()
        self._own_default_database()
        with self._keep_lock:
            names = self._keep.query("SELECT lower(name) FROM system.table_functions", "TabSeparated").bytes()
            version = self._keep.query("SELECT version(), timezone()", "TabSeparated").bytes()
        self.table_functions = frozenset(names.split())
        self.version, self.timezone = version.decode().strip().split("\t")

    def _take_lock(self) -> int:
        handle = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise IocError(
                f"{self._directory} is open in another store; stop it with `ioc down` or name another IOC_HOME."
            ) from error
        return handle

    def _clean(self) -> None:
        for name in ("tmp", "empty"):
            shutil.rmtree(self._directory / name, ignore_errors=True)
            (self._directory / name).mkdir()

    def _connect(self) -> Any:
        from chdb.state.sqlitelike import Connection

        with _told():
            return Connection(self._address)

    def _own_default_database(self) -> None:
        """Puts an ordinary database in the place of chDB's `default`, through which any file could be read.

        Of the engine Ordinary, since an Atomic one cannot be attached again by the engine that made the other.
        """
        known = (self._directory / "data" / "metadata" / "default.sql").exists()
        with _told():
            if known:
                self._keep.query("DETACH DATABASE default")
                self._keep.query("ATTACH DATABASE default")
            else:
                self._keep.query("DROP DATABASE default")
                self._keep.query("SET allow_deprecated_database_ordinary = 1")
                self._keep.query("CREATE DATABASE default ENGINE = Ordinary")

    @contextmanager
    def _open(self, request: Request) -> Iterator[Any]:
        connection = self._connect()
        try:
            with _told():
                connection.query(f"SET max_memory_usage = {self._query_memory}, log_comment = {_text(request.id)}")
                if request.reader:
                    connection.query("SET readonly = 2")
                self._set(connection, request.settings)
                if request.database != "default":
                    connection.query(f"USE {_name(request.database)}")
                yield connection
        finally:
            connection.close()

    @staticmethod
    def _set(connection: Any, settings: Mapping[str, str]) -> None:
        for name in settings:
            if not _SETTING.match(name):
                raise EngineError(115, "UNKNOWN_SETTING", f"Unknown setting '{name}'")
        if settings:
            connection.query("SET " + ", ".join(f"{name} = {_text(value)}" for name, value in settings.items()))

    def run(self, sql: str, output_format: str, request: Request) -> Outcome:
        """Carries out one statement and gives its whole answer. Raises EngineError."""
        with self._open(request) as connection:
            result = connection.query(sql, output_format, params=dict(request.parameters))
            return Outcome(
                body=result.bytes(),
                rows=result.rows_read(),
                read_rows=result.storage_rows_read(),
                read_bytes=result.storage_bytes_read(),
                written_rows=result.rows_written(),
                written_bytes=result.bytes_written(),
            )

    def stream(self, sql: str, output_format: str, request: Request) -> Generator[bytes, None, None]:
        """A reading statement's answer block by block; for formats whose blocks simply follow one another.

        Raises EngineError, from the first block on. Closing the generator cancels the statement.
        """
        with self._open(request) as connection:
            result = connection.send_query(sql, output_format, params=dict(request.parameters))
            try:
                for block in result:
                    yield block.bytes()
            finally:
                result.close()

    def insert(self, insert: Insert, rows: memoryview | bytes, request: Request) -> Outcome:
        """Inserts `rows`, encoded in the insert's format; they are visible and kept when this returns.

        Raises EngineError; rows of blocks already formed then stay, as with a ClickHouse server.
        """
        with self._open(request) as connection:
            for name, value in request.parameters.items():
                connection.query(f"SET param_{name} = {_text(value)}")
            with connection.send_insert(insert.sql, insert.format) as inserter:
                # Slices bound the copies made on the way into the engine.
                for start in range(0, len(rows), _SLICE):
                    inserter.append(bytes(rows[start : start + _SLICE]))
                result = inserter.finish()
            return Outcome(written_rows=result.rows_written, written_bytes=result.bytes_written)

    def cancel(self, request_id: str) -> None:
        """Ends the statement of a request if it still runs; does nothing otherwise."""
        with _told(), self._keep_lock:
            self._keep.query(f"KILL QUERY WHERE Settings['log_comment'] = {_text(request_id)} ASYNC")

    def cancel_all(self) -> None:
        """Ends every statement that runs."""
        with _told(), self._keep_lock:
            self._keep.query("KILL QUERY WHERE Settings['log_comment'] != '' ASYNC")

    def close(self) -> None:
        """Flushes and closes; the engine object is of no use afterwards."""
        self._keep.close()
        os.close(self._lock)


_SLICE = 8 << 20


def _configuration(directory: Path, limits: Limits) -> str:
    return f"""<clickhouse>
  <display_name>ioc-store</display_name>
  <user_files_path>{directory / "empty"}/</user_files_path>
  <tmp_path>{directory / "tmp"}/</tmp_path>
  <max_server_memory_usage>{limits.server_memory}</max_server_memory_usage>
  <mark_cache_size>{limits.mark_cache}</mark_cache_size>
  <primary_index_cache_size>{limits.index_cache}</primary_index_cache_size>
  <index_mark_cache_size>{limits.index_cache // 4}</index_mark_cache_size>
  <query_condition_cache_size>{limits.index_cache // 4}</query_condition_cache_size>
  <background_pool_size>2</background_pool_size>
  <background_schedule_pool_size>4</background_schedule_pool_size>
</clickhouse>
"""
