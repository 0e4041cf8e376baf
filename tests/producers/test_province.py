"""The simulated province: the same for the same seed, plausible, and right about its own figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from ioc.directory import canonical_agency, canonical_service
from ioc.facts import Refusal, decode, to_ms
from ioc.local_time import LOCAL_ZONE
from producers.oracle import Oracle
from producers.province import LiveConfig, ProvinceConfig, simulate, simulate_live
from producers.traps import clean
from producers.wire import SimEvent, iso_local, iso_utc, local_day
from streams.dimensions import Dimensions
from streams.lifecycle import fold

START = datetime(2026, 1, 5, tzinfo=LOCAL_ZONE)
CONFIG = ProvinceConfig(start=START, seed=5, events=30_000, cases_per_day=800)


@pytest.fixture(scope="module")
def events() -> list[SimEvent]:
    return list(simulate(CONFIG))


def test_the_same_seed_gives_the_same_bytes(events: list[SimEvent]) -> None:
    again = [event.encode() for event in simulate(CONFIG)]
    assert again == [event.encode() for event in events]
    other = [event.encode() for event in simulate(replace(CONFIG, seed=6))]
    assert other != again


def test_events_are_ordered_distinct_and_of_the_contract(events: list[SimEvent]) -> None:
    assert [event.time for event in events] == sorted(event.time for event in events)
    assert len({(event.source, event.id) for event in events}) == len(events) == CONFIG.events
    last: dict[str, int] = {}
    for event in events:
        read = decode(event.case.encode(), event.encode())
        assert not isinstance(read, Refusal), read
        assert isinstance(read, tuple)
        assert read[1].time == event.time
        assert last.get(event.case, 0) < event.time, "two events of a case at one instant have no order"
        last[event.case] = event.time


def test_days_bound_the_stream_and_leave_cases_open() -> None:
    days = list(simulate(ProvinceConfig(start=START, days=3, cases_per_day=200)))
    assert {local_day(event.time) - local_day(to_ms(START)) for event in days} == {0, 1, 2}
    finished = {event.case for event in days if event.kind == "finished"}
    assert 0 < len(finished) < len({event.case for event in days})


def test_a_start_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ProvinceConfig(start=datetime(2026, 1, 5))  # noqa: DTZ001 - the point of the test


def test_the_province_is_plausible() -> None:
    events = list(simulate(ProvinceConfig(start=START, days=28, cases_per_day=1_000)))
    services: Counter[str] = Counter()
    hours: Counter[int] = Counter()
    weekend = 0
    for event in events:
        if event.kind == "accepted":
            data: Any = decode(event.case.encode(), event.encode())[1].data  # type: ignore[index]
            services[canonical_service(data.service)] += 1
            moment = datetime.fromtimestamp(event.time / 1000, LOCAL_ZONE)
            hours[moment.hour] += 1
            weekend += moment.weekday() >= 5
    assert services.most_common(1)[0][0] == "2.000815"
    assert services["2.000815"] / services.total() == pytest.approx(0.28, abs=0.03)
    assert hours[8] + hours[9] > 2 * (hours[15] + hours[16])
    assert not hours[12]
    assert not hours[20]
    assert not weekend
    oracle = Oracle()
    for event in events:
        oracle.truth(event)
    totals = oracle.totals()
    assert 0.8 < 1 - totals["finished_late"] / totals["finished"] < 0.97
    assert set(totals) >= {"received_no_due", "rescheduled_no_apology", "payment_failures", "transferred", "withdrawn"}


def naive_sums(events: list[SimEvent]) -> Counter[tuple[str, str]]:
    """Sums that need no state, read off the bytes: (measure, local day)."""
    sums: Counter[tuple[str, str]] = Counter()
    for event in events:
        _, fact = decode(event.case.encode(), event.encode())  # type: ignore[misc]
        data: Any = fact.data
        day = iso_local(event.time)[:10]
        if event.kind == "paid" and data.ok:
            sums["payments", day] += 1
            sums["payments_amount", day] += data.amount
            sums["payments_online", day] += data.online
            sums["payments_online_amount", day] += data.amount if data.online else 0
        elif event.kind == "paid":
            sums["payment_failures", day] += 1
        elif event.kind == "digitised":
            sums["papers", day] += data.papers
            sums["papers_digitised", day] += data.digitised
            sums["papers_reused", day] += data.reused
        elif event.kind == "rated":
            sums["ratings", day] += 1
            sums["ratings_satisfied", day] += data.satisfied
        elif event.kind in ("submitted", "transferred"):
            sums[event.kind, day] += 1
        elif event.kind == "accepted":
            sums["received", day] += 1
    return +sums


def test_the_oracle_equals_sums_read_off_the_bytes(events: list[SimEvent]) -> None:
    oracle = Oracle()
    for event in events:
        oracle.truth(event)
    by_day: Counter[tuple[str, str]] = Counter()
    for (measure, day, _), value in oracle.cells().items():
        by_day[measure, day] += value
    expected = naive_sums(events)
    measures = {measure for measure, _ in expected}
    assert len(measures) == 13
    assert {key: value for key, value in by_day.items() if key[0] in measures} == expected


@pytest.mark.parametrize("cut", [1, 777, 12_345, 30_000])
def test_the_oracle_equals_the_fold_wherever_the_stream_is_cut(events: list[SimEvent], cut: int) -> None:
    """Two programs that share no code, cell by cell: also where a case's `accepted` was cut off."""
    oracle = Oracle()
    facts: dict[str, list[Any]] = defaultdict(list)
    for record in clean(events[:cut], oracle):
        case, fact = decode(record.key, record.value)  # type: ignore[misc]
        facts[case].append(fact)
    assert folded(facts) == oracle.cells()
    assert oracle.cases == len(facts)


def folded(facts: dict[str, list[Any]]) -> dict[tuple[str, str, str], int]:
    dimensions = Dimensions()
    counts: dict[int, int] = {}
    for of_case in facts.values():
        fold(of_case, dimensions, counts)
    sums: Counter[tuple[str, str, str]] = Counter()
    for key, value in counts.items():
        cell = dimensions.cell(key)
        day = datetime.fromtimestamp(cell.hour * 3600, LOCAL_ZONE).date().isoformat()
        sums[cell.measure, day, cell.dimension.agency] += value
    return {key: value for key, value in sums.items() if value}


def test_case_ids_name_their_agency(events: list[SimEvent]) -> None:
    for event in events[:2_000]:
        assert event.case.startswith("H60.")
        if event.kind == "submitted" and '"agency"' in event.data:
            _, fact = decode(event.case.encode(), event.encode())  # type: ignore[misc]
            data: Any = fact.data
            assert event.case.startswith(canonical_agency(data.agency) + "-260")


def test_live_keeps_its_rate_from_the_first_second() -> None:
    start = datetime(2026, 2, 1, 23, 30, tzinfo=LOCAL_ZONE)
    config = LiveConfig(start=start, rate=50.0, backlog=5_000)
    events = list(islice(simulate_live(config), 5_000 + 50 * 120))
    before = [event for event in events if event.time < to_ms(start)]
    assert len(before) == pytest.approx(5_000, abs=50)
    seconds = Counter((event.time - to_ms(start)) // 1000 for event in events if event.time >= to_ms(start))
    assert all(40 <= seconds[second] <= 65 for second in range(100))
    assert {"submitted", "accepted", "finished", "paid", "digitised"} <= {event.kind for event in before}
    assert events == sorted(events)
    again = list(islice(simulate_live(config), len(events)))
    assert again == events


def test_times_are_written_as_the_standard_library_writes_them() -> None:
    moment = datetime(2024, 2, 29, 17, 0, 0, 7000, tzinfo=UTC)
    for step in range(200):
        at = moment + timedelta(hours=7 * step, milliseconds=step)
        assert datetime.fromisoformat(iso_local(to_ms(at))) == at
        assert iso_local(to_ms(at)) == at.astimezone(LOCAL_ZONE).isoformat(timespec="milliseconds")
        assert datetime.fromisoformat(iso_utc(to_ms(at))) == at
