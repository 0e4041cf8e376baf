"""The yardstick of the throughput bench: a plain Faust agent, one event at a time, doing the same work.

Fold, tables, writes and acknowledgement are the worker's own; Faust's transport, scheduling and agent are as they
come. Run as a process by the bench.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import faust

from ioc.logs import set_up_logs
from ioc.settings import load_settings
from sinks.writer import Retry
from streams.commands import build
from streams.metrics import WorkerMetrics
from streams.pipeline import Limits


class PlainRecord(NamedTuple):
    """One record as the fold wants it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


def main() -> None:
    """Runs until terminated."""
    set_up_logs("error")
    settings = load_settings()
    pipeline = build(settings, Limits(), Retry(), WorkerMetrics())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app: Any = faust.App(
        settings.group,
        broker=[f"kafka://{address}" for address in settings.kafka.bootstrap],
        store="memory://",
        datadir=str(settings.home / "faust"),
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        stream_wait_empty=False,
        consumer_auto_offset_reset="earliest",
    )
    topic = app.topic(settings.case_topic, value_serializer="raw", key_serializer="raw")

    @app.agent(topic)
    async def fold(stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            record = PlainRecord(message.offset, int(message.timestamp * 1000), message.key, message.value)
            ack: Callable[[], Any] = event.ack
            await pipeline.take(message.partition, [record], ack)

    @app.task
    async def write() -> None:
        await pipeline.run()

    faust.Worker(
        app, loop=loop, loglevel="ERROR", override_logging=False, redirect_stdouts=False, quiet=True
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
