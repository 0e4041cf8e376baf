"""`ioc worker`: Kafka to ClickHouse, until stopped."""

from __future__ import annotations

import asyncio
import gc
from typing import Annotated

import faust
import typer
from prometheus_client import start_http_server

from ioc.errors import IocError
from ioc.logs import set_up_logs
from ioc.output import print_json
from ioc.settings import Settings, load_settings
from sinks.client import connect
from sinks.state import StateReader
from sinks.topics import generation
from sinks.writer import Retry, Writer
from streams.app import make_app
from streams.flood import FloodLimits
from streams.metrics import WorkerMetrics
from streams.partition import WrittenAhead
from streams.pipeline import Limits, Pipeline

# Never reached: every record of any batch may be refused.
_ACCEPT_FLOOD = FloodLimits(run=2**62, share=1.0)


def build(settings: Settings, limits: Limits, retry: Retry, metrics: WorkerMetrics) -> Pipeline:
    """A pipeline on the settings' ClickHouse and Kafka. Raises IocError when one of them is not to be had."""
    reading, writing = connect(settings.clickhouse), connect(settings.clickhouse)
    writer = Writer(
        writing,
        settings.case_topic,
        retry,
        on_insert=lambda table, rows, seconds: metrics.rows.labels(table).inc(rows),
        on_retry=lambda table, error: metrics.insert_retries.labels(table).inc(),
    )
    number = generation(writing, settings, settings.case_topic)
    return Pipeline(StateReader(reading, settings.case_topic), writer.write, number, limits, metrics)


def worker(
    clock: Annotated[
        str, typer.Option(help="live: this worker may be elected to punctuate; log: time comes with the events.")
    ] = "live",
    tick: Annotated[int, typer.Option(help="Seconds between two ticks of the stocks.")] = 60,
    accept_flood: Annotated[bool, typer.Option(help="Send any share of bad records to dead letters.")] = False,
    metrics_port: Annotated[int, typer.Option(help="Prometheus port on loopback; 0 for none.")] = 0,
    retry_seconds: Annotated[float, typer.Option(help="How long a write is tried before the worker ends.")] = 600.0,
    json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON at the end.")] = False,
) -> None:
    """Run a worker: Kafka to ClickHouse."""
    if clock not in {"live", "log"}:
        raise IocError(f"--clock {clock} is not live or log.")
    if tick < 1:
        raise IocError(f"--tick {tick} is not a number of seconds from 1 on.")
    set_up_logs()
    settings = load_settings()
    metrics = WorkerMetrics()
    limits = Limits(tick_ms=tick * 1000, flood=_ACCEPT_FLOOD if accept_flood else FloodLimits())
    pipeline = build(settings, limits, Retry(budget=retry_seconds), metrics)
    if metrics_port:
        start_http_server(metrics_port, "127.0.0.1", registry=metrics.registry)
    # Rows and decoded events are short-lived and free of cycles; the default threshold would scan them all day.
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = make_app(settings, pipeline, metrics, punctuate_seconds=1.0 if clock == "live" else 0.0)
    service = faust.Worker(
        app, loop=loop, loglevel="WARNING", override_logging=False, redirect_stdouts=False, quiet=True, debug=False
    )
    try:
        service.execute_from_commandline()
    except WrittenAhead as error:
        raise IocError(
            f"Another worker wrote {error}; start this one again and it reads the partition anew."
        ) from error
    finally:
        if json:
            print_json({"events": pipeline.events})
