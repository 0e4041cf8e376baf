"""The worker's metrics and their documentation name the same things."""

from __future__ import annotations

import re
from pathlib import Path

from streams.metrics import WorkerMetrics

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    documented = set(re.findall(r"`(ioc_worker_[a-z_]+)", OPERATIONS.read_text("utf-8")))
    actual = set()
    for family in WorkerMetrics().registry.collect():
        if family.name.startswith("ioc_worker_"):
            actual.add(f"{family.name}_total" if family.type == "counter" else family.name)
    assert documented == actual


def test_two_workers_in_a_process_do_not_share_figures() -> None:
    one, other = WorkerMetrics(), WorkerMetrics()
    one.records.labels("event").inc(3)
    assert one.registry.get_sample_value("ioc_worker_records_total", {"outcome": "event"}) == 3
    assert other.registry.get_sample_value("ioc_worker_records_total", {"outcome": "event"}) is None
