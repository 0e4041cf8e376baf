"""The life of a case as a pure function of its set of facts: docs/lifecycle.md in Python.

`fold` takes any facts in any order. `advance` takes one more fact onto a folded case and is the same function, only
faster, for the usual event: the next one in time, new, and changing nothing of what the case has counted so far.
Both add what a step counts to a `Counts`: cell key -> whole number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from ioc.events import (
    Accepted,
    Corrected,
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
from ioc.facts import Fact, encode_fact, fact, read_facts, to_ms
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


_STEPS: dict[type[Data], Callable[[Case, int, Any, Counts, Dimensions], None]] = {
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


def _order(one: Fact) -> tuple[int, str, str]:
    return one.time, one.source, one.id


def effective(facts: Iterable[Fact]) -> list[Fact]:
    """The facts that count, in fold order: corrected ones replaced, corrections resolved to what they put in place."""
    plain: list[Fact] = []
    winners: dict[tuple[str, str], Fact] = {}
    for one in facts:
        data: Any = one.data
        if type(data) is not Corrected:
            plain.append(one)
            continue
        named = (one.source, data.replaces)
        rival = winners.get(named)
        if rival is None or (rival.time, rival.id) < (one.time, one.id):
            winners[named] = one
    if winners:
        plain = [one for one in plain if (one.source, one.id) not in winners]
        for one in winners.values():
            replacement = one.data.event  # type: ignore[attr-defined]
            if replacement is not None:
                plain.append(fact(to_ms(replacement.time), one.source, one.id, replacement.data))
    plain.sort(key=_order)
    return plain


def _begin(ordered: list[Fact], dimensions: Dimensions) -> Case:
    """A case with what holds for it as a whole: dimension, acceptance and initial due date."""
    case = Case()
    submitted: Any = next((one for one in ordered if type(one.data) is Submitted), None)
    accepted: Any = next((one for one in ordered if type(one.data) is Accepted), None)
    said: list[Any] = [one.data for one in (accepted, submitted) if one is not None]

    def first(field: str) -> Any:
        return next((value for data in said if (value := getattr(data, field)) is not None), None)

    case.dimension = dimensions.intern(first("agency"), first("service"), first("channel"))
    due = first("due")
    if due is None:
        case.seen = NO_INITIAL_DUE
    else:
        case.due = to_ms(due)
    if accepted is not None:
        case.accepted = accepted.time
    return case


def fold(facts: list[Fact], dimensions: Dimensions, counts: Counts) -> Case:
    """The case of a set of distinct facts; what it counts is added to `counts`."""
    ordered = effective(facts)
    case = _begin(ordered, dimensions)
    for one in ordered:
        _STEPS[type(one.data)](case, one.time, one.data, counts, dimensions)
    if facts:
        case.facts = b"\n".join(map(encode_fact, facts))
        case.last = max(one.time for one in (*facts, *ordered))
    return case


def begin(one: Fact, dimensions: Dimensions, counts: Counts) -> Case:
    """The case of its first known fact."""
    data: Any = one.data
    kind = type(data)
    if kind is not Submitted and kind is not Accepted:
        return fold([one], dimensions, counts)
    case = Case(
        facts=encode_fact(one), last=one.time, dimension=dimensions.intern(data.agency, data.service, data.channel)
    )
    if data.due is None:
        case.seen = NO_INITIAL_DUE
    else:
        case.due = to_ms(data.due)
    if kind is Accepted:
        case.accepted = one.time
    _STEPS[kind](case, one.time, data, counts, dimensions)
    return case


def _takes_effect_alone(case: Case, data: Any, dimensions: Dimensions) -> bool:
    """Whether a later `submitted` or `accepted` changes nothing that was counted before it; sets what it says."""
    if type(data) is Submitted:
        return bool(case.submitted)
    if case.accepted:
        return True
    if not case.submitted or case.closed or case.waited or case.seen & (TRANSFERRED | RESCHEDULED):
        return False
    agency, service, channel = dimensions[case.dimension]
    if dimensions.intern(data.agency or agency, data.service or service, data.channel or channel) != case.dimension:
        return False
    if data.due is not None:
        case.due = to_ms(data.due)
        case.seen &= ~NO_INITIAL_DUE
    return True


def advance(case: Case, one: Fact, counts: Counts, dimensions: Dimensions) -> bool:
    """Takes the next fact onto `case` in place, or returns False, nothing changed: `fold` it with the others then.

    Equal to folding anew whenever it returns True; a property test holds it to that.
    """
    data = one.data
    kind = type(data)
    # An id among the facts, as an event's or as one that a correction names, needs the whole history to judge.
    if one.time <= case.last or kind is Corrected or encode_fact(one.id) in case.facts:
        return False
    if kind is Submitted or kind is Accepted:
        if not _takes_effect_alone(case, data, dimensions):
            return False
        if kind is Accepted and not case.accepted:
            case.accepted = one.time
    _STEPS[kind](case, one.time, data, counts, dimensions)
    case.facts = case.facts + b"\n" + encode_fact(one)
    case.last = one.time
    return True


def load(lines: bytes, dimensions: Dimensions) -> Case:
    """The case of stored compact facts."""
    return fold(read_facts(lines), dimensions, {})
