"""The three extensions to Faust: what they give, and whether upstream still needs them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from intervaltree import IntervalTree

from streams.transport import BatchConsumer, BatchScheduler, BatchSchema, Epoch
from tests.streams.own_loop import run_alone


class Fetched(NamedTuple):
    offset: int
    timestamp: int = 0
    timestamp_type: int = 0


def test_a_fetch_becomes_one_record_a_partition() -> None:
    fetched = {TP("t", 0): [Fetched(3), Fetched(4), Fetched(9)], TP("t", 2): [Fetched(0)]}
    batches = list(BatchScheduler().iterate(fetched))
    assert [(tp.partition, batch.offset, len(batch.value)) for tp, batch in batches] == [(0, 9, 3), (2, 0, 1)]


def test_the_schema_tags_a_batch_with_the_assignment_of_its_fetch() -> None:
    epoch = Epoch()
    schema = BatchSchema(epoch)
    (_, batch), *_ = BatchScheduler().iterate({TP("t", 0): [Fetched(1)]})
    before = schema.loads_value(None, batch)
    epoch.advance()
    after = schema.loads_value(None, batch)
    assert (before.epoch, after.epoch) == (0, 1)
    assert before.records == [Fetched(1)]


def _gap(consumer_class: Any) -> list[tuple[int, int]]:
    """The gap noted when a batch with last offset 9 follows offset 4: what may be committed over."""
    tp = TP("t", 0)
    consumer = consumer_class.__new__(consumer_class)
    consumer._committed_offset = {tp: None}
    consumer._gap = defaultdict(IntervalTree)
    run_alone(consumer._add_gap(tp, 5, 9))
    return [(interval.begin, interval.end) for interval in consumer._gap[tp]]


def test_the_gap_ends_before_the_batch_itself() -> None:
    assert _gap(BatchConsumer) == [(5, 9)]


def test_upstream_still_needs_the_correction() -> None:
    """When this fails, upstream excludes the end itself: drop BatchConsumer."""
    assert _gap(driver.Consumer) == [(5, 10)]
