"""A history for every row and rule of docs/lifecycle.md, with the cells and the case row worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.sinks.tables import Event

H = 3_600_000


@dataclass(slots=True)
class History:
    """One case. `cells`: (measure, local hour `05 08`) -> value, at the history's own agency unless a third says else.

    `case`: the columns of the case row that are not empty; `due` and such as `05 08:30`, or ms since 1970.
    """

    name: str
    events: list[Event]
    cells: dict[Any, int]
    case: dict[str, Any] = field(default_factory=dict)
    service: str = "s"
    channel: str = "counter"
    agency: str = ""
    facts: int | None = None


def E(kind: str, time: str, id: str = "", source: str = "hcc", **data: Any) -> Event:
    return Event(kind, time, data, id, source)


def accepted(name: str, time: str = "05 08:00", due: str | None = None, **more: Any) -> Event:
    said = {"agency": name, "service": "s", "channel": "counter", **more}
    return E("accepted", time, **(said if due is None else {**said, "due": due}))


NOON = "2026-01-05T12:00:00+07:00"
TOMORROW = "2026-01-06T08:00:00+07:00"
RECEIVED: dict[Any, int] = {("received", "05 08"): 1}
NO_DUE: dict[Any, int] = {**RECEIVED, ("received_no_due", "05 08"): 1}
OPEN = {"status": "open", "accepted": "05 08:00"}
DONE = {"status": "finished", "accepted": "05 08:00"}


def outcome(
    hour: str, how: str, seconds: int | None, *, in_766: bool = False, e_result: bool = False
) -> dict[Any, int]:
    cells: dict[Any, int] = {("finished", hour): 1, (how, hour): 1}
    if in_766:
        cells["finished_on_time_766", hour] = 1
    if e_result:
        cells["finished_e_result", hour] = 1
    if seconds is not None:
        cells["handled", hour] = 1
        cells["handling_seconds", hour] = seconds
    return cells


SIMPLE = [
    History(
        "submitted",
        [E("submitted", "05 08:10", agency="submitted", service="s", channel="counter"), E("submitted", "05 09:10")],
        {("submitted", "05 08"): 1},
        {"status": "waiting", "submitted": "05 08:10"},
    ),
    History(
        "accepted",
        [
            E("submitted", "05 08:00", agency="elsewhere", service="s", channel="online"),
            accepted("accepted", "05 09:30"),
            accepted("later", "05 10:30", NOON),
        ],
        {("submitted", "05 08"): 1, ("received", "05 09"): 1, ("received_no_due", "05 09"): 1},
        {"status": "open", "submitted": "05 08:00", "accepted": "05 09:30"},
    ),
    History(
        "submission's fields hold where acceptance says nothing",
        [
            E("submitted", "05 08:00", agency="kept", service="s", channel="counter", due=NOON),
            E("accepted", "05 09:00"),
        ],
        {("submitted", "05 08"): 1, ("received", "05 09"): 1},
        {"status": "open", "submitted": "05 08:00", "accepted": "05 09:00", "due": "05 12:00"},
        agency="kept",
    ),
    History(
        "refused",
        [
            E("submitted", "05 08:00", agency="refused", service="s", channel="counter"),
            E("refused", "05 09:00"),
            E("refused", "05 10:00"),
            E("withdrawn", "05 10:00"),
            E("supplement_requested", "05 11:00"),
            E("payment_due", "05 11:00", amount=5),
            E("paused", "05 11:00"),
            E("rescheduled", "05 11:00", due=TOMORROW),
            E("finished", "05 12:00"),
        ],
        {("submitted", "05 08"): 1, ("refused", "05 09"): 1},
        {"status": "refused", "submitted": "05 08:00", "closed": "05 09:00"},
    ),
    History(
        "withdrawn while paused",
        [accepted("withdrawn while paused", due=NOON), E("paused", "05 09:00"), E("withdrawn", "05 11:00")],
        {**RECEIVED, ("withdrawn", "05 11"): 1},
        {
            "status": "withdrawn",
            "accepted": "05 08:00",
            "closed": "05 11:00",
            "waited_ms": 2 * H,
            "due": "05 14:00",
        },
    ),
    History(
        "supplements",
        [
            accepted("supplements", due=NOON),
            E("supplement_requested", "05 09:00"),
            E("supplemented", "05 10:00"),
            E("supplement_requested", "05 10:30"),
            E("supplement_requested", "05 10:40"),
            E("supplemented", "05 11:00"),
            E("supplemented", "05 11:30"),
            E("finished", "05 13:30"),
        ],
        {
            **RECEIVED,
            ("supplement_requests", "05 09"): 1,
            ("supplement_requests", "05 10"): 2,
            **outcome("05 13", "finished_on_time", 4 * 3600),
        },
        {**DONE, "closed": "05 13:30", "due": "05 13:30", "waited_ms": H * 3 // 2, "supplements": 3},
    ),
    History(
        "payments",
        [
            accepted("payments"),
            E("payment_due", "05 09:00", amount=12),
            E("payment_due", "05 09:30", amount=12),
            E("paid", "05 10:00", amount=5, ok=False, online=True),
            E("paid", "05 11:00", amount=5, online=True),
            E("paid", "05 12:00", amount=7),
        ],
        {
            **NO_DUE,
            ("fee_due", "05 09"): 1,
            ("payment_failures", "05 10"): 1,
            ("payments", "05 11"): 1,
            ("payments_amount", "05 11"): 5,
            ("payments_online", "05 11"): 1,
            ("payments_online_amount", "05 11"): 5,
            ("payments", "05 12"): 1,
            ("payments_amount", "05 12"): 7,
        },
        {**OPEN, "waited_ms": 2 * H},
    ),
    History(
        "two reasons, one pause",
        [
            accepted("two reasons, one pause", due=NOON),
            E("resumed", "05 08:30"),
            E("paused", "05 09:00"),
            E("supplement_requested", "05 10:00"),
            E("resumed", "05 11:00"),
            E("supplemented", "05 12:00"),
        ],
        {**RECEIVED, ("supplement_requests", "05 10"): 1},
        {**OPEN, "waited_ms": 3 * H, "due": "05 15:00", "supplements": 1},
    ),
    History(
        "still paused",
        [accepted("still paused", due=NOON), E("paused", "05 09:00")],
        RECEIVED,
        {"status": "paused", "accepted": "05 08:00", "due": "05 12:00"},
    ),
    History(
        "rescheduled",
        [
            accepted("rescheduled", due=NOON),
            E("rescheduled", "05 08:30", due=NOON, apology=True),
            E("paused", "05 09:00"),
            E("rescheduled", "05 11:00", due=TOMORROW),
            E("resumed", "05 12:00"),
        ],
        {
            **RECEIVED,
            ("rescheduled", "05 08"): 1,
            ("rescheduled", "05 11"): 1,
            ("rescheduled_no_apology", "05 11"): 1,
        },
        {**OPEN, "waited_ms": 3 * H, "due": "06 09:00"},
    ),
    History(
        "transferred",
        [accepted("from"), E("transferred", "05 09:00", agency="000.00.77.H60"), E("finished", "05 10:00")],
        {
            ("received", "05 08", "from"): 1,
            ("received_no_due", "05 08", "from"): 1,
            ("transferred", "05 09"): 1,
            **outcome("05 10", "finished_no_due", 2 * 3600),
        },
        {**DONE, "closed": "05 10:00"},
        agency="H60.77",
    ),
    History(
        "early by local days, electronic",
        [
            accepted("early by local days, electronic", due="2026-01-05T17:00:00Z"),
            E("finished", "05 23:59", e_result=True),
        ],
        {**RECEIVED, **outcome("05 23", "finished_early", 16 * 3600 - 60, in_766=True, e_result=True)},
        {**DONE, "closed": "05 23:59", "due": "06 00:00"},
    ),
    History(
        "on time to the millisecond",
        [accepted("on time to the millisecond", due=NOON), E("finished", "05 12:00")],
        {**RECEIVED, **outcome("05 12", "finished_on_time", 4 * 3600, in_766=True)},
        {**DONE, "closed": "05 12:00", "due": "05 12:00"},
    ),
    History(
        "late by a millisecond",
        [accepted("late by a millisecond", due=NOON), E("finished", "2026-01-05T12:00:00.001+07:00")],
        {**RECEIVED, **outcome("05 12", "finished_late", 4 * 3600)},
        {**DONE, "closed_ms": 1_767_589_200_001, "due": "05 12:00"},
    ),
    History(
        "finished without acceptance",
        [
            E("submitted", "05 08:00", agency="finished without acceptance", service="s", channel="counter"),
            E("finished", "05 09:00"),
        ],
        {("submitted", "05 08"): 1, **outcome("05 09", "finished_no_due", None)},
        {"status": "finished", "submitted": "05 08:00", "closed": "05 09:00"},
    ),
    History(
        "accepted after the end",
        [E("finished", "05 08:00"), accepted("accepted after the end", "05 09:00", NOON)],
        {("received", "05 09"): 1, **outcome("05 08", "finished_on_time", None, in_766=True)},
        {"status": "finished", "accepted": "05 09:00", "closed": "05 08:00", "due": "05 12:00"},
    ),
    History(
        "returned without an end",
        [accepted("returned without an end", due=NOON), E("paused", "05 09:00"), E("returned", "05 12:00")],
        {**RECEIVED, ("returned", "05 12"): 1, **outcome("05 12", "finished_on_time", 3600, in_766=True)},
        {**DONE, "closed": "05 12:00", "due": "05 15:00", "waited_ms": 3 * H},
    ),
    History(
        "returned twice after the end",
        [
            accepted("returned twice after the end"),
            E("finished", "05 09:00", e_result=True),
            E("returned", "05 10:00", form="online"),
            E("returned", "05 11:00"),
        ],
        {**NO_DUE, ("returned", "05 10"): 1, **outcome("05 09", "finished_no_due", 3600, e_result=True)},
        {**DONE, "closed": "05 09:00"},
    ),
    History(
        "digitised",
        [
            accepted("digitised"),
            E("digitised", "05 09:00", papers=4, digitised=3, reused=1),
            E("digitised", "05 09:30", papers=2),
        ],
        {
            **NO_DUE,
            ("papers", "05 09"): 6,
            ("papers_digitised", "05 09"): 3,
            ("papers_reused", "05 09"): 1,
            ("cases_digitised", "05 09"): 1,
        },
        OPEN,
    ),
    History(
        "rated by nobody known, synced twice",
        [
            E("rated", "05 09:00", satisfied=True),
            E("rated", "05 09:30", satisfied=False),
            E("synced", "05 09:00", alias="x"),
            E("synced", "05 09:10"),
        ],
        {("ratings", "05 09"): 2, ("ratings_satisfied", "05 09"): 1, ("synced", "05 09"): 1},
        {"status": "unknown"},
        agency="unknown",
        service="unknown",
        channel="unknown",
    ),
]

RULES = [
    History(
        "duplicates, and one id of two sources",
        [
            accepted("duplicates, and one id of two sources"),
            E("rated", "05 09:00", "r", satisfied=True),
            E("rated", "2026-01-05T02:00:00Z", "r", satisfied=True, stars=5),
            E("rated", "05 09:00", "r", "portal", satisfied=False),
        ],
        {**NO_DUE, ("ratings", "05 09"): 2, ("ratings_satisfied", "05 09"): 1},
        OPEN,
        facts=3,
    ),
    History(
        "corrections",
        [
            E(
                "accepted",
                "05 08:00",
                "a",
                agency="wrong",
                service="wrong",
                channel="online",
            ),
            E("finished", "05 09:00", "f"),
            E("rated", "05 10:00", "r", satisfied=True),
            # Of two that name the same event the later counts, whichever came first.
            E(
                "corrected",
                "05 21:00",
                "c2",
                replaces="a",
                event={
                    "type": "vn.gov.ioc.case.accepted.v1",
                    "time": "2026-01-05T09:30:00+07:00",
                    "data": {"agency": "corrections", "service": "s", "channel": "counter"},
                },
            ),
            E(
                "corrected",
                "05 20:00",
                "c1",
                replaces="a",
                event={"type": "vn.gov.ioc.case.rated.v1", "time": NOON, "data": {"satisfied": False}},
            ),
            E("corrected", "05 22:00", "c3", replaces="f", event=None),
            # Another source's word does not touch this source's event.
            E("corrected", "05 22:00", "c4", "portal", replaces="r"),
            # A correction cannot be corrected; what it puts in place stands.
            E(
                "corrected",
                "05 23:00",
                "c5",
                replaces="c2",
                event={"type": "vn.gov.ioc.case.synced.v1", "time": NOON, "data": {}},
            ),
        ],
        {
            ("received", "05 09"): 1,
            ("received_no_due", "05 09"): 1,
            ("ratings", "05 10"): 1,
            ("ratings_satisfied", "05 10"): 1,
            ("synced", "05 12"): 1,
        },
        {"status": "open", "accepted": "05 09:30"},
    ),
    History(
        "codes in one form",
        [accepted("000.00.12.H60", service="2.000815.000.00.00.H60")],
        NO_DUE,
        OPEN,
        agency="H60.12",
        service="2.000815",
    ),
    History(
        "the agency told late holds for all",
        [E("rated", "05 07:00", satisfied=True), accepted("the agency told late holds for all")],
        {**NO_DUE, ("ratings", "05 07"): 1, ("ratings_satisfied", "05 07"): 1},
        OPEN,
    ),
    History(
        "a fraction finer than a microsecond is rounded",
        [
            accepted("a fraction finer than a microsecond is rounded", "2026-01-05t00:59:59.9999996z"),
            E("synced", "2026-01-05T01:59:59.999999+00:00"),
        ],
        {("received", "05 08"): 1, ("received_no_due", "05 08"): 1, ("synced", "05 08"): 1},
        OPEN,
    ),
    History(
        "one instant is ordered by source and id",
        [
            accepted("one instant is ordered by source and id"),
            E("withdrawn", "05 09:00", "a", "portal"),
            E("finished", "05 09:00", "z"),
        ],
        {**NO_DUE, **outcome("05 09", "finished_no_due", 3600)},
        {**DONE, "closed": "05 09:00"},
    ),
    History(
        "fields a kind does not have mean nothing",
        [
            accepted("fields a kind does not have mean nothing", amount=9),
            E("rated", "05 09:00", satisfied=True, agency="x", due=NOON, ok=False),
        ],
        {**NO_DUE, ("ratings", "05 09"): 1, ("ratings_satisfied", "05 09"): 1},
        OPEN,
    ),
]

HISTORIES = [*SIMPLE, *RULES]
