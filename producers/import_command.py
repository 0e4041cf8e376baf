"""`ioc import`: a CSV file through a mapping file into Kafka."""

from __future__ import annotations

import time as clock
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import IO, Annotated, Any

import orjson
import typer

from ioc.output import REMARKS, print_json
from ioc.settings import load_settings
from producers.conversion import Converter, RowRefused
from producers.delivery import Delivery
from producers.interrupts import stop_requests
from producers.mapping import MappingFile, load_mapping
from producers.record_file import RecordFile, open_for_writing
from producers.report import Refused
from producers.sending import progress_bar
from producers.tables import read_table
from producers.wire import iso_local

_SHOWN_REFUSALS = 5
_SHOW_EVERY = 1_000


@dataclass
class Tally:
    """What one import came to. Times in ms since 1970 UTC."""

    rows: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)
    first: int | None = None
    last: int | None = None
    interrupted: bool = False


def import_(
    file: Annotated[Path, typer.Argument(help="CSV with a header row: plain, .gz or .zst.")],
    map: Annotated[str, typer.Option(help="Mapping file, or the bare name of a shipped one.")],
    refused: Annotated[Path | None, typer.Option(help="Write every refused row's number and reason here.")] = None,
    to_file: Annotated[Path | None, typer.Option(help="Write records (NDJSON, .gz, .zst), not to Kafka.")] = None,
    tick: Annotated[
        int | None, typer.Option(min=1, help="Punctuate each so many seconds of the file's time (default: at the end).")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Turns the rows of a file into case events and delivers them; exit 1 if a row was refused.

    Event ids come from the rows, so importing a file again changes nothing.
    """
    mapping = load_mapping(map)
    begun = clock.monotonic()
    notes = open_for_writing(refused) if refused is not None else None
    tally = Tally()
    try:
        _import(file, mapping, to_file, tick, tally, _Refusals(tally, notes))
    finally:
        if notes is not None:
            notes.close()
    seconds = clock.monotonic() - begun
    events = sum(tally.kinds.values())
    if json:
        print_json(
            {
                "file": str(file),
                "map": map,
                "rows": tally.rows,
                "events": events,
                "by_kind": dict(tally.kinds),
                "refused": tally.refused,
                "refusals": tally.examples,
                "first": iso_local(tally.first) if tally.first is not None else None,
                "last": iso_local(tally.last) if tally.last is not None else None,
                "seconds": round(seconds, 2),
                "rate": round(events / seconds) if seconds else 0,
                "interrupted": tally.interrupted,
            }
        )
    else:
        REMARKS.print(
            f"{tally.rows:,} rows became {events:,} events in {seconds:.1f} s; {tally.refused:,} rows refused."
        )
        for one in tally.examples[:_SHOWN_REFUSALS]:
            REMARKS.print(f"  row {one['row']} (line {one['line']}): {one['reason']}")
    if tally.interrupted:
        raise typer.Exit(130)
    if tally.refused:
        raise typer.Exit(1)


class _Refusals:
    """Counts refused rows, keeps the first hundred, and writes all of them down where asked to."""

    def __init__(self, tally: Tally, notes: IO[bytes] | None) -> None:
        self._tally = tally
        self._notes = notes

    def row(self, number: int, line: int, reason: str) -> None:
        # The row's own text is left out: it may name a person.
        note = {"row": number, "line": line, "reason": reason}
        self._tally.refused += 1
        if len(self._tally.examples) < 100:
            self._tally.examples.append(note)
        if self._notes is not None:
            self._notes.write(orjson.dumps(note) + b"\n")

    def undelivered(self, refused: Refused) -> None:
        self.row(refused.row, 0, refused.reason)


def _import(
    file: Path, mapping: MappingFile, to_file: Path | None, tick: int | None, tally: Tally, refusals: _Refusals
) -> None:
    with read_table(file, mapping.delimiter, mapping.encoding) as (header, rows):
        converter = Converter(mapping, header, str(file))
        target = RecordFile(to_file) if to_file is not None else Delivery(load_settings())
        target.report.on_refused = refusals.undelivered
        with stop_requests() as stop, target, progress_bar(file.name, None) as shown:
            _send_rows(rows, converter, target, tick, tally, refusals, stop, shown)


def _send_rows(
    rows: Any,
    converter: Converter,
    target: Delivery | RecordFile,
    tick: int | None,
    tally: Tally,
    refusals: _Refusals,
    stop: Event,
    shown: Callable[[int], None],
) -> None:
    reached = None
    for row in rows:
        if stop.is_set():
            tally.interrupted = True
            break
        tally.rows += 1
        try:
            if row.fault is not None:
                raise RowRefused(row.fault)
            events = converter.events(row.fields)
        except RowRefused as refusal:
            refusals.row(row.number, row.line, str(refusal))
            continue
        for event in events:
            tally.first = event.time if tally.first is None else min(tally.first, event.time)
            tally.last = event.time if tally.last is None else max(tally.last, event.time)
            if tick is not None and (reached is None or tally.last // (tick * 1000) > reached):
                reached = tally.last // (tick * 1000)
                target.send_clock(reached * tick * 1000)
            tally.kinds[event.kind] += 1
            target.send(event.key, event.value, row.number)
        if tally.rows % _SHOW_EVERY == 0:
            shown(tally.rows)
    if tally.last is not None:
        # Stocks are taken at the first punctuation at or past a tick, so the last one lies past the last event.
        step = (tick or 60) * 1000
        target.send_clock((tally.last // step + 1) * step)
