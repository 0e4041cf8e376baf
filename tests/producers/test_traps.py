"""Traps: known to the unit, and never a change of the truth."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.facts import Refusal, decode
from ioc.local_time import LOCAL_ZONE
from producers.broken import ILL_FORMED, unknown_status
from producers.oracle import Oracle
from producers.province import ProvinceConfig, simulate
from producers.traps import USUAL_TRAPS, Record, TrapConfig, clean, with_traps
from tests.producers.test_province import folded

CONFIG = ProvinceConfig(start=datetime(2026, 1, 5, tzinfo=LOCAL_ZONE), seed=3, events=12_000, cases_per_day=500)


class Reading:
    """What a reader of the log makes of records, first come first kept."""

    def __init__(self, records: list[Record]) -> None:
        self.dead: Counter[str] = Counter()
        self.duplicates = 0
        self.facts: dict[str, list[Any]] = defaultdict(list)
        seen: dict[tuple[str, str, str], Any] = {}
        for record in records:
            read = decode(record.key, record.value)
            if isinstance(read, Refusal):
                self.dead[read.reason] += 1
                continue
            assert isinstance(read, tuple)
            case, fact = read
            known = seen.setdefault((case, fact.source, fact.id), fact)
            if known is fact:
                self.facts[case].append(fact)
            elif known == fact:
                self.duplicates += 1
            else:
                self.dead["conflicting_duplicate"] += 1
        self.accepted = len(seen)


def run(traps: TrapConfig, config: ProvinceConfig = CONFIG) -> tuple[list[Record], Oracle]:
    oracle = Oracle()
    return list(with_traps(simulate(config), traps, oracle)), oracle


def truth(config: ProvinceConfig = CONFIG) -> Oracle:
    oracle = Oracle()
    assert sum(1 for _ in clean(simulate(config), oracle)) == config.events
    return oracle


def test_every_trap_is_known_to_the_unit_and_changes_nothing() -> None:
    records, oracle = run(replace(USUAL_TRAPS, ill_formed=0.03, conflicting=0.02, retracted=0.03))
    reading = Reading(records)
    assert reading.dead == oracle.dead_letters
    assert reading.duplicates == oracle.duplicates
    assert reading.accepted == oracle.accepted
    assert oracle.records == len(records) == oracle.accepted + oracle.duplicates + oracle.dead_letters.total()
    assert set(oracle.dead_letters) == {
        *("empty", "not_json", "not_an_event", "unknown_type"),
        *("time_out_of_range", "key_mismatch", "conflicting_duplicate"),
    }
    assert oracle.cells() == truth().cells() == folded(reading.facts)


shares = st.sampled_from([0.0, 0.05, 0.3])


@settings(max_examples=15, deadline=None)
@given(
    st.builds(
        TrapConfig,
        seed=st.integers(1, 1_000),
        duplicates=shares,
        shuffle_seconds=st.sampled_from([0, 600, 86_400]),
        corrected=shares,
        retracted=shares,
        late=shares,
        unknown_status=shares,
        ill_formed=shares,
        conflicting=shares,
    )
)
def test_any_mixture_of_traps_leaves_the_figures(traps: TrapConfig) -> None:
    config = replace(CONFIG, events=600, seed=traps.seed)
    records, oracle = run(traps, config)
    reading = Reading(records)
    assert (reading.dead, reading.duplicates, reading.accepted) == (
        oracle.dead_letters,
        oracle.duplicates,
        oracle.accepted,
    )
    assert folded(reading.facts) == truth(config).cells()


def test_shares_are_about_what_was_asked() -> None:
    _, oracle = run(TrapConfig(duplicates=0.10))
    assert oracle.duplicates == pytest.approx(1_200, abs=120)
    _, oracle = run(TrapConfig(corrected=0.05))
    assert oracle.accepted - 12_000 == pytest.approx(660, abs=90)
    _, oracle = run(TrapConfig(unknown_status=0.01, ill_formed=0.02))
    assert oracle.dead_letters["unknown_type"] == pytest.approx(120, abs=40)
    assert oracle.dead_letters.total() == pytest.approx(360, abs=70)


def test_order_of_arrival() -> None:
    records, _ = run(TrapConfig(shuffle_seconds=86_400))
    assert [record.time for record in records] == sorted(record.time for record in records)
    times = []
    for record in records:
        read = decode(record.key, record.value)
        assert isinstance(read, tuple)
        assert 0 <= record.time - read[1].time <= 86_400_000
        times.append(read[1].time)
    later = sum(one > other for one, other in pairwise(times))
    assert later > len(times) // 4, "the stream is shuffled in earnest"
    ordered, _ = run(TrapConfig())
    assert [(r.key, r.value) for r in ordered] == [(r.key, r.value) for r in clean(simulate(CONFIG), Oracle())]


def test_some_corrections_come_before_what_they_correct() -> None:
    records, _ = run(TrapConfig(corrected=0.3))
    place: dict[tuple[str, str], int] = {}
    early = total = 0
    facts = [decode(record.key, record.value)[1] for record in records]  # type: ignore[index]
    for number, fact in enumerate(facts):
        place[fact.source, fact.id] = number
    for number, fact in enumerate(facts):
        if hasattr(fact.data, "replaces"):
            total += 1
            early += number < place[fact.source, fact.data.replaces]
    assert 0.1 < early / total < 0.3


@pytest.mark.parametrize("number", range(len(ILL_FORMED)))
def test_each_broken_record_is_refused_for_its_reason(number: int) -> None:
    reason, breaker = ILL_FORMED[number]
    draws = [0.0, 0.25, 0.4, 0.6, 0.99]
    for event in list(simulate(replace(CONFIG, events=40))):
        for draw in draws:
            read = decode(*breaker(event, 1, lambda draw=draw: draw))
            assert isinstance(read, Refusal)
            assert read.reason == reason, (read, draw)
        assert decode(*unknown_status(event, 1, lambda: 0.5)).reason == "unknown_type"  # type: ignore[union-attr]
