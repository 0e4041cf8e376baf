"""`ioc verify`: every cell, case and stock recomputed from the raw events by SQL, compared with what is stored.

The SQL (sinks/verify_sql/) follows docs/lifecycle.md and shares no code with the fold in streams/: it finds the closing
event by its place, counts by joining arrays, and folds nothing but the clock. Each question is asked for one partition
at a time, cases for one slice of a partition, so that memory stays bounded; the rest spills to the server's disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from ioc.errors import IocError
from sinks.client import Client

SQL = Path(__file__).parent / "verify_sql"
EXAMPLES = 20
# Some 250 bytes an event while it is folded: a slice takes about 100 MB.
EVENTS_A_SLICE = 400_000
ATTEMPTS = 3

LIMITS = {
    # Small blocks, for a block of folded cases carries all their events several times over.
    "max_block_size": 4096,
    "max_bytes_before_external_group_by": 150_000_000,
    "max_bytes_ratio_before_external_group_by": 0,
    "do_not_merge_across_partitions_select_final": 1,
}

WHATS = ("events", "cells", "cases", "stocks", "progress")
Say = Callable[[str], None]


@dataclass(slots=True)
class Findings:
    """What was checked and what differs; `examples` are JSON-ready, at most `EXAMPLES`."""

    checked: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WHATS, 0))
    differences: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, what: str, partition: int, checked: int, differences: int, examples: list[dict[str, Any]]) -> None:
        """Takes one answer in."""
        self.checked[what] += checked
        self.differences += differences
        for example in examples[: EXAMPLES - len(self.examples)]:
            self.examples.append({"what": what, "partition": partition, **example})

    def join(self, other: Findings) -> None:
        """Takes another's findings in."""
        for what, number in other.checked.items():
            self.checked[what] += number
        self.differences += other.differences
        self.examples += other.examples[: EXAMPLES - len(self.examples)]


def load_sql(name: str) -> str:
    """The text of one question, with the shared steps put in."""
    text = (SQL / f"{name}.sql").read_text("utf-8")
    for shared in ("parsed", "folded"):
        text = text.replace("{" + shared + "}", (SQL / f"{shared}.sql").read_text("utf-8"))
    return text


def verify(client: Client, say: Say = lambda _: None) -> Findings:
    """Checks every partition of the client's database; `say` hears of progress.

    Raises IocError when a worker keeps writing, for then nothing can be compared.
    """
    findings = Findings()
    partitions = _partitions(client)
    for number, partition in enumerate(partitions, start=1):
        say(f"partition {partition} ({number} of {len(partitions)})")
        findings.join(_steady(client, partition))
    return findings


def _partitions(client: Client) -> list[int]:
    tables = ("events", "cells", "cases", "stocks", "progress")
    union = " UNION DISTINCT ".join(f"SELECT DISTINCT partition FROM {table}" for table in tables)
    return sorted(int(row[0]) for row in client.query(union).result_rows)


def _position(client: Client, partition: int) -> tuple[Any, ...]:
    """Changes with every batch written to the partition."""
    rows = client.query(
        """SELECT (SELECT max(next) FROM progress WHERE partition = {partition:UInt16}),
                  (SELECT max(version) FROM events WHERE partition = {partition:UInt16}),
                  (SELECT max(version) FROM ticks WHERE partition = {partition:UInt16})""",
        parameters={"partition": partition},
    ).result_rows
    return tuple(rows[0])


def _steady(client: Client, partition: int) -> Findings:
    """The partition's findings, taken anew while a worker writes to it between the questions."""
    for _ in range(ATTEMPTS):
        before = _position(client, partition)
        findings = _check(client, partition)
        if not findings.differences or _position(client, partition) == before:
            return findings
    raise IocError(f"Partition {partition} is being written while it is verified; stop the workers and verify again.")


def _check(client: Client, partition: int) -> Findings:
    findings = Findings()
    for what, parameters in _questions(client, partition):
        rows = client.query(load_sql(what), parameters={"partition": partition, **parameters}, settings=LIMITS)
        checked, differences, examples = rows.result_rows[0]
        findings.add(what, partition, int(checked), int(differences), [_readable(one) for one in examples])
    findings.add("progress", partition, *_progress(client, partition))
    return findings


def _questions(client: Client, partition: int) -> Iterator[tuple[str, dict[str, int]]]:
    events, tick = client.query(
        """SELECT (SELECT count() FROM events WHERE partition = {partition:UInt16}),
                  (SELECT argMax(tick, version) FROM ticks WHERE partition = {partition:UInt16})""",
        parameters={"partition": partition},
    ).result_rows[0]
    whole = {"slices": 1, "slice": 0}
    slices = 1 + int(events) // EVENTS_A_SLICE
    yield "events", {}
    yield "cells", whole
    for part in range(slices):
        yield "cases", {"slices": slices, "slice": part}
    yield "stocks", {**whole, "tick": int(tick or 0)}


def _progress(client: Client, partition: int) -> tuple[int, int, list[dict[str, Any]]]:
    """Every stored record must lie before what progress says has been written."""
    ahead = client.query(
        """SELECT topic, next, greatest FROM (
               SELECT topic, max(version) AS greatest FROM (
                   SELECT topic, version FROM events WHERE partition = {partition:UInt16}
                   UNION ALL SELECT topic, version FROM dead_letters WHERE partition = {partition:UInt16}
               ) GROUP BY topic
           ) AS seen LEFT JOIN (SELECT topic, next FROM progress FINAL WHERE partition = {partition:UInt16}) AS told
           USING topic""",
        parameters={"partition": partition},
    ).result_rows
    wrong = [{"topic": t, "next": int(n), "greatest_version": int(g)} for t, n, g in ahead if g >= n]
    return len(ahead), len(wrong), wrong


def _readable(example: dict[str, Any]) -> dict[str, Any]:
    """Case states come as JSON text, for tuples inside arrays do not keep their names on every server."""
    return {
        name: (orjson.loads(value) or [None])[0]
        if name in {"recomputed", "stored"} and isinstance(value, str)
        else value
        for name, value in example.items()
    }
