"""The worker's Prometheus metrics; names are part of the interface, see docs/operations.md.

Each worker has its own registry, so that several can live in one process in tests.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_LATENCY = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)
_SIZES = (1, 10, 100, 1_000, 5_000, 20_000, 100_000)


class WorkerMetrics:
    """Counters and gauges of one worker, all in seconds, bytes or counts."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = self.registry = registry or CollectorRegistry()
        ProcessCollector(registry=registry)
        self.records = Counter(
            "ioc_worker_records",
            "Records read, by outcome: event, punctuation, refused",
            ["outcome"],
            registry=registry,
        )
        self.dead_letters = Counter(
            "ioc_worker_dead_letters", "Refused records by reason", ["reason"], registry=registry
        )
        self.batch_records = Histogram(
            "ioc_worker_batch_records", "Records in a fetched batch", buckets=_SIZES, registry=registry
        )
        self.fold_seconds = Counter("ioc_worker_fold_seconds", "Time spent decoding and folding", registry=registry)
        self.write_seconds = Histogram(
            "ioc_worker_write_seconds", "One write to all tables", buckets=_LATENCY, registry=registry
        )
        self.rows = Counter("ioc_worker_rows_written", "Rows written by table", ["table"], registry=registry)
        self.insert_retries = Counter(
            "ioc_worker_insert_retries", "Inserts tried again, by table", ["table"], registry=registry
        )
        self.origin_seconds = Histogram(
            "ioc_worker_origin_latency_seconds",
            "From an event's own time to its write; sampled, the last event of each write",
            buckets=_LATENCY,
            registry=registry,
        )
        self.broker_seconds = Histogram(
            "ioc_worker_broker_latency_seconds",
            "From the record's Kafka timestamp to its write; sampled, the last event of each write",
            buckets=_LATENCY,
            registry=registry,
        )
        self.lag = Gauge("ioc_worker_lag_records", "Records in Kafka not yet written", ["partition"], registry=registry)
        self.watermark = Gauge(
            "ioc_worker_watermark_timestamp_seconds", "Greatest event time seen", ["partition"], registry=registry
        )
        self.tick = Gauge("ioc_worker_tick_timestamp_seconds", "Last tick reached", ["partition"], registry=registry)
        self.cases = Gauge("ioc_worker_cases_held", "Cases in memory", ["partition"], registry=registry)
        self.cells = Gauge("ioc_worker_cells_held", "Cells in memory", ["partition"], registry=registry)
        self.loads = Counter("ioc_worker_partition_loads", "Partitions read back from ClickHouse", registry=registry)
