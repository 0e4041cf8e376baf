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
    """Decoded records in offset order, as three lists of one length; refused ones apart, with their versions.

    `base` + a record's offset is its version. A punctuation has the case id "".
    """

    base: int
    first: int
    last: int
    records: list[Record] = field(default_factory=list)
    case_ids: list[str] = field(default_factory=list)
    facts: list[Fact | Punctuation] = field(default_factory=list)
    refused: list[tuple[int, Refusal, Record]] = field(default_factory=list)


def read_batch(records: Sequence[Record], generation: int) -> Batch:
    """Decodes `records` (one or more, of one partition, in offset order)."""
    base = generation << OFFSET_BITS
    batch = Batch(base, base + records[0].offset, base + records[-1].offset)
    kept, case_ids, facts = batch.records, batch.case_ids, batch.facts
    for record in records:
        decoded = decode(record.key, record.value)
        if type(decoded) is tuple:
            case_id, fact = decoded
            case_ids.append(case_id)
            facts.append(fact)
        elif type(decoded) is Punctuation:
            case_ids.append("")
            facts.append(decoded)
        elif type(decoded) is Refusal:
            batch.refused.append((base + record.offset, decoded, record))
            continue
        kept.append(record)
    return batch
