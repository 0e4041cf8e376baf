"""What became of the records handed to a producer, and which partition a record goes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from kafka.partitioner.default import murmur2

# Kafka's default limit of a message is 1 MiB with its overhead; nothing here comes near it by right.
LARGEST_RECORD = 900_000
_KEPT = 1_000


class Refused(NamedTuple):
    """A record or row that was not delivered. `row` is its number in the input, from 1."""

    row: int
    reason: str


@dataclass
class DeliveryReport:
    """Counts of one run. `refused` keeps the first thousand; `on_refused` is told of each."""

    delivered: int = 0
    clocks: int = 0
    refused_count: int = 0
    refused: list[Refused] = field(default_factory=list)
    on_refused: Callable[[Refused], None] | None = None

    def refuse(self, row: int, reason: str) -> None:
        refused = Refused(row, reason)
        self.refused_count += 1
        if len(self.refused) < _KEPT:
            self.refused.append(refused)
        if self.on_refused is not None:
            self.on_refused(refused)


@lru_cache(maxsize=200_000)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


def partition_of(key: bytes | None, partitions: int) -> int:
    """Kafka's standard partition of a key, as every client in any language computes it; 0 without a key."""
    return 0 if key is None else _hash(key) % partitions


def too_large(key: bytes | None, value: bytes | None) -> str | None:
    """The reason to refuse a record by its size, if there is one."""
    size = len(key or b"") + len(value or b"")
    return f"{size} bytes are more than a record may have ({LARGEST_RECORD})" if size > LARGEST_RECORD else None
