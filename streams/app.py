"""The Faust application: one agent over whole batches, one timer that punctuates, nothing kept in Kafka."""

from __future__ import annotations

import logging
import ssl
import uuid
from datetime import UTC, datetime
from typing import Any

import faust
from faust.types import TP

from ioc.events import encode_clock
from ioc.settings import KafkaSettings, Settings
from streams.metrics import WorkerMetrics
from streams.pipeline import Pipeline
from streams.transport import BatchScheduler, BatchSchema, BatchTransport, Epoch

log = logging.getLogger("ioc.worker")

# Compressed bytes a partition and fetch: some 25,000 events, so that a batch's own cost is nothing an event, and
# the batches waiting before the agent stay below 100 MB decoded.
_FETCH_BYTES = 768 * 1024
# Batches that may wait in front of the agent.
_WAITING_BATCHES = 2


def _broker_options(kafka: KafkaSettings) -> dict[str, Any]:
    if kafka.security_protocol == "PLAINTEXT":
        return {}
    context = ssl.create_default_context(cafile=kafka.ca_file) if "SSL" in kafka.security_protocol else None
    if kafka.sasl_mechanism:
        credentials: Any = faust.SASLCredentials(
            username=kafka.username, password=kafka.password, ssl_context=context, mechanism=kafka.sasl_mechanism
        )
    else:
        credentials = faust.SSLCredentials(context)
    return {"broker_credentials": credentials}


def make_app(settings: Settings, pipeline: Pipeline, metrics: WorkerMetrics, *, punctuate_seconds: float) -> Any:
    """The app of one worker. `punctuate_seconds` 0: time comes from elsewhere in the log, an import or a replay."""
    epoch = Epoch()
    app = faust.App(
        settings.group,
        broker=[f"kafka://{address}" for address in settings.kafka.bootstrap],
        store="memory://",
        datadir=str(settings.home / "faust"),
        ConsumerScheduler=BatchScheduler,
        agent_supervisor="mode.CrashingSupervisor",
        stream_wait_empty=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        web_tables_enabled=False,
        stream_buffer_maxsize=_WAITING_BATCHES,
        consumer_max_fetch_size=_FETCH_BYTES,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=1.0,
        # A batch is folded in well under a second, so eight seconds of silence mean a dead worker, not a busy one.
        broker_session_timeout=8.0,
        broker_heartbeat_interval=2.0,
        producer_acks=-1,
        **_broker_options(settings.kafka),
    )
    app.transport = BatchTransport(app.conf.broker_consumer, app)
    topic = app.topic(settings.case_topic, schema=BatchSchema(epoch), partitions=settings.partitions)
    elected = TP(settings.case_topic, 0)
    worker_id = uuid.uuid4().hex[:12]

    @app.agent(topic, name="fold")
    async def fold(stream: Any) -> None:
        async for event in stream.noack().events():
            if event.value.epoch == epoch.number:
                await pipeline.take(event.message.partition, event.value.records, event.ack)

    @app.task
    async def write(app: Any) -> None:
        try:
            await pipeline.run()
        except Exception as error:  # noqa: BLE001 - whatever ended the writer ends the worker, and is raised there
            await app.crash(error)

    @app.on_partitions_revoked.connect
    async def revoked(app: Any, revoked: Any, **kwargs: Any) -> None:
        epoch.advance()
        pipeline.forget()
        log.info("partitions revoked", extra={"partitions": sorted(tp.partition for tp in revoked)})

    @app.on_partitions_assigned.connect
    async def assigned(app: Any, assigned: Any, **kwargs: Any) -> None:
        log.info("partitions assigned", extra={"partitions": sorted(tp.partition for tp in assigned)})

    @app.timer(1.0)
    async def lag(app: Any) -> None:
        for tp in app.consumer.assignment():
            end, read = app.consumer.highwater(tp), pipeline.written_to(tp.partition)
            if end is not None and read is not None:
                metrics.lag.labels(str(tp.partition)).set(max(0, end - read))

    if punctuate_seconds:

        @app.timer(punctuate_seconds)
        async def punctuate(app: Any) -> None:
            # The owner of partition 0 is elected: one of the group, and Kafka sees to it that it is taken over.
            if elected not in app.consumer.assignment():
                return
            now = datetime.now(UTC)
            value = encode_clock(id=f"{worker_id}-{now.timestamp():.3f}", source="ioc.worker", time=now)
            for partition in range(settings.partitions):
                await app.producer.send(settings.case_topic, None, value, partition, None, None)

    return app
