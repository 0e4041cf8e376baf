"""The fold is a function of the set of facts; `advance` is the fold, only faster."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.events import (
    Accepted,
    Digitised,
    Finished,
    Paid,
    PaymentDue,
    Refused,
    Rescheduled,
    Returned,
    Submitted,
    Supplemented,
    SupplementRequested,
    Transferred,
    Withdrawn,
    correction,
)
from ioc.facts import Fact, fact, to_ms
from streams.dimensions import Dimensions
from streams.lifecycle import advance, fold
from streams.steps import Case, Counts
from tests.streams.histories import facts

MONDAY = datetime(2026, 1, 5, 1, tzinfo=UTC)  # 08:00 local


def at(hours: float, data: object, id: str) -> Fact:
    return fact(to_ms(MONDAY + timedelta(hours=hours)), "hcc", id, data)  # type: ignore[arg-type]


def counted(*history: Fact) -> dict[str, int]:
    """measure -> value over all cells."""
    dimensions, counts = Dimensions(), Counts()
    fold(list(history), dimensions, counts)
    totals: dict[str, int] = {}
    for key, value in counts.items():
        measure = dimensions.cell(key).measure
        totals[measure] = totals.get(measure, 0) + value
    return totals


def due(hours: float) -> datetime:
    return MONDAY + timedelta(hours=hours)


def without_facts(case: Case) -> tuple[object, ...]:
    return tuple(getattr(case, name) for name in case.__struct_fields__ if name != "facts")


@settings(max_examples=400, deadline=None)
@given(facts(), st.randoms(use_true_random=False))
def test_order_does_not_matter(history: list[Fact], rng: random.Random) -> None:
    dimensions = Dimensions()
    one, other = Counts(), Counts()
    first = fold(history, dimensions, one)
    shuffled = rng.sample(history, len(history))
    second = fold(shuffled, dimensions, other)
    assert one == other
    assert without_facts(first) == without_facts(second)


@settings(max_examples=800, deadline=None)
@given(facts())
def test_advance_is_the_fold(history: list[Fact]) -> None:
    """Taken one by one, the short way where it is open and anew where it is not: equal to folding the whole set."""
    dimensions, counts = Dimensions(), Counts()
    case = Case()
    seen: list[Fact] = []
    for one in sorted(history, key=lambda each: (each.time, each.source, each.id)):
        if not seen or not advance(case, one, counts, dimensions):
            counts = Counts()
            case = fold([*seen, one], dimensions, counts)
        seen.append(one)
        expected = Counts()
        anew = fold(seen, dimensions, expected)
        assert counts == expected
        assert without_facts(case) == without_facts(anew)
        assert case.facts == anew.facts


def test_the_short_way_is_taken_for_the_usual_history() -> None:
    dimensions, counts = Dimensions(), Counts()
    given_ = {"agency": "H60.12", "service": "1.000001", "channel": "online"}
    case = fold([at(0, Submitted(**given_), "1")], dimensions, counts)
    usual = [Accepted(due=due(48), **given_), SupplementRequested(), Supplemented(), Digitised(papers=2), Finished()]
    for number, data in enumerate(usual, start=2):
        assert advance(case, at(number, data, str(number)), counts, dimensions)
    assert not advance(case, at(9, Finished(), "3"), counts, dimensions), "a known id needs the whole history"
    assert not advance(case, at(6, Returned(), "9"), counts, dimensions), "an instant that is not past needs it too"


def test_on_time_late_and_early() -> None:
    accepted = at(0, Accepted(due=due(6)), "1")
    assert counted(accepted, at(6, Finished(), "2"))["finished_on_time"] == 1
    assert counted(accepted, at(6.01, Finished(), "2"))["finished_late"] == 1
    early = counted(at(0, Accepted(due=due(48)), "1"), at(6, Finished(e_result=True), "2"))
    assert early["finished_early"] == early["finished_on_time_766"] == early["finished_e_result"] == 1
    assert early["handling_seconds"] == 6 * 3600


def test_a_missing_due_date_is_not_on_time() -> None:
    totals = counted(at(0, Accepted(), "1"), at(6, Finished(), "2"))
    assert totals["received_no_due"] == totals["finished_no_due"] == 1
    assert "finished_on_time" not in totals
    assert "finished_on_time_766" not in totals


def test_waiting_for_the_citizen_moves_the_due_date() -> None:
    history = [at(0, Accepted(due=due(6)), "1"), at(2, SupplementRequested(), "2"), at(5, Supplemented(), "3")]
    totals = counted(*history, at(8, Finished(), "4"))
    assert totals["finished_on_time"] == 1
    assert totals["handling_seconds"] == 5 * 3600


def test_finishing_while_paused_ends_the_pause() -> None:
    totals = counted(at(0, Accepted(due=due(6)), "1"), at(2, PaymentDue(amount=5), "2"), at(30, Finished(), "3"))
    assert totals["handling_seconds"] == 2 * 3600
    assert "finished_late" not in totals


def test_more_than_one_supplement_counts_as_late_in_the_reading_of_766() -> None:
    asked = [at(1, SupplementRequested(), "2"), at(2, Supplemented(), "3")]
    again = [at(3, SupplementRequested(), "4"), at(4, Supplemented(), "5")]
    accepted, finished = at(0, Accepted(due=due(8)), "1"), at(5, Finished(), "6")
    assert counted(accepted, *asked, finished)["finished_on_time_766"] == 1
    twice = counted(accepted, *asked, *again, finished)
    assert "finished_on_time_766" not in twice
    assert twice["finished_on_time"] == 1


def test_payment_due_and_paused_are_not_finished() -> None:
    """Trap 1: statuses 5, 6 and 8 are no end."""
    totals = counted(at(0, Accepted(due=due(6)), "1"), at(1, PaymentDue(amount=5), "2"))
    assert "finished" not in totals


def test_a_failed_payment_settles_nothing() -> None:
    dimensions = Dimensions()
    history = [
        at(0, Accepted(due=due(6)), "1"),
        at(1, PaymentDue(amount=5), "2"),
        at(2, Paid(amount=5, online=True, ok=False), "3"),
    ]
    case = fold(history, dimensions, {})
    assert case.pauses
    totals = counted(*history, at(3, Paid(amount=5, online=True), "4"))
    assert (totals["payment_failures"], totals["payments_online_amount"]) == (1, 5)


def test_one_body_under_two_codes_and_transfer() -> None:
    dimensions, counts = Dimensions(), Counts()
    fold(
        [
            at(0, Submitted(agency="000.00.12.H60", service="2.000815.000.00.00.H60"), "1"),
            at(1, Accepted(agency="H60.12", service="2.000815", channel="online"), "2"),
            at(2, Transferred(agency="H60.13"), "3"),
            at(3, Finished(), "4"),
        ],
        dimensions,
        counts,
    )
    where = {dimensions.cell(key).measure: dimensions.cell(key).dimension for key in counts}
    assert where["submitted"] == where["received"] == ("H60.12", "2.000815", "online")
    assert where["transferred"].agency == where["finished"].agency == "H60.13"


def test_a_missing_channel_is_unknown_not_counter() -> None:
    """Trap 4."""
    dimensions, counts = Dimensions(), Counts()
    fold([at(0, Accepted(agency="H60.12"), "1")], dimensions, counts)
    assert {dimensions.cell(key).dimension.channel for key in counts} == {"unknown"}


def test_corrections_replace_and_withdraw() -> None:
    wrong = at(0, Accepted(agency="H60.01"), "1")
    right = at(5, correction("1", "accepted", due(1), Accepted(agency="H60.02", due=due(4))), "2")
    totals = counted(right, at(3, Finished(), "3"), wrong)
    assert (totals["received"], totals["finished_on_time"], totals["handling_seconds"]) == (1, 1, 2 * 3600)
    assert "received" not in counted(wrong, at(6, correction("1", None, None, None), "4"), right)


def test_ended_cases_stay_ended() -> None:
    totals = counted(at(0, Accepted(due=due(4)), "1"), at(1, Withdrawn(), "2"), at(2, Finished(), "3"))
    assert totals["withdrawn"] == 1
    assert "finished" not in totals
    refused = counted(at(0, Submitted(), "1"), at(1, Refused(), "2"), at(2, SupplementRequested(), "3"))
    assert set(refused) == {"submitted", "refused"}


def test_returning_finishes_and_rescheduling_moves() -> None:
    accepted = at(0, Accepted(due=due(4)), "1")
    moved = counted(accepted, at(3, Rescheduled(due=due(20)), "2"), at(10, Returned(), "3"))
    assert moved["finished"] == moved["returned"] == moved["rescheduled_no_apology"] == 1
    assert "finished_late" not in moved
