"""What the writer wrote, the reader reads back as a worker needs it, on the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sinks.client import connect
from sinks.rows import (
    CaseRow,
    CellColumns,
    CellName,
    EventColumns,
    ProgressRow,
    StockRow,
    StoredCase,
    StoredCell,
    StoredStock,
    TickRow,
    WriteBatch,
)
from sinks.state import StateReader
from sinks.writer import Writer
from streams.case_filter import CaseFilter, checksums
from tests.conftest import Fresh

pytestmark = pytest.mark.stack

BASE = 1 << 44
HOUR = 490_000
FACTS = '["accepted",1764000000000,"nguồn","e-1",{"agency":"A"}]'.encode()


def case(case_id: str, status: str, version: int) -> CaseRow:
    return CaseRow(3, case_id, "A", "s", "online", status, 0, 1_764_000_000_000, 0, 0, 0, 0, FACTS, 60_000, version)


def batch() -> WriteBatch:
    return WriteBatch(
        events=EventColumns([3, 3], [BASE, BASE + 1], ["paid"] * 2, ["c", "c"], [1, 2], [1, 2], [b"{}", b"{}"]),
        cells=CellColumns(
            [3, 3, 4],
            ["received"] * 3,
            [HOUR, HOUR + 30, HOUR],
            ["A"] * 3,
            ["s"] * 3,
            ["online"] * 3,
            [5, 6, 7],
            [BASE + 1, BASE + 9, BASE + 1],
        ),
        stocks=[StockRow(3, "open", "A", "s", 1, BASE + 1), StockRow(3, "open", "A", "s", 2, BASE + 9)],
        cases=[case("open", "open", BASE + 1), case("đóng", "finished", BASE + 1), case("ahead", "finished", BASE + 9)],
        ticks=[TickRow(3, 120_000, BASE + 1), TickRow(3, 180_000, BASE + 9)],
        progress=[ProgressRow(3, BASE + 10, 2, 1_764_000_000_000)],
    )


@pytest.fixture
def client(fresh: Fresh) -> Iterator[Any]:
    with connect(fresh.settings.clickhouse) as made:
        yield made


def test_a_partition_as_a_reader_at_a_position_needs_it(client: Any) -> None:
    writer = Writer(client, "t")
    writer.write(batch())
    writer.write(batch())
    stored = StateReader(client, "t").partition(3, BASE + 5)
    assert (stored.position, stored.tick, stored.events, stored.watermark) == (BASE + 5, 120_000, 2, 1_764_000_000_000)
    assert sorted(stored.cases) == [
        StoredCase("ahead", FACTS, 60_000, BASE + 9),
        StoredCase("open", FACTS, 60_000, BASE + 1),
    ]
    assert stored.stocks == [StoredStock("open", "A", "s", 2, BASE + 9)]
    assert sorted(stored.cells, key=lambda one: one.hour) == [
        StoredCell("received", HOUR, "A", "s", "online", 5, BASE + 1),
        StoredCell("received", HOUR + 30, "A", "s", "online", 6, BASE + 9),
    ]
    assert stored.cells_from == 0
    assert sorted(CaseFilter(stored.known).may_be_stored(["open", "đóng", "ahead", "new"])) == ["ahead", "open", "đóng"]


def test_a_stock_that_a_crash_left_in_one_table_only_is_written_again(client: Any) -> None:
    Writer(client, "t").write(batch())
    columns = ["partition", "measure", "agency", "service", "value", "version"]
    client.insert("stocks_now", [[3, "open", "A", "s", 9, BASE + 20], [3, "open", "B", "s", 1, BASE + 20]], columns)
    expected = [StoredStock("open", "A", "s", 2, BASE + 9)]
    assert StateReader(client, "t").partition(3, BASE + 15).stocks == expected
    client.command("TRUNCATE TABLE stocks_now")
    client.insert("stocks_now", [[3, "open", "A", "s", 1, BASE + 1]], columns)
    assert StateReader(client, "t").partition(3, BASE + 5).stocks == [StoredStock("open", "A", "s", 1, BASE + 1)]


def test_an_empty_partition(client: Any) -> None:
    stored = StateReader(client, "t").partition(0, BASE)
    assert (stored.tick, stored.events, stored.cells, stored.stocks, stored.cases) == (0, 0, [], [], [])
    assert stored.known.tolist() == checksums([]).tolist() == []


def test_only_the_hot_cells_and_those_ahead_are_held(client: Any) -> None:
    Writer(client, "t").write(batch())
    reader = StateReader(client, "t", hot_cells=1)
    stored = reader.partition(3, BASE + 20)
    assert stored.cells_from == HOUR + 1
    assert [one.hour for one in stored.cells] == [HOUR + 30]
    assert [one.hour for one in reader.partition(3, BASE + 1).cells] != [HOUR + 30], "ahead of us, so held"


def test_cases_and_cells_on_demand(client: Any) -> None:
    Writer(client, "t").write(batch())
    reader = StateReader(client, "t")
    assert reader.cases(3, ["đóng", "it's \\ none"]) == [StoredCase("đóng", FACTS, 60_000, BASE + 1)]
    asked = [CellName("received", HOUR, "A", "s", "online"), CellName("received", HOUR, "B'", "s", "online")]
    assert reader.cells(3, asked) == [StoredCell("received", HOUR, "A", "s", "online", 5, BASE + 1)]
