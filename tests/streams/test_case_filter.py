"""The filter never denies a stored case, and knows new ones as new."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.case_filter import CaseFilter, checksums

IDS = st.text(min_size=1, max_size=8)


@given(st.sets(IDS), st.sets(IDS), st.sets(IDS))
def test_a_stored_or_evicted_case_is_never_denied(stored: set[str], evicted: set[str], asked: set[str]) -> None:
    one = CaseFilter(checksums(stored))
    for case_id in evicted:
        one.add(case_id)
    assert asked & (stored | evicted) <= set(one.may_be_stored(asked))


def test_new_cases_are_known_to_be_new() -> None:
    one = CaseFilter(checksums(f"H60.12-260105-{number:05d}" for number in range(50_000)))
    new = [f"H60.12-260106-{number:05d}" for number in range(50_000)]
    assert len(one.may_be_stored(new)) < 10
    assert CaseFilter(checksums([])).may_be_stored(new) == []


def test_the_checksum_is_the_one_clickhouse_computes() -> None:
    """SELECT CRC32('H60.12-260105-0042'), CRC32('hồ sơ')."""
    assert checksums(["H60.12-260105-0042", "hồ sơ"]).tolist() == [122207546, 4020563251]
