"""`ioc simulate`: a simulated province's events into Kafka or a file."""

from __future__ import annotations

import gc
import time as clock
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
import typer

from ioc.errors import IocError
from ioc.facts import to_ms
from ioc.output import REMARKS, print_json
from ioc.settings import load_settings
from producers.delivery import Delivery
from producers.interrupts import stop_requests
from producers.oracle import Oracle
from producers.province import LiveConfig, ProvinceConfig, simulate_live
from producers.province import simulate as simulate_province
from producers.record_file import RecordFile
from producers.sending import Pace, progress_bar, send_all
from producers.traps import USUAL_TRAPS, Record, TrapConfig, clean, with_traps
from producers.wire import SimEvent, iso_local

LOCAL_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
# In a live stream a day's shuffling would hold everything back for a day.
_LIVE_SHUFFLE_SECONDS = 60
_DEFAULT_DAYS = 7

Share = Annotated[float | None, typer.Option(min=0.0, max=1.0, metavar="SHARE", help="Share of the true events.")]


def simulate(
    seed: Annotated[int, typer.Option(help="The same seed and start give the same bytes.")] = 1,
    start: Annotated[str | None, typer.Option(help="First day, ISO; default: so many days ago.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Whole days (default 7).")] = None,
    events: Annotated[int | None, typer.Option(min=1, help="Stop after this many true events.")] = None,
    cases_per_day: Annotated[int, typer.Option(min=1, help="Cases of a working day.")] = 3_000,
    speed: Annotated[str, typer.Option(help="Simulated time over real time, or max.")] = "max",
    live: Annotated[bool, typer.Option("--live", help="A busy province around now, until Ctrl-C.")] = False,
    rate: Annotated[float, typer.Option(min=0.1, help="With --live: events a second.")] = 20.0,
    backlog: Annotated[int, typer.Option(min=0, help="With --live: events of the hours before now.")] = 20_000,
    duration: Annotated[float | None, typer.Option(min=0.1, help="With --live: stop after so many seconds.")] = None,
    traps: Annotated[bool, typer.Option("--traps", help="10 % duplicates, a day's disorder, 5 % corrected, …")] = False,
    duplicates: Share = None,
    corrected: Share = None,
    retracted: Share = None,
    late: Share = None,
    unknown_status: Share = None,
    ill_formed: Share = None,
    conflicting: Share = None,
    shuffle: Annotated[int | None, typer.Option(min=0, help="Disorder: window of arrival in seconds.")] = None,
    oracle: Annotated[Path | None, typer.Option(help="Write the right figures here, as JSON.")] = None,
    to_file: Annotated[Path | None, typer.Option(help="Write records (NDJSON, .gz, .zst), not to Kafka.")] = None,
    punctuate: Annotated[
        bool | None, typer.Option("--punctuate/--no-punctuate", help="Time from the stream (default: not with --live).")
    ] = None,
    tick: Annotated[int, typer.Option(min=1, help="Step of punctuation in simulated seconds.")] = 60,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Produces a simulated province's events, ordered or with a real feed's faults, and knows the right figures."""
    given = {
        "duplicates": duplicates,
        "corrected": corrected,
        "retracted": retracted,
        "late": late,
        "unknown_status": unknown_status,
        "ill_formed": ill_formed,
        "conflicting": conflicting,
        "shuffle_seconds": shuffle,
    }
    trap = _traps(seed, traps, live, given)
    if live and trap != TrapConfig(seed=seed) and (oracle is not None or duration is not None):
        raise IocError(
            "--live with traps has no end at which all corrections are in; use --events with --oracle instead."
        )
    now = datetime.now(LOCAL_ZONE)
    if live:
        config = LiveConfig(start=now, seed=seed, rate=rate, backlog=backlog)
        source: Iterator[SimEvent] = simulate_live(config)
        # The backlog goes out at once, then each event at its time.
        if duration is not None:
            end = to_ms(now) + round(duration * 1000)
            source = takewhile(lambda event: event.time < end, source)
        pace = Pace(1.0, None, tick * 1000 if punctuate else None)
        total = None
    else:
        if duration is not None:
            raise IocError("--duration belongs to --live; use --days or --events for a bounded simulation.")
        province = _province(seed, start, days, events, cases_per_day, now)
        source = simulate_province(province)
        pace = Pace(_speed(speed), to_ms(province.start), tick * 1000 if punctuate is not False else None)
        total = events
    book = Oracle()
    records = with_traps(source, trap, book) if trap != TrapConfig(seed=seed) else clean(source, book)
    with _no_collector(unless=live):
        summary, interrupted = _run(records, to_file, pace, total, book)
    if oracle is not None and interrupted:
        REMARKS.print(f"Interrupted: {oracle} is not written, for it would not be what was sent.")
    elif oracle is not None:
        _write_oracle(oracle, book)
    if json:
        print_json(summary)
    else:
        REMARKS.print(
            f"{summary['sent']:,} records of {summary['cases']:,} cases in {summary['seconds']} s "
            f"({summary['rate']:,} a second), {summary['refused']} refused."
        )
    if summary["refused"]:
        raise typer.Exit(1)
    if interrupted and not live:
        raise typer.Exit(130)


def _run(
    records: Iterator[Record], to_file: Path | None, pace: Pace, total: int | None, book: Oracle
) -> tuple[dict[str, Any], bool]:
    begun = clock.monotonic()
    target = RecordFile(to_file) if to_file is not None else Delivery(load_settings())
    with stop_requests() as stop, target, progress_bar("Simulating", total) as shown:
        sent, last = send_all(records, target, pace, stop, shown)
        interrupted = stop.is_set()
    seconds = clock.monotonic() - begun
    report = target.report
    summary = {
        "sent": sent,
        "delivered": report.delivered,
        "clocks": report.clocks,
        "refused": report.refused_count,
        "refusals": [one._asdict() for one in report.refused],
        "cases": book.cases,
        "true_events": book.true_events,
        "events": book.accepted,
        "duplicates": book.duplicates,
        "dead_letters": dict(book.dead_letters),
        "first": iso_local(book.first) if book.first is not None else None,
        "last": iso_local(last) if sent else None,
        "seconds": round(seconds, 2),
        "rate": round(sent / seconds) if seconds else 0,
        "interrupted": interrupted,
    }
    return summary, interrupted


@contextmanager
def _no_collector(unless: bool) -> Iterator[None]:
    """A bounded simulation makes millions of tuples and no cycles to speak of: looking for some takes a third of it."""
    if not unless:
        gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _traps(seed: int, wanted: bool, live: bool, given: dict[str, float | int | None]) -> TrapConfig:
    base = replace(USUAL_TRAPS if wanted else TrapConfig(), seed=seed)
    if live and wanted:
        base = replace(base, shuffle_seconds=_LIVE_SHUFFLE_SECONDS)
    return replace(base, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def _province(
    seed: int, start: str | None, days: int | None, events: int | None, cases_per_day: int, now: datetime
) -> ProvinceConfig:
    if days is None and events is None:
        days = _DEFAULT_DAYS
    if start is not None:
        first = _moment(start)
    else:
        # So that the stream ends about now: a case has some six events, five of seven days are working days.
        back = days if days is not None else round((events or 0) / (cases_per_day * 6 * 5 / 7)) + 1
        first = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=back)
    return ProvinceConfig(start=first, seed=seed, days=days, events=events, cases_per_day=cases_per_day)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise IocError(f"--start {text} is not a date; write it like 2026-01-05.") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=LOCAL_ZONE)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if speed <= 0:
        raise IocError(f"--speed {text} is neither a number above 0 nor max.")
    return speed


def _write_oracle(path: Path, book: Oracle) -> None:
    try:
        path.write_bytes(orjson.dumps(book.document()) + b"\n")
    except OSError as error:
        raise IocError(f"{path} cannot be written ({error.strerror}); name another file for --oracle.") from error
