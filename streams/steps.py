"""One step of a case's life: what an event changes in the case and what it counts, as docs/lifecycle.md has it.

A step takes the case as folded so far and the next event in fold order; it changes the case in place and adds what it
counts to a `Counts`: cell key -> whole number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from ioc.events import (
    Accepted,
    Data,
    Digitised,
    Finished,
    Paid,
    Paused,
    PaymentDue,
    Rated,
    Refused,
    Rescheduled,
    Resumed,
    Returned,
    Submitted,
    Supplemented,
    SupplementRequested,
    Synced,
    Transferred,
    Withdrawn,
)
from ioc.facts import to_ms
from ioc.local_time import HOUR_MS, day_of
from streams.dimensions import MEASURE_BITS, Dimensions

Counts = dict[int, int]

OPEN, REFUSED, WITHDRAWN, FINISHED = 0, 1, 2, 3
# Reasons for which the clock stands still.
SUPPLEMENT, PAYMENT, STOP = 1, 2, 4
# What happened before, in `Case.seen`: firsts that were counted, and what keeps `advance` from its short way.
FEE_DUE, RETURNED, DIGITISED, SYNCED, RECEIVED, NO_INITIAL_DUE, TRANSFERRED, RESCHEDULED = (1 << n for n in range(8))


class Case(Struct, gc=False):
    """A folded case. Times in ms since 1970 UTC, 0 = none; `dimension` as `Dimensions.intern` gives it.

    A million of these are held, hence no reference cycles, no garbage collector and no nested objects.
    """

    facts: bytes = b""
    last: int = 0
    dimension: int = 0
    submitted: int = 0
    accepted: int = 0
    closed: int = OPEN
    closed_at: int = 0
    due: int = 0
    pauses: int = 0
    paused_since: int = 0
    waited: int = 0
    supplements: int = 0
    seen: int = 0
    # Kept by streams/stocks.py: which stocks the case stands in.
    stock: int = 0


M = MEASURE_BITS


def _count(counts: Counts, case: Case, measure: int, time: int, number: int = 1) -> None:
    if number:
        key = case.dimension | measure | time // HOUR_MS
        counts[key] = counts.get(key, 0) + number


def _pause(case: Case, reason: int, time: int) -> None:
    if not case.pauses:
        case.paused_since = time
    case.pauses |= reason


def _resume(case: Case, reasons: int, time: int) -> None:
    if case.pauses & reasons:
        case.pauses &= ~reasons
        if not case.pauses:
            length = time - case.paused_since
            case.waited += length
            if case.due:
                case.due += length


def _close(case: Case, how: int, time: int) -> None:
    _resume(case, SUPPLEMENT | PAYMENT | STOP, time)
    case.closed = how
    case.closed_at = time


def _submitted(case: Case, time: int, data: Submitted, counts: Counts, dimensions: Dimensions) -> None:
    if not case.submitted:
        case.submitted = time
        _count(counts, case, M["submitted"], time)


def _accepted(case: Case, time: int, data: Accepted, counts: Counts, dimensions: Dimensions) -> None:
    # `fold` has set `accepted` and the initial due date beforehand: they hold for the whole case.
    if not case.seen & RECEIVED:
        case.seen |= RECEIVED
        _count(counts, case, M["received"], time)
        if case.seen & NO_INITIAL_DUE:
            _count(counts, case, M["received_no_due"], time)


def _refused(case: Case, time: int, data: Refused, counts: Counts, dimensions: Dimensions) -> None:
    if not case.closed:
        _close(case, REFUSED, time)
        _count(counts, case, M["refused"], time)


def _withdrawn(case: Case, time: int, data: Withdrawn, counts: Counts, dimensions: Dimensions) -> None:
    if not case.closed:
        _close(case, WITHDRAWN, time)
        _count(counts, case, M["withdrawn"], time)


def _supplement_requested(case: Case, time: int, data: Data, counts: Counts, dimensions: Dimensions) -> None:
    if not case.closed:
        case.supplements += 1
        _pause(case, SUPPLEMENT, time)
        _count(counts, case, M["supplement_requests"], time)


def _supplemented(case: Case, time: int, data: Data, counts: Counts, dimensions: Dimensions) -> None:
    _resume(case, SUPPLEMENT, time)


def _payment_due(case: Case, time: int, data: PaymentDue, counts: Counts, dimensions: Dimensions) -> None:
    if not case.closed:
        _pause(case, PAYMENT, time)
        if not case.seen & FEE_DUE:
            case.seen |= FEE_DUE
            _count(counts, case, M["fee_due"], time)


def _paid(case: Case, time: int, data: Paid, counts: Counts, dimensions: Dimensions) -> None:
    if not data.ok:
        _count(counts, case, M["payment_failures"], time)
        return
    _count(counts, case, M["payments"], time)
    _count(counts, case, M["payments_amount"], time, data.amount)
    if data.online:
        _count(counts, case, M["payments_online"], time)
        _count(counts, case, M["payments_online_amount"], time, data.amount)
    _resume(case, PAYMENT, time)


def _paused(case: Case, time: int, data: Data, counts: Counts, dimensions: Dimensions) -> None:
    if not case.closed:
        _pause(case, STOP, time)


def _resumed(case: Case, time: int, data: Data, counts: Counts, dimensions: Dimensions) -> None:
    _resume(case, STOP, time)


def _rescheduled(case: Case, time: int, data: Rescheduled, counts: Counts, dimensions: Dimensions) -> None:
    if not case.closed:
        case.due = to_ms(data.due)
        case.seen |= RESCHEDULED
        if case.pauses:
            # The new date takes the pause so far into account; the handling time leaves it out all the same.
            case.waited += time - case.paused_since
            case.paused_since = time
        _count(counts, case, M["rescheduled"], time)
        if not data.apology:
            _count(counts, case, M["rescheduled_no_apology"], time)


def _transferred(case: Case, time: int, data: Transferred, counts: Counts, dimensions: Dimensions) -> None:
    _, service, channel = dimensions[case.dimension]
    case.dimension = dimensions.intern(data.agency, service, channel)
    case.seen |= TRANSFERRED
    _count(counts, case, M["transferred"], time)


def _finish(case: Case, time: int, e_result: bool, counts: Counts) -> None:
    _close(case, FINISHED, time)
    _count(counts, case, M["finished"], time)
    if e_result:
        _count(counts, case, M["finished_e_result"], time)
    if not case.due:
        _count(counts, case, M["finished_no_due"], time)
    elif time > case.due:
        _count(counts, case, M["finished_late"], time)
    else:
        early = day_of(time) < day_of(case.due)
        _count(counts, case, M["finished_early"] if early else M["finished_on_time"], time)
        # QĐ 766: asking the citizen for papers more than once counts as late.
        if case.supplements <= 1:
            _count(counts, case, M["finished_on_time_766"], time)
    if case.accepted and case.accepted <= time:
        _count(counts, case, M["handled"], time)
        _count(counts, case, M["handling_seconds"], time, max(0, time - case.accepted - case.waited) // 1000)


def _finished(case: Case, time: int, data: Finished, counts: Counts, dimensions: Dimensions) -> None:
    if not case.closed:
        _finish(case, time, data.e_result, counts)


def _returned(case: Case, time: int, data: Returned, counts: Counts, dimensions: Dimensions) -> None:
    if not case.seen & RETURNED:
        case.seen |= RETURNED
        _count(counts, case, M["returned"], time)
    if not case.closed:
        _finish(case, time, False, counts)


def _digitised(case: Case, time: int, data: Digitised, counts: Counts, dimensions: Dimensions) -> None:
    _count(counts, case, M["papers"], time, data.papers)
    _count(counts, case, M["papers_digitised"], time, data.digitised)
    _count(counts, case, M["papers_reused"], time, data.reused)
    if not case.seen & DIGITISED:
        case.seen |= DIGITISED
        _count(counts, case, M["cases_digitised"], time)


def _rated(case: Case, time: int, data: Rated, counts: Counts, dimensions: Dimensions) -> None:
    _count(counts, case, M["ratings"], time)
    if data.satisfied:
        _count(counts, case, M["ratings_satisfied"], time)


def _synced(case: Case, time: int, data: Synced, counts: Counts, dimensions: Dimensions) -> None:
    if not case.seen & SYNCED:
        case.seen |= SYNCED
        _count(counts, case, M["synced"], time)


STEPS: dict[type[Data], Callable[[Case, int, Any, Counts, Dimensions], None]] = {
    Submitted: _submitted,
    Accepted: _accepted,
    Refused: _refused,
    Withdrawn: _withdrawn,
    SupplementRequested: _supplement_requested,
    Supplemented: _supplemented,
    PaymentDue: _payment_due,
    Paid: _paid,
    Paused: _paused,
    Resumed: _resumed,
    Rescheduled: _rescheduled,
    Transferred: _transferred,
    Finished: _finished,
    Returned: _returned,
    Digitised: _digitised,
    Rated: _rated,
    Synced: _synced,
}
