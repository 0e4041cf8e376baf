"""Reads a partition's state back: ClickHouse is the state store, and what the wall shows is what the workers run on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from sinks.rows import CellName, StoredCase, StoredCell, StoredPartition, StoredStock

# Cells held in memory per partition on assignment; older hours are read on demand. 300,000 cells are some 40 MB
# and, in a province's live flow over six partitions, the last two months.
HOT_CELLS = 300_000
# A batch may name some ten thousand ids; ClickHouse's default takes 256 KB of SQL.
_LARGE_QUERY = {"max_query_size": 64 * 1024 * 1024}

_CASE_COLUMNS = "case_id, facts, clock, version"
_CELL_COLUMNS = "measure, intDiv(toUnixTimestamp(bucket), 3600), agency, service, channel, value, version"


class StateReader:
    """Reads for one topic. Blocking: call it from a thread. Raises clickhouse-connect's errors."""

    def __init__(self, client: Any, topic: str, hot_cells: int = HOT_CELLS) -> None:
        self._client = client
        self._topic = topic
        self._hot_cells = hot_cells

    def _rows(self, query: str, **parameters: Any) -> Sequence[Sequence[Any]]:
        rows: Sequence[Sequence[Any]] = self._client.query(
            query, parameters=parameters, settings=_LARGE_QUERY, column_formats={"facts": "bytes"}
        ).result_rows
        return rows

    def partition(self, partition: int, position: int) -> StoredPartition:
        """Everything a worker at `position` needs of `partition` before it folds the next record."""
        known = {"partition": partition, "position": position}
        tick = self._rows(
            "SELECT max(tick) FROM ticks WHERE partition = %(partition)s AND version < %(position)s", **known
        )
        progress = self._rows(
            "SELECT max(watermark_ms) FROM progress WHERE topic = %(topic)s AND partition = %(partition)s",
            topic=self._topic,
            **known,
        )
        events = self._rows(
            "SELECT count() FROM events FINAL WHERE topic = %(topic)s AND partition = %(partition)s "
            "AND version < %(position)s",
            topic=self._topic,
            **known,
        )
        cells_from = self._cells_from(partition)
        cases = self._rows(
            f"SELECT {_CASE_COLUMNS} FROM cases FINAL WHERE partition = %(partition)s "
            "AND (status IN ('waiting', 'open', 'paused') OR version >= %(position)s)",
            **known,
        )
        # Cells and stocks are read after cases: a case read ahead of us proves that its cells were written before.
        ids = self._client.query_np("SELECT CRC32(case_id) AS id FROM cases WHERE partition = %(partition)s", known)
        cells = self._rows(
            f"SELECT {_CELL_COLUMNS} FROM cells FINAL WHERE partition = %(partition)s "
            "AND (toUnixTimestamp(bucket) >= %(from)s OR version >= %(position)s)",
            **known,
            **{"from": cells_from * 3600},
        )
        return StoredPartition(
            position=position,
            tick=tick[0][0],
            watermark=progress[0][0],
            cells_from=cells_from,
            cells=[StoredCell(*row) for row in cells],
            stocks=self._stocks(partition),
            cases=[StoredCase(*row) for row in cases],
            events=events[0][0],
            known=np.asarray(ids).reshape(-1).astype(np.uint32),
        )

    def _stocks(self, partition: int) -> list[StoredStock]:
        """The partition's stocks, each as far as both its history and the current table have it.

        One insert fills both; killed between, ClickHouse has it in one of them. The older row is as true as the newer,
        and reading on from there writes what is missing.
        """
        history = self._rows(
            "SELECT measure, agency, service, argMax(value, version), max(version) FROM stocks "
            "WHERE partition = %(partition)s GROUP BY measure, agency, service",
            partition=partition,
        )
        current = self._rows(
            "SELECT measure, agency, service, value, version FROM stocks_now FINAL WHERE partition = %(partition)s",
            partition=partition,
        )
        now = {row[:3]: StoredStock(*row) for row in map(tuple, current)}
        both = [(StoredStock(*row), now[key]) for row in history if (key := tuple(row[:3])) in now]
        return [min(pair, key=lambda one: one.version) for pair in both]

    def _cells_from(self, partition: int) -> int:
        """The hour from which cells are held in memory, so that no more than the hot ones are; 0 for all."""
        hours = self._rows(
            "SELECT intDiv(toUnixTimestamp(bucket), 3600) AS hour, uniqExact(measure, agency, service, channel) "
            "FROM cells WHERE partition = %(partition)s GROUP BY hour ORDER BY hour DESC",
            partition=partition,
        )
        total = 0
        for hour, cells in hours:
            total += cells
            if total > self._hot_cells:
                return int(hour) + 1
        return 0

    def cases(self, partition: int, case_ids: Iterable[str]) -> list[StoredCase]:
        """The stored ones among `case_ids`."""
        rows = self._rows(
            f"SELECT {_CASE_COLUMNS} FROM cases FINAL WHERE partition = %(partition)s AND case_id IN %(ids)s",
            partition=partition,
            ids=tuple(case_ids),
        )
        return [StoredCase(*row) for row in rows]

    def cells(self, partition: int, cells: Iterable[CellName]) -> list[StoredCell]:
        """The stored ones among the cells named."""
        keys = tuple((row.measure, row.agency, row.hour * 3600, row.service, row.channel) for row in cells)
        rows = self._rows(
            f"SELECT {_CELL_COLUMNS} FROM cells FINAL WHERE partition = %(partition)s "
            "AND (measure, agency, toUnixTimestamp(bucket), service, channel) IN %(keys)s "
            "AND measure IN %(measures)s AND bucket >= toDateTime(%(first)s) AND bucket <= toDateTime(%(last)s)",
            partition=partition,
            keys=keys,
            measures=tuple({key[0] for key in keys}),
            first=min(key[2] for key in keys),
            last=max(key[2] for key in keys),
        )
        return [StoredCell(*row) for row in rows]
