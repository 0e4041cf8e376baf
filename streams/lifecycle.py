"""The life of a case as a pure function of its set of facts: docs/lifecycle.md in Python.

`fold` takes any facts in any order. `advance` takes one more fact onto a folded case and is the same function, only
faster, for the usual event: the next one in time, new, and changing nothing of what the case has counted so far.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ioc.events import Accepted, Corrected, Submitted
from ioc.facts import Fact, encode_fact, fact, read_facts, to_ms
from streams.dimensions import Dimensions
from streams.steps import NO_INITIAL_DUE, RESCHEDULED, STEPS, TRANSFERRED, Case, Counts


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
        STEPS[type(one.data)](case, one.time, one.data, counts, dimensions)
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
    STEPS[kind](case, one.time, data, counts, dimensions)
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
    STEPS[kind](case, one.time, data, counts, dimensions)
    case.facts = case.facts + b"\n" + encode_fact(one)
    case.last = one.time
    return True


def load(lines: bytes, dimensions: Dimensions) -> Case:
    """The case of stored compact facts."""
    return fold(read_facts(lines), dimensions, {})
