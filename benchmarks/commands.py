"""`ioc bench NAME`: measures on the running stack; prints figures, bars and the machine."""

from __future__ import annotations

from typing import Annotated

import typer

from benchmarks.freshness import freshness
from benchmarks.throughput import throughput
from ioc.errors import IocError
from ioc.settings import load_settings


def bench(
    name: Annotated[str, typer.Argument(help="throughput or freshness")],
    events: Annotated[int, typer.Option(help="throughput: events to produce and to work off.")] = 1_000_000,
    two: Annotated[bool, typer.Option(help="throughput: also with two workers.")] = True,
    rate: Annotated[int, typer.Option(help="freshness: events a second.")] = 2_000,
    seconds: Annotated[float, typer.Option(help="freshness: how long to measure.")] = 20.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure throughput or freshness."""
    settings = load_settings()
    if not settings.endpoints_file.exists() and not (settings.external_kafka and settings.external_clickhouse):
        raise IocError("No stack is running here; start it with `ioc up`, or name one in IOC_KAFKA and IOC_CLICKHOUSE.")
    if name == "throughput":
        throughput(events, two).show(json)
    elif name == "freshness":
        freshness(rate, seconds).show(json)
    else:
        raise IocError(f"There is no bench {name}; it is throughput or freshness.")
