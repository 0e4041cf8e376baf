"""Writes: their order, and what a ClickHouse that is away does to them."""

from __future__ import annotations

from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from ioc.errors import Unreachable
from sinks.rows import (
    CaseRow,
    CellColumns,
    DeadLetterRow,
    EventColumns,
    ProgressRow,
    StockRow,
    TickRow,
    WriteBatch,
)
from sinks.writer import Retry, Writer

ORDER = ["events", "dead_letters", "cells", "stocks", "cases", "ticks", "progress"]


class Client:
    """Takes inserts, after failing the first `failures` of them."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.inserts: list[tuple[str, int]] = []

    def insert(self, table: str, data: list[Any], **kwargs: Any) -> None:
        assert len(data) == len(kwargs["column_names"]) == len(kwargs["column_type_names"])
        assert len({len(column) for column in data}) == 1
        if self.failures:
            self.failures -= 1
            raise OperationalError("connection refused")
        self.inserts.append((table, len(data[0])))


def batch() -> WriteBatch:
    return WriteBatch(
        events=EventColumns([0], [1], ["paid"], ["c"], [1], [1], [b"{}"]),
        dead_letters=[DeadLetterRow(0, 2, "empty", "", b"", b"", 1)],
        cells=CellColumns([0], ["paid"], [1], ["a"], ["s"], ["online"], [1], [1]),
        stocks=[StockRow(0, "open", "a", "s", 1, 1)],
        cases=[CaseRow(0, "c", "a", "s", "online", "open", 0, 1, 0, 0, 0, 0, b"[]", 0, 1)],
        ticks=[TickRow(0, 1, 1)],
        progress=[ProgressRow(0, 2, 1, 1)],
    )


def test_the_order_is_that_of_the_invariant() -> None:
    client = Client()
    Writer(client, "t").write(batch())
    assert [table for table, _ in client.inserts] == ORDER


def test_an_empty_table_is_not_written() -> None:
    client = Client()
    Writer(client, "t").write(WriteBatch(progress=[ProgressRow(0, 2, 1, 1)]))
    assert client.inserts == [("progress", 1)]


def test_an_outage_is_waited_out_with_growing_pauses() -> None:
    client, waits, retried = Client(failures=4), [], []
    writer = Writer(
        client,
        "t",
        Retry(first=0.1, most=0.4, budget=60),
        on_retry=lambda table, error: retried.append(table),
        sleep=waits.append,
    )
    writer.write(batch())
    assert [table for table, _ in client.inserts] == ORDER
    assert retried == ["events"] * 4
    for wait, longest in zip(waits, [0.1, 0.2, 0.4, 0.4], strict=True):
        assert longest / 2 <= wait <= longest


def test_past_its_budget_it_says_so_and_writes_nothing_later() -> None:
    client = Client(failures=1000)
    with pytest.raises(Unreachable, match=r"took no rows for events within 0 s .*nothing is lost"):
        Writer(client, "t", Retry(budget=0.0), sleep=lambda seconds: None).write(batch())
    assert client.inserts == []
