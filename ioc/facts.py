"""A fact is a decoded case event in compact form; a refusal says why a record is none.

The compact form, one JSON array a line, is what a case keeps of its events in memory and in ClickHouse:
`["accepted", 1767600000000, "hcc", "e-17", {"agency": "H60.12"}]` = kind, time in ms since 1970 UTC, source, id, data.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from ioc.events import KINDS, Accepted, AnyEvent, ClockEvent, Corrected, Data, Rescheduled, Submitted

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 UTC; a fraction of a millisecond is cut off."""
    # Two and a half times as fast as timestamp() or a floor division, and every event passes here.
    since = moment - EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


# Outside these years, as written in the event's own zone, a time is a fault of its source, and ClickHouse's DateTime
# could not hold its cell.
FIRST_YEAR, LAST_YEAR = 2000, 2099


class Fact(Struct, frozen=True, array_like=True, gc=False):
    """One case event. `time` in ms since 1970 UTC; facts of a case are ordered by (time, source, id)."""

    time: int
    source: str
    id: str
    data: Data


def _fact_class(kind: str, data: type[Data]) -> Any:
    return msgspec.defstruct(
        f"{data.__name__}Fact",
        [("time", int), ("source", str), ("id", str), ("data", data)],
        bases=(Fact,),
        array_like=True,
        tag=kind,
        frozen=True,
        gc=False,
    )


FACT_OF: dict[type[Data], Any] = {data: _fact_class(kind, data) for kind, data in KINDS.items()}
_fact_union: Any = None
for _one in FACT_OF.values():
    _fact_union = _one if _fact_union is None else _fact_union | _one

_decode_event = msgspec.json.Decoder(AnyEvent).decode
_fact_lines = msgspec.json.Decoder(_fact_union).decode_lines
encode_fact = msgspec.json.Encoder().encode


def fact(time: int, source: str, id: str, data: Data) -> Fact:
    """A fact of the right kind for `data`."""
    made: Fact = FACT_OF[type(data)](time, source, id, data)
    return made


def read_facts(lines: bytes) -> list[Fact]:
    """The facts of compact lines, as they stand."""
    return _fact_lines(lines) if lines else []


class Refusal(Struct, frozen=True):
    """Why a record is no event: `reason` is one of REASONS, `detail` names the field."""

    reason: str
    detail: str


# reason -> what it means, for the operator.
REASONS = {
    "empty": "the record has no value",
    "not_json": "the value is not JSON in UTF-8",
    "not_an_event": "a field of the CloudEvent is missing or has the wrong type",
    "unknown_type": "the event's type is not part of the contract",
    "time_out_of_range": "a time lies before 2000 or after 2099",
    "key_mismatch": "the record's key is not the case id, so it may lie in another partition than its case",
    "conflicting_duplicate": "an event with this source and id was recorded before with other content",
}

_AT_TYPE = re.compile(r"`\$\.type`")


class Punctuation(Struct, frozen=True, gc=False):
    """A decoded punctuation record: `time` in ms since 1970 UTC."""

    time: int


def _further_times(data: Any) -> list[datetime]:
    """The times in an event's fields: due dates, and what a correction says."""
    if type(data) is Corrected:
        return [] if data.event is None else [data.event.time, *_further_times(data.event.data)]
    due = getattr(data, "due", None)
    return [] if due is None else [due]


def _in_range(data: Any) -> bool:
    return all(FIRST_YEAR <= moment.year <= LAST_YEAR for moment in _further_times(data))


_WITH_TIMES = frozenset({Submitted, Accepted, Rescheduled, Corrected})


def decode(key: bytes | None, value: bytes | None) -> tuple[str, Fact] | Punctuation | Refusal:
    """Decodes and checks one record of the case topic in one pass: (case id, fact), a punctuation or a refusal.

    Never raises for bad input.
    """
    if not value:
        return Refusal("empty", "")
    try:
        event = _decode_event(value)
    except msgspec.ValidationError as error:
        detail = str(error)
        return Refusal("unknown_type" if _AT_TYPE.search(detail) else "not_an_event", detail)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Refusal("not_json", str(error))
    moment = event.time
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        return Refusal("time_out_of_range", moment.isoformat())
    if type(event) is ClockEvent:
        return Punctuation(to_ms(moment))
    case_id = event.subject
    if key is None or key != case_id.encode():
        return Refusal("key_mismatch", "no key" if key is None else key.decode("utf-8", "replace")[:200])
    data = event.data
    kind = type(data)
    if kind in _WITH_TIMES and not _in_range(data):
        return Refusal("time_out_of_range", "a time among the event's fields")
    # `to_ms` written out: a call less, for every event passes here.
    since = moment - EPOCH
    time = since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
    return case_id, FACT_OF[kind](time, event.source, event.id, data)
