"""The directory: codes in one form, real units and procedures, shipped with the package."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.directory import canonical_agency, canonical_service, load_directory
from ioc.errors import IocError

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.parametrize(
    ("code", "canonical"),
    [
        ("000.00.12.H60", "H60.12"),
        ("000.00.124.H60", "H60.124"),
        ("H60.12", "H60.12"),
        ("000.00.12.H60\n", "000.00.12.H60\n"),
        ("000.01.12.H60", "000.01.12.H60"),
        ("NYPD", "NYPD"),
        ("", ""),
    ],
)
def test_agency_codes_come_to_one_form(code: str, canonical: str) -> None:
    assert canonical_agency(code) == canonical


@pytest.mark.parametrize(
    ("code", "canonical"),
    [
        ("2.000815.000.00.00.H60", "2.000815"),
        ("2.000815", "2.000815"),
        ("2.000815.000.00.00", "2.000815.000.00.00"),
        ("Noise - Street/Sidewalk", "Noise - Street/Sidewalk"),
    ],
)
def test_service_codes_come_to_one_form(code: str, canonical: str) -> None:
    assert canonical_service(code) == canonical


@given(st.text() | st.from_regex(r"000\.00\.[0-9]{1,4}\.H[0-9]{1,3}", fullmatch=True))
def test_canonical_agency_is_idempotent(code: str) -> None:
    assert canonical_agency(canonical_agency(code)) == canonical_agency(code)


@given(st.text() | st.from_regex(r"[0-9]\.[0-9]{6}(\.000\.00\.00\.H60)?", fullmatch=True))
def test_canonical_service_is_idempotent(code: str) -> None:
    assert canonical_service(canonical_service(code)) == canonical_service(code)


def test_the_province_has_its_bodies() -> None:
    directory = load_directory()
    levels = Counter(agency.level for agency in directory.agencies.values())
    assert levels == {"province": 1, "department": 13, "commune": 124}
    assert all(a.parent == "H60" for a in directory.agencies.values() if a.level != "province")
    assert {s.level for s in directory.services.values()} == {"province", "commune"}
    assert all(not s.agency or s.agency in directory.agencies for s in directory.services.values())


def test_labels_name_what_is_known_and_show_what_is_not() -> None:
    directory = load_directory()
    assert directory.agency_label("000.00.10.H60") == "Sở Y tế"
    assert directory.agency_label("H60.10", "en") == "Department of Health"
    assert directory.agency_label("H99.1") == "H99.1 (chưa có trong danh mục)"
    assert directory.agency_label("unknown") == "Không rõ"
    assert directory.service_label("2.000815.000.00.00.H60").startswith("Chứng thực bản sao")


def test_a_broken_directory_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "agencies.csv").write_text("id,name\nH60,x\n", "utf-8")
    with pytest.raises(IocError, match="expected columns"):
        load_directory(tmp_path)
    with pytest.raises(IocError, match="cannot be read"):
        load_directory(tmp_path / "nowhere")


@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is absent: names cannot be compared with the sources")
def test_units_and_procedures_are_the_published_ones() -> None:
    directory = load_directory()
    with (DATA / "vn_units.csv").open(encoding="utf-8") as file:
        units = {row["code"]: row["name"].lower() for row in csv.DictReader(file) if row["parent"] == "08"}
    communes = {a.unit_code: a.name_vi for a in directory.agencies.values() if a.level == "commune"}
    assert communes.keys() == units.keys()
    assert all(name.lower() == f"ubnd {units[code]}" for code, name in communes.items())
    with (DATA / "vn_procedures.csv").open(encoding="utf-8") as file:
        published = {row["code"]: row for row in csv.DictReader(file)}
    for service in directory.services.values():
        row = published[service.code]
        assert service.name_vi == " ".join(row["name"].split())
        assert service.days is None or f"{service.days} Ngày làm việc" in row["time_limit"]
