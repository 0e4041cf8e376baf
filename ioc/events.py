"""The event contract: CloudEvents 1.0 of the case family, as types.

One event is one Kafka record: structured JSON, key = subject = case id, `time` = when it happened (RFC 3339 with an
offset). Each kind has a `data` class below; envelopes, compact facts and the published schemas are generated from
those classes, so there is one place to change. Unknown extra fields are accepted and ignored.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta, Struct

TYPE_PREFIX = "vn.gov.ioc.case."
CLOCK_TYPE = "vn.gov.ioc.clock.v1"

Name = Annotated[str, Meta(min_length=1, max_length=200)]
CaseId = Annotated[str, Meta(min_length=1, max_length=120)]
Moment = Annotated[datetime, Meta(tz=True)]
Channel = Literal["counter", "online", "postal"]
# Bounds keep every sum of a province's century inside 64 bits.
Dong = Annotated[int, Meta(ge=0, le=10**13, description="Amount in VND")]
Papers = Annotated[int, Meta(ge=0, le=100_000)]


class Data(Struct, frozen=True, omit_defaults=True, gc=False):
    """Base of every kind's fields."""


class Submitted(Data, frozen=True):
    """The applicant handed the case in (nộp hồ sơ); not yet accepted."""

    agency: Name | None = None
    service: Name | None = None
    channel: Channel | None = None
    due: Moment | None = None


class Accepted(Data, frozen=True):
    """The agency accepted the case (tiếp nhận); its clock starts. Missing fields keep what `submitted` said."""

    agency: Name | None = None
    service: Name | None = None
    channel: Channel | None = None
    due: Moment | None = None


class Refused(Data, frozen=True):
    """Not accepted (không được tiếp nhận)."""

    reason: str | None = None


class SupplementRequested(Data, frozen=True):
    """Papers are missing (yêu cầu bổ sung); the clock is paused until `supplemented`."""


class Supplemented(Data, frozen=True):
    """The applicant supplied the missing papers."""


class PaymentDue(Data, frozen=True):
    """A financial duty stands (nghĩa vụ tài chính); the clock is paused until it is `paid`."""

    amount: Dong = 0


class Paid(Data, frozen=True):
    """A payment was tried: `ok` false is a gateway failure and settles nothing."""

    amount: Dong = 0
    online: bool = False
    ok: bool = True
    purpose: str | None = None


class Paused(Data, frozen=True):
    """Processing stopped (dừng xử lý); the clock is paused until `resumed`."""


class Resumed(Data, frozen=True):
    """Processing goes on."""


class Rescheduled(Data, frozen=True):
    """A new due date was set (hẹn lại); `apology` says whether a letter of apology went out."""

    due: Moment
    apology: bool = False


class Transferred(Data, frozen=True):
    """The case went to another agency; what follows counts there."""

    agency: Name


class Finished(Data, frozen=True):
    """Processing is done (đã xử lý xong); `e_result` when the result was issued electronically."""

    e_result: bool = False


class Returned(Data, frozen=True):
    """The result was handed over (đã trả kết quả); `form` is the form of return, not the channel of submission."""

    form: Channel | None = None


class Withdrawn(Data, frozen=True):
    """The citizen withdrew the case (công dân rút)."""


class Digitised(Data, frozen=True):
    """Papers of the case: how many in all, digitised, and reused from earlier digitised data."""

    papers: Papers = 0
    digitised: Papers = 0
    reused: Papers = 0


class Rated(Data, frozen=True):
    """The applicant's rating."""

    satisfied: bool


class Synced(Data, frozen=True):
    """The national portal acknowledged the case, perhaps under an alias code and with its own status."""

    alias: CaseId | None = None
    status: str | None = None


# kind -> fields; the order is the documentation's order.
KINDS: dict[str, type[Data]] = {
    "submitted": Submitted,
    "accepted": Accepted,
    "refused": Refused,
    "supplement_requested": SupplementRequested,
    "supplemented": Supplemented,
    "payment_due": PaymentDue,
    "paid": Paid,
    "paused": Paused,
    "resumed": Resumed,
    "rescheduled": Rescheduled,
    "transferred": Transferred,
    "finished": Finished,
    "returned": Returned,
    "withdrawn": Withdrawn,
    "digitised": Digitised,
    "rated": Rated,
    "synced": Synced,
}


def type_of(kind: str) -> str:
    """The CloudEvents type of a kind, e.g. `vn.gov.ioc.case.accepted.v1`."""
    return f"{TYPE_PREFIX}{kind}.v1"


class Replacement(Protocol):
    """What a correction puts in an event's place: its true time and fields."""

    time: datetime
    data: Data


def _camel(kind: str) -> str:
    return "".join(part.capitalize() for part in kind.split("_"))


_REPLACEMENTS: list[Any] = [
    msgspec.defstruct(
        f"{_camel(kind)}Replacement",
        [("time", Moment), ("data", data)],
        tag_field="type",
        tag=type_of(kind),
        frozen=True,
        gc=False,
    )
    for kind, data in KINDS.items()
]
_replacement_union: Any = _REPLACEMENTS[0]
for _one in _REPLACEMENTS[1:]:
    _replacement_union = _replacement_union | _one

# `event` null withdraws the named event; otherwise it stands in the named event's place.
Corrected: Any = msgspec.defstruct(
    "Corrected",
    [("replaces", Name), ("event", _replacement_union | None, None)],
    bases=(Data,),
    frozen=True,
    omit_defaults=True,
    gc=False,
)
Corrected.__doc__ = "An earlier event of the same source was wrong: `event` replaces it; null withdraws it."
KINDS["corrected"] = Corrected


class Envelope(Protocol):
    """A decoded CloudEvent of the case family."""

    id: str
    source: str
    subject: str
    time: datetime
    data: Data


_ENVELOPES: list[Any] = [
    msgspec.defstruct(
        f"{_camel(kind)}Event",
        [
            ("specversion", Literal["1.0"]),
            ("id", Name),
            ("source", Name),
            ("subject", CaseId),
            ("time", Moment),
            ("data", data),
            ("datacontenttype", Literal["application/json"], "application/json"),
        ],
        tag_field="type",
        tag=type_of(kind),
        frozen=True,
        gc=False,
        module=__name__,
        namespace={"__doc__": data.__doc__},
    )
    for kind, data in KINDS.items()
]


class ClockEvent(Struct, frozen=True, gc=False, tag_field="type", tag=CLOCK_TYPE):
    """Punctuation: the elected worker, or a replay, says that time has reached `time` on this partition."""

    specversion: Literal["1.0"]
    id: Name
    source: Name
    time: Moment


AnyEvent: Any = ClockEvent
for _one in _ENVELOPES:
    AnyEvent = AnyEvent | _one

ENVELOPE_OF: dict[str, Any] = dict(zip(KINDS, _ENVELOPES, strict=True))
KIND_OF_DATA: dict[type[Data], str] = {data: kind for kind, data in KINDS.items()}


def encode_event(kind: str, *, id: str, source: str, subject: str, time: datetime, data: Data) -> bytes:
    """One event as structured CloudEvents JSON."""
    envelope = ENVELOPE_OF[kind](specversion="1.0", id=id, source=source, subject=subject, time=time, data=data)
    return msgspec.json.encode(envelope)


def encode_clock(*, id: str, source: str, time: datetime) -> bytes:
    """One punctuation record; its Kafka key is null."""
    return msgspec.json.encode(ClockEvent(specversion="1.0", id=id, source=source, time=time))


def correction(replaces: str, kind: str | None, time: datetime | None, data: Data | None) -> Data:
    """The fields of a `corrected` event; kind, time and data all None withdraws the named event."""
    if kind is None:
        withdrawal: Data = Corrected(replaces=replaces, event=None)
        return withdrawal
    replacement = _REPLACEMENTS[list(KINDS).index(kind)](time=time, data=data)
    corrected: Data = Corrected(replaces=replaces, event=replacement)
    return corrected
