"""`ioc verify`: agrees with every rule worked out by hand, and finds each kind of corruption."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from sinks.client import connect
from sinks.verify import verify
from tests.conftest import Fresh
from tests.sinks.histories import HISTORIES, SIMPLE, History
from tests.sinks.tables import GENERATION, IOC, Event, Log, insert, moment, ms

pytestmark = pytest.mark.stack

TICK = "05 11:30"
VERSION = GENERATION | 1_000_000


@pytest.fixture
def client(fresh: Fresh) -> Iterator[Any]:
    with connect(fresh.settings.clickhouse) as made:
        yield made


def cell_rows(history: History, log: Log) -> dict[tuple[Any, ...], int]:
    agency = history.agency or history.name
    rows = {}
    for (measure, hour, *rest), value in history.cells.items():
        bucket = moment(f"{hour}:00")
        rows[log.partition, measure, bucket, rest[0] if rest else agency, history.service, history.channel] = value
    return rows


def case_row(history: History, log: Log) -> tuple[Any, ...]:
    told = dict(history.case)
    times = [told.get(f"{name}_ms", ms(told[name]) if name in told else 0) for name in ("submitted", "accepted", "due")]
    closed = told.get("closed_ms", ms(told["closed"]) if "closed" in told else 0)
    number = len(history.events) if history.facts is None else history.facts
    facts = "\n".join(["[]"] * number)
    attributes = (history.agency or history.name, history.service, history.channel, told["status"])
    counted = (told.get("waited_ms", 0), told.get("supplements", 0), facts, ms(TICK), VERSION)
    return (log.partition, history.name, *attributes, *times, closed, *counted)


def load(client: Any, histories: list[History], partition: int = 0) -> Log:
    """Stores the histories' events and, beside them, what was worked out by hand."""
    log = Log(partition)
    cells: dict[tuple[Any, ...], int] = {}
    for history in histories:
        log.add(history.name, *history.events)
        for key, value in cell_rows(history, log).items():
            cells[key] = cells.get(key, 0) + value
    log.write(client)
    insert(client, "cells", [(*key, value, VERSION) for key, value in cells.items()])
    insert(client, "cases", [case_row(history, log) for history in histories])
    insert(client, "ticks", [(partition, ms(TICK), VERSION)])
    return log


def stocks_of(histories: list[History]) -> dict[tuple[str, str, str], int]:
    """By hand as well: due against the tick, from the case rows."""
    stocks: dict[tuple[str, str, str], int] = {}
    for history in histories:
        status, due = history.case["status"], history.case.get("due")
        measures = {"waiting": ["waiting"], "paused": ["open", "open_paused"], "open": ["open"]}.get(status, [])
        if status == "open":
            left = None if due is None else ms(due) - ms(TICK)
            if left is None:
                measures.append("open_no_due")
            elif left < 0:
                measures.append("open_late")
            elif left < 86_400_000:
                measures.append("open_due_24h")
        for measure in measures:
            key = (measure, history.agency or history.name, history.service)
            stocks[key] = stocks.get(key, 0) + 1
    return stocks


def load_all(client: Any, histories: list[History], partition: int = 0) -> Log:
    log = load(client, histories, partition)
    insert(client, "stocks", [(partition, *key, value, VERSION) for key, value in stocks_of(histories).items()])
    return log


def test_every_rule_of_the_specification(client: Any) -> None:
    log = load_all(client, HISTORIES)
    findings = verify(client)
    assert findings.examples == []
    assert findings.differences == 0
    assert findings.checked["events"] == len(log.rows)
    assert findings.checked["cases"] == len(HISTORIES)
    assert findings.checked["cells"] == len({key for history in HISTORIES for key in cell_rows(history, log)})
    assert findings.checked["stocks"] == len(stocks_of(HISTORIES))


def test_a_late_open_case_is_a_stock(client: Any) -> None:
    late = History(
        "late",
        [Event("accepted", "05 08:00", {"agency": "late", "due": "2026-01-05T11:29:59+07:00"})],
        {("received", "05 08"): 1},
        {"status": "open", "accepted": "05 08:00", "due_ms": ms("05 11:30") - 1000},
        service="unknown",
        channel="unknown",
    )
    load(client, [late])
    insert(client, "stocks", [(0, name, "late", "unknown", 1, VERSION) for name in ("open", "open_late")])
    assert verify(client).examples == []
    insert(client, "stocks", [(0, "open_late", "late", "unknown", 0, VERSION + 1)])
    assert [(one["what"], one["measure"]) for one in verify(client).examples] == [("stocks", "open_late")]


def test_zero_cells_and_partitions_apart(client: Any) -> None:
    load_all(client, SIMPLE[:2])
    load(client, [SIMPLE[4]], partition=3)
    insert(client, "cells", [(3, "ratings", moment("05 08:00"), "nowhere", "s", "counter", 0, VERSION)])
    findings = verify(client)
    assert (findings.differences, findings.checked["cases"]) == (0, 3)


def test_slices_cover_every_case(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.verify.EVENTS_A_SLICE", 10)
    load_all(client, SIMPLE)
    findings = verify(client)
    assert (findings.differences, findings.checked["cases"]) == (0, len(SIMPLE))


def changed_case(**columns: Any) -> Callable[[Any, Log], None]:
    def corrupt(client: Any, log: Log) -> None:
        names = ["agency", "service", "channel", "status", "submitted_ms", "accepted_ms", "due_ms", "closed_ms"]
        names += ["waited_ms", "supplements", "facts", "clock"]
        chosen = ", ".join(f"{columns[name]!r}" if name in columns else name for name in names)
        client.command(
            f"INSERT INTO cases (partition, case_id, {', '.join(names)}, version) "
            f"SELECT partition, case_id, {chosen}, version + 1 FROM cases "
            f"WHERE case_id = 'supplements' AND partition = {log.partition}"
        )

    return corrupt


def changed_events(columns: str) -> Callable[[Any, Log], None]:
    def corrupt(client: Any, log: Log) -> None:
        client.command(
            f"INSERT INTO events (topic, partition, version, kind, case_id, time, broker_time, raw) "
            f"SELECT topic, partition, {GENERATION + 500}, {columns} FROM events "
            f"WHERE version = {GENERATION} AND partition = {log.partition}"
        )
        written = datetime.now(UTC)
        insert(client, "progress", [("cases", log.partition, GENERATION + 501, 9, 0, written)])

    return corrupt


def cell(measure: str, value: int, agency: str = "supplements") -> Callable[[Any, Log], None]:
    row = (measure, moment("05 09:00"), agency, "s", "counter", value, VERSION + 1)
    return lambda client, log: insert(client, "cells", [(log.partition, *row)])


def unwritten_case(client: Any, log: Log) -> None:
    log.add("nobody noted this one", Event("synced", "05 08:00"))
    log.write(client)


def behind(client: Any, log: Log) -> None:
    insert(client, "progress", [("other", log.partition, GENERATION | 1, 1, 0, datetime.now(UTC))])
    insert(client, "dead_letters", [("other", log.partition, GENERATION | 1, "empty", "", "", "", datetime.now(UTC))])


CORRUPTIONS: dict[str, tuple[Callable[[Any, Log], None], set[str]]] = {
    "nothing": (lambda client, log: None, set()),
    "changed cell": (cell("supplement_requests", 2), {"cells"}),
    "cell taken back": (cell("supplement_requests", 0), {"cells"}),
    "extra cell": (cell("ratings", 1), {"cells"}),
    "cell of another agency": (cell("supplement_requests", 1, "another"), {"cells"}),
    "due": (changed_case(due_ms=1), {"cases"}),
    "agency": (changed_case(agency="x"), {"cases"}),
    "service": (changed_case(service="x"), {"cases"}),
    "channel": (changed_case(channel="x"), {"cases"}),
    "status": (changed_case(status="open"), {"cases"}),
    "submitted": (changed_case(submitted_ms=1), {"cases"}),
    "accepted": (changed_case(accepted_ms=1), {"cases"}),
    "closed": (changed_case(closed_ms=1), {"cases"}),
    "waited": (changed_case(waited_ms=1), {"cases"}),
    "supplements": (changed_case(supplements=1), {"cases"}),
    "lost facts": (changed_case(facts="[]"), {"cases"}),
    "missing case": (unwritten_case, {"cases", "cells"}),
    "kind column differs from raw": (changed_events("'paid', case_id, time, broker_time, raw"), {"events"}),
    "time column differs from raw": (changed_events("kind, case_id, time + 1, broker_time, raw"), {"events"}),
    "case column differs from raw": (changed_events("kind, 'x', time, broker_time, raw"), {"events"}),
    "progress behind what is stored": (behind, {"progress"}),
}


def test_each_corruption_is_found(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.verify.EXAMPLES", 1000)
    # Each in a partition of its own, so that one run of the command's work tells them apart.
    for partition, (corrupt, _) in enumerate(CORRUPTIONS.values()):
        corrupt(client, load_all(client, SIMPLE[5:7], partition))
    found: dict[int, set[str]] = {partition: set() for partition in range(len(CORRUPTIONS))}
    for example in verify(client).examples:
        found[example["partition"]].add(example["what"])
    assert {name: found[partition] for partition, name in enumerate(CORRUPTIONS)} == {
        name: whats for name, (_, whats) in CORRUPTIONS.items()
    }


def test_an_extra_case_and_a_stock_are_found(client: Any) -> None:
    log = load_all(client, SIMPLE[:1])
    insert(client, "cases", [case_row(SIMPLE[5], log)])
    insert(client, "stocks", [(0, "waiting", "submitted", "s", 2, VERSION + 1)])
    findings = verify(client)
    assert {example["what"] for example in findings.examples} == {"cases", "stocks"}
    extra = next(example for example in findings.examples if example["what"] == "cases")
    assert extra["recomputed"] is None
    assert extra["stored"]["supplements"] == 3


def test_the_command_prints_one_document_and_exits_with_what_it_found(fresh: Fresh, client: Any) -> None:
    load_all(client, SIMPLE[:3])

    def run() -> subprocess.CompletedProcess[bytes]:
        command = [*IOC, "verify", "--json"]
        return subprocess.run(command, env=fresh.env, capture_output=True, check=False)

    clean = run()
    assert clean.returncode == 0, clean.stderr
    assert orjson.loads(clean.stdout)["differences"] == 0
    cell("ratings", 1)(client, Log())
    wrong = run()
    assert wrong.returncode == 1
    document = orjson.loads(wrong.stdout)
    assert document["differences"] == 1
    assert document["examples"][0] | {"hour": ""} == {
        "what": "cells",
        "partition": 0,
        "measure": "ratings",
        "hour": "",
        "agency": "supplements",
        "service": "s",
        "channel": "counter",
        "recomputed": 0,
        "stored": 1,
    }
    assert b"1 differences in database" in wrong.stderr
