"""The wall's own metrics, for Prometheus. Names are stable; each server has a registry of its own."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Telemetry:
    """`ioc_wall_page_clients`, `_snapshot_seconds`, `_snapshot_failures_total`, `_data_age_seconds`.

    `clients` and `age` are asked when scraped; an unknown age is NaN.
    """

    def __init__(self, clients: Callable[[], int], age: Callable[[], float | None]) -> None:
        self._registry = CollectorRegistry()
        self.seconds = Histogram(
            "ioc_wall_snapshot_seconds",
            "Seconds one snapshot of the figures took to read.",
            registry=self._registry,
            # The bar is 0.2 s for a query; a second is the beat of the wall.
            buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0),
        )
        self.failures = Counter(
            "ioc_wall_snapshot_failures", "Snapshots that could not be read.", registry=self._registry
        )
        Gauge("ioc_wall_page_clients", "Screens connected.", registry=self._registry).set_function(clients)
        Gauge(
            "ioc_wall_data_age_seconds", "Age of the figures shown; NaN while there are none.", registry=self._registry
        ).set_function(lambda: float("nan") if (known := age()) is None else known)

    def exposition(self) -> bytes:
        """What `GET /metrics` answers."""
        return generate_latest(self._registry)
