"""One indicator, rolled up from cells over a period or from stocks as of a moment. Unknown stays unknown, never 0."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ioc.errors import IocError
from ioc.facts import to_ms
from ioc.indicators import Indicator, Term
from ioc.local_time import LOCAL_ZONE
from sinks.client import Client
from sinks.moments import Reached, clock, reached, today

Dimension = Literal["agency", "service", "channel", "day", "hour"]
State = Literal["known", "unknown", "provisional"]

_COLUMNS: dict[str, str] = {
    "agency": "toString(agency)",
    "service": "toString(service)",
    "channel": "toString(channel)",
    # The column's zone is Asia/Ho_Chi_Minh, so days and hours are local.
    "day": "toString(toDate(bucket, 'Asia/Ho_Chi_Minh'))",
    "hour": "formatDateTime(bucket, '%Y-%m-%dT%H:%i:%S+07:00', 'Asia/Ho_Chi_Minh')",
}
# These two move with ticks alone: before a partition's first tick nobody has looked.
_NEED_TICK = frozenset({"open_late", "open_due_24h"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: `start` and `end` bound a period (whole hours, `end` left out), `at` names a moment.

    All aware; None for the defaults: the data's own local day, and as it stands.
    """

    indicator: Indicator
    by: Dimension | None = None
    start: datetime | None = None
    end: datetime | None = None
    at: datetime | None = None
    agency: str | None = None
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One value of the dimension (None without one); unknown sums are None, `value` is in the indicator's unit."""

    dimension: str | None
    numerator: int | None
    denominator: int | None
    value: float | int | None
    state: State


@dataclass(frozen=True, slots=True)
class Answer:
    """`at` is the data's clock; a stock has no period. Rows are ordered by dimension."""

    asked: Asked
    at: datetime
    start: datetime | None
    end: datetime | None
    rows: tuple[Row, ...]

    def document(self) -> dict[str, Any]:
        """The JSON that scripts rely on."""
        one, by = self.asked.indicator, self.asked.by
        return {
            "indicator": one.id,
            "version": one.version,
            "unit": one.unit,
            "at": _local(self.at),
            "from": _local(self.start),
            "to": _local(self.end),
            "rows": [
                {
                    **({by: row.dimension} if by else {}),
                    "numerator": row.numerator,
                    "denominator": row.denominator,
                    "value": row.value,
                    "state": row.state,
                }
                for row in self.rows
            ],
        }


def _local(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(LOCAL_ZONE).isoformat()


def ask(client: Client, asked: Asked) -> Answer:
    """Answers from cells or stocks. Raises IocError for a question that has no answer, e.g. a stock by channel."""
    ticks = reached(client, asked.at)
    now = clock(ticks, asked.at)
    partitions = {int(row[0]) for row in client.query("SELECT DISTINCT partition FROM progress").result_rows}
    if asked.indicator.is_stock:
        return Answer(asked, now, None, None, _stock_rows(client, asked, ticks, partitions))
    start, end = _period(asked, now)
    return Answer(asked, now, start, end, _cell_rows(client, asked, start, end, ticks, bool(partitions)))


def _period(asked: Asked, now: datetime) -> tuple[datetime, datetime]:
    first, last = today(now)
    if asked.at is not None:
        last = now
    start, end = asked.start or first, asked.end or last
    for moment, name in ((asked.start, "--from"), (asked.end, "--to")):
        if moment is not None and to_ms(moment) % 3_600_000:
            raise IocError(f"{name} {moment.isoformat()} is no whole hour; counts are kept by the hour.")
    if start >= end:
        raise IocError(f"The period from {_local(start)} to {_local(end)} is empty; give --from before --to.")
    return start, end


def _sum(terms: Iterable[Term], value: str) -> str:
    """The terms as SQL; names come from the checked register, never from a user."""
    return " + ".join(
        f"sumIf({value}, measure = '{term.measure}'" + (f" AND channel = '{term.channel}')" if term.channel else ")")
        for term in terms
    )


def _where(asked: Asked, parameters: dict[str, Any]) -> str:
    wanted = ["measure IN {measures:Array(String)}"]
    parameters["measures"] = list(asked.indicator.measures)
    for name in ("agency", "service"):
        if (code := getattr(asked, name)) is not None:
            wanted.append(f"{name} = {{{name}:String}}")
            parameters[name] = code
    return " AND ".join(wanted)


def _row(asked: Asked, dimension: str | None, sums: tuple[int | None, int | None], provisional: bool) -> Row:
    numerator, denominator = sums
    value = asked.indicator.value(numerator, denominator)
    state: State = "unknown" if value is None else "provisional" if provisional else "known"
    return Row(dimension, numerator, denominator if asked.indicator.denominator else None, value, state)


def _cell_rows(
    client: Client, asked: Asked, start: datetime, end: datetime, ticks: list[Reached], any_data: bool
) -> tuple[Row, ...]:
    one = asked.indicator
    parameters: dict[str, Any] = {"start": to_ms(start) // 1000, "end": to_ms(end) // 1000}
    dimension = _COLUMNS[asked.by] if asked.by else "''"
    # With --at the counts are those known now; where a partition has counted on since, they are marked provisional.
    later = "false"
    if asked.at is not None:
        parameters["partitions"] = [tick.partition for tick in ticks]
        parameters["versions"] = [tick.version for tick in ticks]
        later = "version > transform(partition, {partitions:Array(UInt16)}, {versions:Array(UInt64)}, toUInt64(0))"
    found = client.query(
        f"""SELECT {dimension} AS dimension, {_sum(one.numerator, "value")}, {_sum(one.denominator, "value") or "0"},
                   max({later})
            FROM cells FINAL
            PREWHERE {_where(asked, parameters)}
              AND bucket >= toDateTime({{start:Int64}}) AND bucket < toDateTime({{end:Int64}})
            GROUP BY dimension ORDER BY dimension""",
        parameters=parameters,
        # PREWHERE names columns of the key only, so FINAL merges no more than the period and loses no version of it.
        # A cell's month is part of its key, so its versions never lie in two partitions of the table.
        settings={"do_not_merge_across_partitions_select_final": 1},
    ).result_rows
    if not found and asked.by is None:
        nothing = 0 if one.no_data == "zero" or one.denominator else None
        return (_row(asked, None, (nothing, nothing), False),) if any_data else (_UNKNOWN,)
    return tuple(
        _row(asked, str(name) if asked.by else None, (int(numerator), int(denominator)), bool(provisional))
        for name, numerator, denominator, provisional in found
    )


_UNKNOWN = Row(None, None, None, None, "unknown")


def _stock_rows(client: Client, asked: Asked, ticks: list[Reached], partitions: set[int]) -> tuple[Row, ...]:
    one = asked.indicator
    if asked.by in {"channel", "day", "hour"}:
        raise IocError(f"{one.id} is taken as of a moment; ask for it --by agency or --by service, and --at a time.")
    if asked.start is not None or asked.end is not None:
        raise IocError(f"{one.id} is taken as of a moment; give --at instead of --from and --to.")
    ticked = {tick.partition for tick in ticks}
    needs_ticks = asked.at is not None or not _NEED_TICK.isdisjoint(one.measures)
    if not partitions or (needs_ticks and partitions - ticked):
        return (_UNKNOWN,)
    parameters: dict[str, Any] = {}
    where = _where(asked, parameters)
    source = f"SELECT measure, agency, service, value FROM stocks_now FINAL WHERE {where}"
    if asked.at is not None:
        parameters["partitions"] = [tick.partition for tick in ticks]
        parameters["versions"] = [tick.version for tick in ticks]
        source = f"""SELECT measure, agency, service, argMax(value, version) AS value FROM stocks WHERE {where} AND
            version <= transform(partition, {{partitions:Array(UInt16)}}, {{versions:Array(UInt64)}}, toUInt64(0))
            GROUP BY partition, measure, agency, service"""
    dimension = _COLUMNS[asked.by] if asked.by else "''"
    found = client.query(
        f"""SELECT {dimension} AS dimension, {_sum(one.numerator, "value")}, {_sum(one.denominator, "value") or "0"}
            FROM ({source}) GROUP BY dimension ORDER BY dimension""",
        parameters=parameters,
    ).result_rows
    if not found and asked.by is None:
        return (_row(asked, None, (0, 0), False),)
    return tuple(
        _row(asked, str(name) if asked.by else None, (int(numerator), int(denominator)), False)
        for name, numerator, denominator in found
    )
