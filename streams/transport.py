"""Whole fetched batches through Faust: one stream event per partition and fetch instead of one per record.

Faust's drain loop costs four asyncio tasks a message, some 70 microseconds. Three extension points avoid it: the
documented `ConsumerScheduler` setting hands over all records of a partition as one record-like object; the schema
passes them on undecoded (decoding must never raise inside Faust: an error there acknowledges and loses the message);
and the consumer corrects `_add_gap`, whose upper end upstream takes as inclusive: without that each commit would
advance by one batch only. tests/streams/test_transport.py notices when upstream changes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import faust
from faust.transport.drivers import aiokafka as driver
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP


class RecordBatch(NamedTuple):
    """Looks like one consumer record; `value` carries all records of a fetch, `offset` is the last one's."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    headers: Any
    key: Any
    value: Any
    checksum: Any
    serialized_key_size: int
    serialized_value_size: int


class BatchScheduler(DefaultSchedulingStrategy):
    """Yields each partition's fetched records as one RecordBatch, partitions in turn."""

    def iterate(self, records: Mapping[TP, Sequence[Any]]) -> Iterator[tuple[TP, RecordBatch]]:
        """One batch a partition of the fetch."""
        for tp, fetched in records.items():
            last = fetched[-1]
            yield (
                tp,
                RecordBatch(
                    tp.topic,
                    tp.partition,
                    last.offset,
                    last.timestamp,
                    last.timestamp_type,
                    None,
                    None,
                    fetched,
                    None,
                    0,
                    0,
                ),
            )


class Delivery(NamedTuple):
    """The records of one partition and fetch, and the assignment under which they were fetched."""

    epoch: int
    records: Sequence[Any]


class Epoch:
    """Counts assignments: what was fetched under an earlier one is fetched again from the committed offset."""

    def __init__(self) -> None:
        self.number = 0

    def advance(self) -> None:
        """Partitions were revoked."""
        self.number += 1


class BatchSchema(faust.Schema):
    """Passes the records of a batch on as they are, with the epoch of their fetch."""

    def __init__(self, epoch: Epoch) -> None:
        super().__init__()
        self._epoch = epoch

    def loads_key(self, app: Any, message: Any, **kwargs: Any) -> None:
        """A batch has no key."""

    def loads_value(self, app: Any, message: Any, **kwargs: Any) -> Delivery:
        """Never raises: nothing is decoded here."""
        return Delivery(self._epoch.number, message.value)


class BatchConsumer(driver.Consumer):
    """Faust's aiokafka consumer with the gap before a batch's last offset taken as exclusive of it."""

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        await super()._add_gap(tp, offset_from, offset_to - 1)


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport with BatchConsumer."""

    Consumer = BatchConsumer
