"""Records that are no events of the contract, one maker for each way in which feeds break.

A maker takes an event to resemble, a number that makes ids differ, and a random source; it returns key and value.
"""

from __future__ import annotations

from collections.abc import Callable

from producers.rhythm import Random
from producers.wire import SimEvent, cloud_event, iso_local, iso_utc

Broken = tuple[bytes | None, bytes | None]
Breaker = Callable[[SimEvent, int, Random], Broken]

_STATUSES = ("dung_xu_ly", "cho_bo_sung", "da_tra", "acceptedd", "status_5")


def _event(event: SimEvent, number: int, *, kind: str = "", time: str = "", data: str = "") -> bytes:
    return cloud_event(
        kind or event.kind,
        f"{event.id}.bad{number}",
        event.source,
        event.case,
        time or iso_local(event.time),
        data or event.data,
    )


def unknown_status(event: SimEvent, number: int, draw: Random) -> Broken:
    """A status the contract does not know."""
    kind = _STATUSES[int(draw() * len(_STATUSES))]
    return event.case.encode(), _event(event, number, kind=kind, data="{}")


def _no_value(event: SimEvent, number: int, draw: Random) -> Broken:
    return event.case.encode(), None if draw() < 0.5 else b""


def _cut_off(event: SimEvent, number: int, draw: Random) -> Broken:
    value = _event(event, number)
    return event.case.encode(), value[: 1 + int(draw() * (len(value) - 2))]


def _not_utf8(event: SimEvent, number: int, draw: Random) -> Broken:
    return event.case.encode(), _event(event, number).replace(b'"source":"', b'"source":"\xc3\x28', 1)


def _xml(event: SimEvent, number: int, draw: Random) -> Broken:
    return event.case.encode(), f"<hoSo><ma>{event.case}</ma></hoSo>".encode()


def _missing_field(event: SimEvent, number: int, draw: Random) -> Broken:
    field = (b'"specversion":"1.0",', f'"source":"{event.source}",'.encode(), f'"subject":"{event.case}",'.encode())
    return event.case.encode(), _event(event, number).replace(field[int(draw() * 3)], b"", 1)


def _wrong_type(event: SimEvent, number: int, draw: Random) -> Broken:
    if draw() < 0.5:
        return event.case.encode(), _event(event, number, kind="paid", data='{"amount":"50.000"}')
    return event.case.encode(), _event(event, number, data='"none"')


def _no_zone(event: SimEvent, number: int, draw: Random) -> Broken:
    return event.case.encode(), _event(event, number, time=iso_utc(event.time).rstrip("Z"))


def _compact_time(event: SimEvent, number: int, draw: Random) -> Broken:
    digits = "".join(one for one in iso_utc(event.time)[:19] if one.isdigit())
    return event.case.encode(), _event(event, number, time=digits)


def _other_key(event: SimEvent, number: int, draw: Random) -> Broken:
    return (None if draw() < 0.3 else b"H60.00-000000-00000"), _event(event, number)


def _other_century(event: SimEvent, number: int, draw: Random) -> Broken:
    time = iso_local(event.time)
    if draw() < 0.3:
        return event.case.encode(), _event(event, number, kind="accepted", data=f'{{"due":"9999{time[4:]}"}}')
    return event.case.encode(), _event(event, number, time=("1970" if draw() < 0.5 else "2925") + "-06-15" + time[10:])


# Reason of the dead letter -> how the record is broken.
ILL_FORMED: tuple[tuple[str, Breaker], ...] = (
    ("empty", _no_value),
    ("not_json", _cut_off),
    ("not_json", _not_utf8),
    ("not_json", _xml),
    ("not_an_event", _missing_field),
    ("not_an_event", _wrong_type),
    ("not_an_event", _no_zone),
    ("not_an_event", _compact_time),
    ("key_mismatch", _other_key),
    ("time_out_of_range", _other_century),
)
