"""Writes batches of rows, column by column, in the order that makes a crash anywhere harmless.

Events and dead letters, then cells and stocks, then cases, then ticks and progress: a case's stored version proves
that every cell it touched has been written as far. Every row is a snapshot under a version, so writing twice is the
same as writing once, and a retry needs no care.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.exceptions import Error as DriverError

from ioc.errors import Unreachable
from ioc.local_time import HOUR_MS
from sinks.rows import WriteBatch

_HOUR_SECONDS = HOUR_MS // 1000


@dataclass(frozen=True, slots=True)
class Retry:
    """Backoff between tries of one insert, seconds; `budget` is how long in all before the worker gives up.

    Ten minutes outlast a restart of ClickHouse; past that the worker ends, and its partitions are read again later.
    """

    first: float = 0.1
    most: float = 10.0
    budget: float = 600.0


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and their types as sent; ClickHouse casts them to the table's own."""

    name: str
    columns: tuple[tuple[str, str], ...]


_CODE = "LowCardinality(String)"
EVENTS = Table(
    "events",
    (
        ("topic", _CODE),
        ("partition", "UInt16"),
        ("version", "UInt64"),
        ("kind", _CODE),
        ("case_id", "String"),
        ("time", "DateTime64(3, 'UTC')"),
        ("broker_time", "DateTime64(3, 'UTC')"),
        ("raw", "String"),
    ),
)
DEAD_LETTERS = Table(
    "dead_letters",
    (
        ("topic", _CODE),
        ("partition", "UInt16"),
        ("version", "UInt64"),
        ("reason", _CODE),
        ("detail", "String"),
        ("key", "String"),
        ("raw", "String"),
        ("broker_time", "DateTime64(3, 'UTC')"),
    ),
)
CELLS = Table(
    "cells",
    (
        ("partition", "UInt16"),
        ("measure", _CODE),
        ("bucket", "DateTime('Asia/Ho_Chi_Minh')"),
        ("agency", _CODE),
        ("service", _CODE),
        ("channel", _CODE),
        ("value", "Int64"),
        ("version", "UInt64"),
    ),
)
STOCKS = Table(
    "stocks",
    (
        ("partition", "UInt16"),
        ("measure", _CODE),
        ("agency", _CODE),
        ("service", _CODE),
        ("value", "Int64"),
        ("version", "UInt64"),
    ),
)
CASES = Table(
    "cases",
    (
        ("partition", "UInt16"),
        ("case_id", "String"),
        ("agency", _CODE),
        ("service", _CODE),
        ("channel", _CODE),
        ("status", _CODE),
        ("submitted_ms", "Int64"),
        ("accepted_ms", "Int64"),
        ("due_ms", "Int64"),
        ("closed_ms", "Int64"),
        ("waited_ms", "Int64"),
        ("supplements", "UInt16"),
        ("facts", "String"),
        ("clock", "Int64"),
        ("version", "UInt64"),
    ),
)
TICKS = Table("ticks", (("partition", "UInt16"), ("tick", "Int64"), ("version", "UInt64")))
PROGRESS = Table(
    "progress",
    (
        ("topic", _CODE),
        ("partition", "UInt16"),
        ("next", "UInt64"),
        ("events", "UInt64"),
        ("watermark_ms", "Int64"),
        ("written_at", "DateTime64(3, 'UTC')"),
    ),
)

# A replay or an import may touch any month in one batch; ClickHouse's default stops at 100 partitions an insert.
_INSERT_SETTINGS = {"max_partitions_per_insert_block": 0}


class Writer:
    """One connection to the tables of a database. Blocking: call it from a thread, one write at a time."""

    def __init__(
        self,
        client: Any,
        topic: str,
        retry: Retry | None = None,
        *,
        on_insert: Callable[[str, int, float], None] = lambda table, rows, seconds: None,
        on_retry: Callable[[str, str], None] = lambda table, error: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._topic = topic
        self._retry = retry or Retry()
        self._on_insert = on_insert
        self._on_retry = on_retry
        self._sleep = sleep
        self._deadline = 0.0

    def write(self, batch: WriteBatch) -> None:
        """Writes all rows or raises Unreachable when the retry budget is spent; then part of them may be written."""
        self._deadline = time.monotonic() + self._retry.budget
        topic = self._topic
        cells = batch.cells
        buckets = [hour * _HOUR_SECONDS for hour in cells.hour]
        self._insert(EVENTS, batch.events.columns(), topic)
        self._insert_rows(DEAD_LETTERS, batch.dead_letters, topic)
        self._insert(
            CELLS,
            [
                cells.partition,
                cells.measure,
                buckets,
                cells.agency,
                cells.service,
                cells.channel,
                cells.value,
                cells.version,
            ],
        )
        self._insert_rows(STOCKS, batch.stocks)
        self._insert_rows(CASES, batch.cases)
        self._insert_rows(TICKS, batch.ticks)
        now = time.time_ns() // 1_000_000
        self._insert_rows(PROGRESS, [(*row, now) for row in batch.progress], topic)

    def _insert_rows(self, table: Table, rows: Sequence[Sequence[Any]], topic: str | None = None) -> None:
        if rows:
            self._insert(table, list(zip(*rows, strict=True)), topic)

    def _insert(self, table: Table, columns: list[Sequence[Any]], topic: str | None = None) -> None:
        rows = len(columns[0])
        if not rows:
            return
        if topic is not None:
            columns.insert(0, [topic] * rows)
        delay = self._retry.first
        while True:
            started = time.monotonic()
            try:
                self._client.insert(
                    table.name,
                    columns,
                    column_names=[name for name, _ in table.columns],
                    column_type_names=[kind for _, kind in table.columns],
                    column_oriented=True,
                    settings=_INSERT_SETTINGS,
                )
            except (DriverError, OSError) as error:
                self._wait(table, error, delay)
                delay = min(delay * 2, self._retry.most)
            else:
                self._on_insert(table.name, rows, time.monotonic() - started)
                return

    def _wait(self, table: Table, error: Exception, delay: float) -> None:
        self._on_retry(table.name, str(error))
        if time.monotonic() + delay > self._deadline:
            raise Unreachable(
                f"ClickHouse took no rows for {table.name} within {self._retry.budget:.0f} s ({error}); "
                f"nothing is lost, the partitions are read again once it answers."
            ) from error
        # Jitter keeps several workers from knocking at the same instant.
        self._sleep(delay * random.uniform(0.5, 1.0))
