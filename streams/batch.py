"""A fetched batch of one partition, decoded: what is folded, what is stored as it came and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ioc.facts import Fact, Punctuation, Refusal, decode

# version = generation << OFFSET_BITS | offset, see sinks/migrations/0001_spine.sql.
OFFSET_BITS = 44


class Record(Protocol):
    """What is needed of a Kafka record; `timestamp` in ms since 1970 UTC, given by producer or broker."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


@dataclass(slots=True)
class Batch:
    """Decoded records in offset order; `entries` are (version, case id or "", fact or punctuation, record)."""

    first: int
    last: int
    entries: list[tuple[int, str, Fact | Punctuation, Record]] = field(default_factory=list)
    refused: list[tuple[int, Refusal, Record]] = field(default_factory=list)


def read_batch(records: Sequence[Record], generation: int) -> Batch:
    """Decodes `records` (one or more, of one partition, in offset order)."""
    base = generation << OFFSET_BITS
    batch = Batch(base + records[0].offset, base + records[-1].offset)
    entries, refused = batch.entries, batch.refused
    for record in records:
        decoded = decode(record.key, record.value)
        if type(decoded) is tuple:
            entries.append((base + record.offset, decoded[0], decoded[1], record))
        elif type(decoded) is Punctuation:
            entries.append((base + record.offset, "", decoded, record))
        elif type(decoded) is Refusal:
            refused.append((base + record.offset, decoded, record))
    return batch
