"""Indicators and the wall over rows written by hand: sums, periods, moments, and unknown that stays unknown."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ioc.errors import IocError
from ioc.indicators import indicator
from sinks.client import connect
from sinks.moments import parse_moment
from sinks.queries import Answer, Asked, ask
from sinks.wall_queries import Figures, snapshot
from tests.conftest import Fresh
from tests.sinks.tables import GENERATION, IOC, insert, moment, ms

pytestmark = pytest.mark.stack

V = GENERATION


def cell(measure: str, time: str, value: int, *, agency: str = "A", channel: str = "counter", **more: int) -> Any:
    return (more.get("partition", 0), measure, moment(time), agency, "s", channel, value, V + more.get("version", 1))


def stock(measure: str, value: int, version: int, *, agency: str = "A", partition: int = 0) -> Any:
    return (partition, measure, agency, "s", value, V + version)


@pytest.fixture
def empty(fresh: Fresh) -> Iterator[Any]:
    with connect(fresh.settings.clickhouse) as client:
        yield client


@pytest.fixture
def client(empty: Any) -> Any:
    """Two partitions; the data's clock stands at 6 January, 12:00."""
    cells = [
        cell("received", "05 23:00", 100),
        cell("received", "06 00:00", 2),
        cell("received", "06 00:00", 4, version=5),
        cell("received", "06 00:00", 3, partition=1, channel="online"),
        cell("received", "06 23:00", 1, agency="B", channel="unknown"),
        cell("received", "07 00:00", 100),
        cell("finished", "06 08:00", 6),
        cell("finished_early", "06 08:00", 1),
        cell("finished_on_time", "06 08:00", 2),
        cell("finished_late", "06 08:00", 1),
        cell("finished_no_due", "06 08:00", 2),
        cell("finished_late", "06 08:00", 0, agency="B"),
        cell("payments", "06 08:00", 4),
        cell("payment_failures", "06 08:00", 5),
    ]
    insert(empty, "cells", cells)
    # The stock of 11:00 was 9; a row only where it changed.
    insert(empty, "stocks", [stock("open", 9, 10), stock("open_late", 2, 10), stock("waiting", 1, 10)])
    insert(empty, "stocks", [stock("open", 7, 20), stock("open", 5, 30, partition=1), stock("open", 4, 12, agency="B")])
    insert(empty, "stocks", [stock("open_late", 0, 25), stock("open_late", 1, 31, partition=1)])
    insert(empty, "ticks", [(0, ms("06 11:00"), V + 15), (0, ms("06 12:00"), V + 25), (1, ms("06 11:30"), V + 31)])
    now = datetime.now(UTC)
    progress = [("cases", p, V + 40 + p, 50, ms("06 11:59"), now - timedelta(seconds=3)) for p in (0, 1)]
    insert(empty, "progress", progress)
    letters = [("cases", 0, V + n, "empty", "", "", "", moment(t)) for n, t in enumerate(("05 23:59", "06 00:00"))]
    insert(empty, "dead_letters", letters)
    return empty


def answer(client: Any, id: str, **asked: Any) -> Answer:
    for name in ("start", "end", "at"):
        if name in asked:
            asked[name] = parse_moment(asked[name])
    return ask(client, Asked(indicator(id), **asked))


def rows(client: Any, id: str, **asked: Any) -> list[tuple[Any, ...]]:
    return [(r.dimension, r.numerator, r.denominator, r.value, r.state) for r in answer(client, id, **asked).rows]


def test_a_count_is_of_the_datas_own_local_day(client: Any) -> None:
    told = answer(client, "received")
    assert told.at == moment("06 12:00")
    assert (told.start, told.end) == (moment("06 00:00"), moment("07 00:00"))
    assert rows(client, "received") == [(None, 8, None, 8, "known")]


def test_a_share_is_a_ratio_of_sums(client: Any) -> None:
    assert rows(client, "received_online_share") == [(None, 3, 8, 37.5, "known")]
    assert rows(client, "received_channel_unknown_share") == [(None, 1, 8, 12.5, "known")]
    assert rows(client, "on_time_share") == [(None, 3, 4, 75, "known")]


def test_dimensions(client: Any) -> None:
    assert rows(client, "received", by="agency") == [("A", 7, None, 7, "known"), ("B", 1, None, 1, "known")]
    assert rows(client, "received", by="channel") == [
        ("counter", 4, None, 4, "known"),
        ("online", 3, None, 3, "known"),
        ("unknown", 1, None, 1, "known"),
    ]
    assert rows(client, "received", by="service") == [("s", 8, None, 8, "known")]
    assert rows(client, "received", by="day", start="2026-01-05", end="2026-01-08") == [
        ("2026-01-05", 100, None, 100, "known"),
        ("2026-01-06", 8, None, 8, "known"),
        ("2026-01-07", 100, None, 100, "known"),
    ]
    assert [row[0] for row in rows(client, "received", by="hour")] == [
        "2026-01-06T00:00:00+07:00",
        "2026-01-06T23:00:00+07:00",
    ]
    assert rows(client, "received", agency="B", service="s") == [(None, 1, None, 1, "known")]
    assert rows(client, "received", service="t") == [(None, 0, None, 0, "known")]


def test_unknown_is_never_zero(client: Any, empty: Any) -> None:
    # B's only judged cell is a zero: no case, so no share.
    assert rows(client, "late_share", by="agency") == [("A", 1, 4, 25, "known"), ("B", 0, 0, None, "unknown")]
    assert rows(client, "satisfaction_share") == [(None, 0, 0, None, "unknown")]
    # Nine attempts are fewer than the ten the register wants.
    assert rows(client, "gateway_failure_share") == [(None, 5, 9, None, "unknown")]


def test_without_any_data_everything_is_unknown(empty: Any) -> None:
    for id in ("received", "on_time_share", "open", "open_late"):
        assert rows(empty, id) == [(None, None, None, None, "unknown")]
    shown = snapshot(empty)
    assert shown.province == Figures()
    assert (shown.agencies, shown.partitions, shown.written_age_seconds) == ((), (), None)


def test_stocks_as_they_stand_and_as_they_stood(client: Any) -> None:
    assert rows(client, "open") == [(None, 16, None, 16, "known")]
    assert rows(client, "open", by="agency") == [("A", 12, None, 12, "known"), ("B", 4, None, 4, "known")]
    assert rows(client, "open_late_share") == [(None, 1, 16, 6.25, "known")]
    # At 11:30 partition 0 stood at its tick of 11:00.
    assert rows(client, "open", at="2026-01-06T11:30") == [(None, 18, None, 18, "known")]
    assert rows(client, "open_late", at="2026-01-06T11:59") == [(None, 3, None, 3, "known")]
    # At 11:00 partition 1 had not been looked at.
    assert rows(client, "open", at="2026-01-06T11:00") == [(None, None, None, None, "unknown")]
    assert rows(client, "open", at="2025-12-31") == [(None, None, None, None, "unknown")]


def test_what_moves_with_ticks_is_unknown_before_the_first(client: Any) -> None:
    client.command("TRUNCATE TABLE ticks")
    assert rows(client, "open_late") == [(None, None, None, None, "unknown")]
    assert rows(client, "open") == [(None, 16, None, 16, "known")]


def test_counts_of_a_moment_are_provisional_where_more_has_come(client: Any) -> None:
    assert rows(client, "received", at="2026-01-06T12:00") == [(None, 7, None, 7, "known")]
    insert(client, "cells", [cell("received", "06 00:00", 5, version=26)])
    assert rows(client, "received", at="2026-01-06T12:00") == [(None, 8, None, 8, "provisional")]
    assert rows(client, "received") == [(None, 9, None, 9, "known")]


@pytest.mark.parametrize(
    ("id", "asked", "words"),
    [
        ("open", {"by": "channel"}, "taken as of a moment"),
        ("open", {"start": "2026-01-01"}, "give --at instead"),
        ("received", {"start": "2026-01-05T08:30"}, "no whole hour"),
        ("received", {"start": "2026-01-06", "end": "2026-01-06"}, "is empty"),
    ],
)
def test_a_question_without_an_answer_is_refused(client: Any, id: str, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(IocError, match=words):
        answer(client, id, **asked)


def test_the_command(fresh: Fresh, client: Any) -> None:
    command = [*IOC, "query", "received", "--by", "agency"]
    dates = ["--from", "2026-01-06", "--to", "2026-01-06"]
    told = subprocess.run([*command, *dates, "--json"], env=fresh.env, capture_output=True, check=True)
    document = json.loads(told.stdout)
    assert document["indicator"] == "received"
    assert document["version"] == 1
    assert document["at"] == "2026-01-06T12:00:00+07:00"
    assert document["rows"] == [
        {"agency": "A", "numerator": 7, "denominator": None, "value": 7, "state": "known"},
        {"agency": "B", "numerator": 1, "denominator": None, "value": 1, "state": "known"},
    ]
    shown = subprocess.run(command, env={**fresh.env, "IOC_LANG": "vi"}, capture_output=True, check=True)
    assert "Hồ sơ tiếp nhận" in shown.stdout.decode()
    refused = subprocess.run([*command, "--at", "soon"], env=fresh.env, capture_output=True, check=False)
    assert refused.returncode == 2
    assert refused.stderr.decode().count("\n") == 1


def test_the_wall(client: Any) -> None:
    insert(
        client,
        "events",
        [("cases", 0, V + n, "synced", "c", moment("06 08:00"), datetime.now(UTC), b"{}") for n in range(3)],
    )
    shown = snapshot(client)
    assert shown.clock == moment("06 12:00")
    assert shown.day == moment("06 00:00")
    assert shown.province == Figures(
        received=8,
        received_online=3,
        finished=6,
        in_time=3,
        late_finished=1,
        no_due=2,
        open=16,
        open_late=1,
        due_24h=0,
        paused=0,
        waiting=1,
    )
    assert shown.province.on_time_share == 0.75
    assert shown.province.online_share == 0.375
    assert [(row.agency, row.figures.received, row.figures.open) for row in shown.agencies] == [
        ("A", 7, 12),
        ("B", 1, 4),
    ]
    assert shown.agencies[1].figures.on_time_share is None
    assert sum(minute.events for minute in shown.flow) == 3
    assert shown.newest_age_seconds is not None
    assert shown.newest_age_seconds < 60
    assert shown.written_age_seconds is not None
    assert 3 <= shown.written_age_seconds < 60
    assert shown.watermark == moment("06 11:59")
    assert shown.dead_letters_today == 1
    assert shown.events_total == 100
    assert [(one.partition, one.next_offset, one.tick) for one in shown.partitions] == [
        (0, 40, moment("06 12:00")),
        (1, 41, moment("06 11:30")),
    ]


def test_the_wall_as_it_stood(client: Any) -> None:
    shown = snapshot(client, parse_moment("2026-01-06T11:30"))
    assert (shown.clock, shown.province.open, shown.province.open_late) == (moment("06 11:30"), 18, 3)
    before = snapshot(client, parse_moment("2026-01-05T11:30"))
    assert (before.province.open, before.province.received) == (None, 100)
