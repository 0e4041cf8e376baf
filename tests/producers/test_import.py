"""`ioc import`: mappings, rows that become events, rows that are refused with the reason."""

from __future__ import annotations

import gzip
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import orjson
import pytest
import yaml
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ioc.errors import IocError
from ioc.facts import decode
from producers.conversion import Converter, RowRefused
from producers.import_command import import_
from producers.mapping import MappingFile, load_mapping, shipped
from producers.moments import MomentReader
from producers.tables import read_table
from tests.producers.running import run_command

MAPPING: dict[str, Any] = {
    "source": "test",
    "zone": "Asia/Ho_Chi_Minh",
    "time_formats": ["%Y%m%d%H%M%S", "%d/%m/%Y %H:%M", "iso"],
    "case_id": ["ma"],
    "events": [
        {
            "kind": "accepted",
            "time": "nhan",
            "fields": {
                "agency": {"column": "don_vi"},
                "channel": {"column": "kenh", "map": {"TT": "counter", "TH": "online", "": None}},
                "due": {"column": "hen"},
            },
        },
        {
            "kind": "paid",
            "time": "nop",
            "when": [{"column": "nop", "empty": False}],
            "id": ["lan"],
            "fields": {
                "amount": {"column": "tien", "scale": 1000},
                "online": {"column": "kenh", "map": {"TH": True, "TT": False}},
            },
        },
    ],
}
HEADER = ["ma", "nhan", "hen", "don_vi", "kenh", "nop", "lan", "tien"]
ROW = dict(zip(HEADER, ["A1", "20260105081500", "09/01/2026 17:00", "000.00.12.H60", "TH", "", "", ""], strict=True))


def converter(**changes: Any) -> Converter:
    return Converter(msgspec.convert(MAPPING | changes, MappingFile), HEADER, "file.csv")


def facts(made: list[Any]) -> list[Any]:
    return [decode(event.key, event.value)[1] for event in made]  # type: ignore[index]


def test_a_row_becomes_the_events_whose_conditions_hold() -> None:
    (accepted,) = facts(converter().events(ROW))
    assert accepted.id == "A1.accepted"
    assert accepted.data.agency == "000.00.12.H60"
    assert accepted.data.channel == "online"
    assert accepted.time == datetime(2026, 1, 5, 1, 15, tzinfo=UTC).timestamp() * 1000
    assert accepted.data.due == datetime(2026, 1, 9, 10, tzinfo=UTC)
    _, paid = facts(converter().events(ROW | {"nop": "2026-01-06T08:00:00Z", "lan": "7", "tien": "12.5"}))
    assert (paid.id, paid.data.amount, paid.data.online) == ("A1.0000000007.paid", 12_500, True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"nhan": "05-01-2026"}, "nhan: '05-01-2026' fits no time format"),
        ({"nhan": ""}, "nhan: '' fits no time format"),
        ({"ma": " "}, "ma is empty"),
        ({"kenh": "FAX"}, "kenh: 'FAX' is not in the map of channel"),
        ({"nhan": "19700105081500"}, "time_out_of_range"),
        ({"hen": "01/01/9999 00:00"}, "time_out_of_range"),
        ({"nop": "20260106080000", "tien": "x"}, "tien: 'x' is not a number"),
        ({"nop": "20260106080000", "tien": "NaN"}, "tien: 'NaN' is not a number"),
        ({"nop": "20260106080000", "tien": "0.0001"}, "is not a whole number"),
        ({"nop": "20260106080000", "tien": "-3"}, "paid: Expected `int` >= 0"),
        ({"don_vi": "x" * 201}, "accepted: Expected `str` of length <= 200"),
        ({"ma": "x" * 121}, "not_an_event"),
    ],
)
def test_a_row_that_cannot_become_events_says_why(change: dict[str, str], reason: str) -> None:
    with pytest.raises(RowRefused) as refusal:
        converter().events(ROW | change)
    assert reason in str(refusal.value)


def test_rows_without_an_event_and_with_too_many_are_refused() -> None:
    only_paid = converter(events=MAPPING["events"][1:])
    with pytest.raises(RowRefused, match="no event's conditions hold"):
        only_paid.events(ROW)
    with pytest.raises(RowRefused, match="becomes 2 events"):
        converter(row_becomes="one").events(ROW | {"nop": "20260106080000"})


def test_a_cumulative_column_counts_its_growth_by_case() -> None:
    event = {
        "kind": "paid",
        "time": "nop",
        "id": ["lan"],
        "fields": {"amount": {"column": "tien", "scale": 100, "cumulative": True}},
    }
    growing = converter(events=[event])

    def pay(case: str, day: int, total: str) -> int:
        (fact,) = facts(
            growing.events(ROW | {"ma": case, "nop": f"0{day}/01/2026 08:00", "lan": str(day), "tien": total})
        )
        return int(fact.data.amount)

    assert [pay("A", 1, "35.0"), pay("B", 1, "7"), pay("A", 2, "57.25"), pay("A", 3, "57.25")] == [3_500, 700, 2_225, 0]
    with pytest.raises(RowRefused, match="fell from 5725 to 100"):
        pay("A", 4, "1")
    with pytest.raises(RowRefused, match="later time"):
        pay("A", 2, "99")
    assert pay("A", 5, "58.25") == 100, "a refused row leaves the total as it was"


def test_an_id_from_the_content_tells_rows_apart_and_knows_them_again() -> None:
    event = MAPPING["events"][0] | {"id": "content"}
    by_content = converter(events=[event])
    first, again = by_content.events(ROW), by_content.events(ROW)
    other = by_content.events(ROW | {"tien": "1"})
    assert first == again
    assert facts(first)[0].id != facts(other)[0].id


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)),  # noqa: DTZ001 - the zone is what is tested
    st.sampled_from(["Asia/Ho_Chi_Minh", "America/New_York", "UTC"]),
)
def test_times_read_back_as_the_zone_has_them(naive: datetime, zone: str) -> None:
    naive = naive.replace(microsecond=0)
    patterns = ["%m/%d/%Y %I:%M:%S %p", "%Y%m%d%H%M%S", "%d.%m.%Y %H:%M:%S"]
    expected = naive.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    for pattern in patterns:
        read = MomentReader([pattern, "iso"], zone).read(naive.strftime(pattern))
        assert read == expected
        assert read.tzinfo is UTC
    assert MomentReader(["iso"], zone).read(naive.isoformat()) == expected
    assert MomentReader(["iso"], zone).read(naive.isoformat() + "+05:30") == (
        naive.replace(tzinfo=UTC) - timedelta(hours=5, minutes=30)
    )
    millis = int(expected.timestamp() * 1000)
    assert MomentReader(["epoch_ms"], zone).read(str(millis)) == expected


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    reader = MomentReader(["%Y%m%d%H%M%S", "iso", "epoch_ms"], "Asia/Ho_Chi_Minh")
    with suppress(ValueError):
        assert reader.read(text).tzinfo is UTC


@given(st.lists(st.text(), min_size=len(HEADER), max_size=len(HEADER)))
def test_any_row_becomes_events_or_a_refusal(values: list[str]) -> None:
    row = ROW | {key: value for key, value in zip(HEADER, values, strict=True) if len(value) > 2}
    with suppress(RowRefused):
        for event in converter().events(row):
            assert isinstance(decode(event.key, event.value), tuple)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"zone": "Asia/Nowhere"}, "zone 'Asia/Nowhere' is unknown"),
        ({"colums": []}, "contains unknown field `colums`"),
        ({"source": None}, "Expected `str`, got `null` - at `\\$.source`"),
        ({"case_id": []}, "may not be empty"),
        ({"delimiter": ";;"}, "delimiter must be one character"),
        ({"events": [{"kind": "closed", "time": "t", "fields": {}}]}, "event 1 has kind 'closed'"),
        ({"events": [{"kind": "corrected", "time": "t", "fields": {}}]}, "event 1 has kind 'corrected'"),
        (
            {"events": [{"kind": "paid", "time": "t", "fields": {"sum": {"column": "x"}}}]},
            "has field 'sum'; paid knows",
        ),
        ({"events": [{"kind": "paid", "time": "t", "fields": {"amount": {}}}]}, "give either column or value"),
        ({"events": [{"kind": "transferred", "time": "t", "fields": {}}]}, "lacks agency; transferred needs it"),
        ({"events": [{"kind": "paid", "fields": {}}]}, "missing required field `time`"),
    ],
)
def test_a_wrong_mapping_is_one_sentence_naming_file_and_key(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump(MAPPING | change), "utf-8")
    with pytest.raises(IocError, match=sentence) as error:
        load_mapping(str(path))
    assert "my.yaml" in str(error.value)


def test_mappings_that_are_not_there_or_no_yaml(tmp_path: Path) -> None:
    with pytest.raises(IocError, match="nyc311_requests, traffic_fines"):
        load_mapping("nowhere")
    path = tmp_path / "bad.yaml"
    path.write_text("a: [1\nb: 2", "utf-8")
    with pytest.raises(IocError, match="is not YAML at line 2"):
        load_mapping(str(path))
    assert [load_mapping(name).source for name in shipped()] == ["nyc311", "traffic-fines"]


def test_a_column_the_file_has_not_is_named() -> None:
    with pytest.raises(IocError, match=r"file\.csv has no column 'hen'"):
        Converter(msgspec.convert(MAPPING, MappingFile), [one for one in HEADER if one != "hen"], "file.csv")


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.zst"])
def test_files_are_read_plain_and_compressed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    content = b'\xef\xbb\xbfma,ten\nA1,"x, ""y""\nz"\nA2\n\nA3,\xff\nA4,b\n'
    pack = {".csv": bytes, ".csv.gz": gzip.compress, ".csv.zst": zstandard.compress}[suffix]
    path.write_bytes(pack(content))
    with read_table(path, ",", "utf-8-sig") as (header, rows):
        assert header == ["ma", "ten"]
        read = list(rows)
    assert [(row.number, row.line, row.fields) for row in read if row.fault is None] == [
        (1, 3, {"ma": "A1", "ten": 'x, "y"\nz'}),
        (4, 7, {"ma": "A4", "ten": "b"}),
    ]
    assert [(row.number, row.fault) for row in read if row.fault] == [
        (2, "has 1 columns, the header has 2"),
        (3, "holds bytes that are no text in the mapping's encoding"),
    ]


def test_damaged_files_are_one_sentence(tmp_path: Path) -> None:
    for name, content in (("a.csv.gz", b"plain"), ("b.csv.zst", b"plain"), ("c.csv", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(IocError), read_table(tmp_path / name, ",", "utf-8"):
            pass
    cut = tmp_path / "d.csv.gz"
    cut.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 50_000)[:100])
    with pytest.raises(IocError, match="damaged"), read_table(cut, ",", "utf-8") as (_, rows):
        list(rows)


def test_the_command_reports_every_refused_row(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(MAPPING), "utf-8")
    lines = [",".join(HEADER), ",".join(ROW.values()), "A2,never,,,,,,", "A3,20260105081500,,,FAX,,,"]
    (tmp_path / "file.csv").write_text("\n".join(lines), "utf-8")
    arguments = ["--refused", str(tmp_path / "refused.ndjson"), "--to-file", str(tmp_path / "out.ndjson"), "--json"]
    result = run_command(import_, str(tmp_path / "file.csv"), "--map", str(tmp_path / "map.yaml"), *arguments)
    assert result.exit_code == 1
    summary = orjson.loads(result.stdout)
    assert (summary["rows"], summary["events"], summary["refused"]) == (3, 1, 2)
    notes = [orjson.loads(line) for line in (tmp_path / "refused.ndjson").read_bytes().splitlines()]
    assert [(note["row"], note["line"]) for note in notes] == [(2, 3), (3, 4)]
    assert notes == summary["refusals"]
    out = [orjson.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    assert [one.get("key") for one in out] == ["A1", None]
    assert out[-1]["clock"] > datetime(2026, 1, 5, 1, 15, tzinfo=UTC).timestamp() * 1000


def test_the_mapping_in_the_documentation_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "import.md").read_text("utf-8")
    path = tmp_path / "documented.yaml"
    path.write_text(text.split("```yaml\n")[1].split("```")[0], "utf-8")
    assert load_mapping(str(path)).source == "mcdt.vithuy"
