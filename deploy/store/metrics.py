"""What the store tells Prometheus at `/metrics`.

| name | labels | meaning |
|---|---|---|
| `ioc_store_statements_total` | `kind`, `outcome` | statements ended |
| `ioc_store_statement_seconds` | `kind` | time from the whole request to the last byte handed over |
| `ioc_store_running` | none | statements in the engine now |
| `ioc_store_inserted_rows_total` | none | rows written by inserts |
| `ioc_store_inserted_bytes_total` | none | bytes of these rows, uncompressed |
| `ioc_store_answered_bytes_total` | none | bytes of answers before compression |

Kinds are select, insert and command; outcomes done, refused, failed and cancelled. Refused means the request was at
fault (4xx), failed that the engine was (5xx).
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class StoreMetrics:
    """The store's metrics on a registry of their own, with the process's figures beside them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.statements = Counter("ioc_store_statements", "Statements ended", ["kind", "outcome"], registry=registry)
        self.seconds = Histogram(
            "ioc_store_statement_seconds",
            "Seconds from the whole request to the last byte handed over",
            ["kind"],
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
            registry=registry,
        )
        self.running = Gauge("ioc_store_running", "Statements in the engine now", registry=registry)
        self.inserted_rows = Counter("ioc_store_inserted_rows", "Rows written by inserts", registry=registry)
        self.inserted_bytes = Counter(
            "ioc_store_inserted_bytes", "Bytes of inserted rows, uncompressed", registry=registry
        )
        self.answered_bytes = Counter(
            "ioc_store_answered_bytes", "Bytes of answers before compression", registry=registry
        )
