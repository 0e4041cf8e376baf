"""The register: what it accepts, what it refuses and in which words, and what absence means."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.errors import IocError
from ioc.indicator_docs import markdown
from ioc.indicators import indicator, load_register, register
from ioc.measures import CELL_MEASURES, STOCK_MEASURES

ENTRY = """
- id: late_share
  version: 1
  valid_from: 2026-01-01
  name_vi: Tỷ lệ quá hạn
  name_en: Late share
  includes: everything
  numerator: [{measure: finished_late}]
  denominator: [{measure: finished}]
  zero_denominator: nothing was finished
  unit: percent
  source: a law
"""


def loaded(tmp_path: Path, text: str) -> object:
    file = tmp_path / "own.yaml"
    file.write_text(text, "utf-8")
    return load_register(file)


def test_shipped_register_has_every_indicator_named_and_sourced() -> None:
    known = register()
    assert len(known) >= 20
    for one in known.values():
        assert one.name_vi
        assert one.name_en
        assert one.source
        assert all(measure in CELL_MEASURES or measure in STOCK_MEASURES for measure in one.measures)
    assert {"open", "open_late", "open_due_24h", "open_paused", "waiting", "open_no_due"} <= known.keys()


def test_every_stock_is_an_indicator() -> None:
    assert {measure for one in register().values() if one.is_stock for measure in one.measures} == set(STOCK_MEASURES)


@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        ("unit: percent", "unit: perzent", "unit", "perzent"),
        ("measure: finished_late", "measure: finished_later", "numerator", "finished_later is no measure"),
        ("measure: finished}", "measure: open}", "numerator", "cannot be mixed"),
        ("  denominator: [{measure: finished}]\n", "", "denominator", "a percentage needs one"),
        ("  zero_denominator: nothing was finished\n", "", "zero_denominator", "say what"),
        ("  source: a law\n", "", "source", "missing"),
        ("version: 1", "version: one", "version", "int"),
        ("valid_from: 2026-01-01", "valid_from: 2026-01-01\n  valid_to: 2025-01-01", "valid_to", "after valid_from"),
        ("unit: percent", "unit: percent\n  min_denominator: 0", "min_denominator", "at least 1"),
        ("unit: percent", "unit: percent\n  no_data: zero", "no_data", "never zero"),
        ("unit: percent", "unit: percent\n  sauce: law", "sauce", "unknown field"),
        ("[{measure: finished_late}]", "[]", "numerator", "at least one"),
        ("{measure: finished_late}", "{measure: finished_late, channel: fax}", "numerator[0].channel", "fax"),
    ],
)
def test_a_mistake_is_named_by_file_indicator_and_field(
    tmp_path: Path, old: str, new: str, field: str, words: str
) -> None:
    assert old in ENTRY
    with pytest.raises(IocError) as caught:
        loaded(tmp_path, ENTRY.replace(old, new))
    assert f"own.yaml: indicator late_share, field {field}: " in str(caught.value)
    assert words in str(caught.value)


def test_a_stock_has_no_channel(tmp_path: Path) -> None:
    text = ENTRY.replace("finished_late}", "open_late, channel: online}").replace(
        "measure: finished}", "measure: open}"
    )
    with pytest.raises(IocError, match="open_late is a stock and has no channel"):
        loaded(tmp_path, text)


def test_the_same_version_twice_is_refused_and_the_newest_wins(tmp_path: Path) -> None:
    with pytest.raises(IocError, match="version 1 is there twice"):
        loaded(tmp_path, ENTRY + ENTRY)
    both = loaded(tmp_path, ENTRY.replace("version: 1", "version: 2") + ENTRY)
    assert isinstance(both, dict)
    assert both["late_share"].version == 2


@pytest.mark.parametrize("text", ["- [", "late_share: 1", "- 5"])
def test_what_is_no_register_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(IocError, match=r"own\.yaml"):
        loaded(tmp_path, text)


def test_an_unknown_indicator_names_those_there_are() -> None:
    with pytest.raises(IocError, match="no indicator nonsense; choose one of received"):
        indicator("nonsense")


def test_unknown_is_never_zero() -> None:
    share, failures = indicator("late_share"), indicator("gateway_failure_share")
    assert share.value(0, 0) is None
    assert share.value(None, None) is None
    assert share.value(0, 4) == 0
    assert share.value(1, 4) == 25
    assert failures.min_denominator == 10
    assert failures.value(1, 9) is None
    assert failures.value(1, 10) == 10
    assert indicator("received").value(None, None) == 0
    assert indicator("mean_handling_seconds").value(7200, 2) == 3600


def test_the_page_is_the_register(pytestconfig: pytest.Config) -> None:
    page = pytestconfig.rootpath / "docs" / "indicators.md"
    assert page.read_text("utf-8") == markdown()
