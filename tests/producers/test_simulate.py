"""`ioc simulate` as a command, into a file."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard

from ioc.errors import IocError
from producers.simulate_command import simulate
from producers.traps import Record
from tests.producers.running import run_command
from tests.producers.test_province import folded
from tests.producers.test_traps import Reading


def run(*arguments: str) -> Any:
    return run_command(simulate, *arguments)


def read(path: Path) -> tuple[list[Record], list[int]]:
    """The records, and the punctuation's times."""
    raw = zstandard.open(path, "rb").read() if path.suffix == ".zst" else path.read_bytes()
    records, clocks = [], []
    for line in raw.splitlines():
        one = orjson.loads(line)
        if "clock" in one:
            clocks.append(one["clock"])
            continue
        key = None if one["key"] is None else one["key"].encode()
        value = base64.b64decode(one["value_base64"]) if "value_base64" in one else one["value"]
        records.append(Record(0, key, value.encode() if isinstance(value, str) else value))
    return records, clocks


def test_a_file_of_traps_and_its_oracle(tmp_path: Path) -> None:
    out, oracle = tmp_path / "out.ndjson.zst", tmp_path / "oracle.json"
    result = run(
        "--events", "5000", "--start", "2026-01-05", "--cases-per-day", "300", "--traps", "--ill-formed", "0.05",
        "--to-file", str(out), "--oracle", str(oracle), "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    summary, right = orjson.loads(result.stdout), orjson.loads(oracle.read_bytes())
    records, clocks = read(out)
    assert len(records) == summary["sent"] == summary["delivered"] == right["records"]
    reading = Reading(records)
    assert reading.accepted == right["events"] == summary["events"]
    assert reading.duplicates == right["duplicates"]
    assert reading.dead == right["dead_letters"]
    assert len(reading.facts) == right["cases"] == summary["cases"]
    assert folded(reading.facts) == {(m, day, agency): n for m, day, agency, n in right["cells"]}
    assert clocks == sorted(set(clocks)), "punctuation moves on, once a step"
    assert all(clock % 60_000 == 0 for clock in clocks)


def test_the_same_command_writes_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert (
            run(
                "--days",
                "2",
                "--cases-per-day",
                "50",
                "--start",
                "2026-01-05",
                "--traps",
                "--to-file",
                str(tmp_path / name),
            ).exit_code
            == 0
        )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_punctuation_can_be_coarser_or_left_out(tmp_path: Path) -> None:
    common = ["--days", "1", "--cases-per-day", "50", "--start", "2026-01-05", "--to-file", str(tmp_path / "out")]
    assert run(*common, "--tick", "3600").exit_code == 0
    assert 5 < len(read(tmp_path / "out")[1]) <= 25
    assert run(*common, "--no-punctuate").exit_code == 0
    assert read(tmp_path / "out")[1] == []


def test_live_sends_its_backlog_and_goes_on_for_the_time_asked(tmp_path: Path) -> None:
    out, oracle = tmp_path / "out", tmp_path / "oracle.json"
    result = run(
        "--live", "--rate", "100", "--backlog", "2000", "--duration", "1.5",
        "--to-file", str(out), "--oracle", str(oracle), "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    summary = orjson.loads(result.stdout)
    assert 2_100 < summary["sent"] < 2_300
    records, clocks = read(out)
    assert len(records) == summary["sent"] == orjson.loads(oracle.read_bytes())["records"]
    assert clocks == [], "the worker punctuates where time is now"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--start", "yesterday"], "--start yesterday is not a date"),
        (["--speed", "-1"], "--speed -1 is neither"),
        (["--duration", "5"], "--duration belongs to --live"),
        (["--live", "--traps", "--oracle", "x"], "--live with traps has no end"),
        (["--to-file", "/nowhere/at/all"], "cannot be written"),
    ],
)
def test_bad_use_is_one_sentence(arguments: list[str], sentence: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, IocError)
    assert sentence in str(result.exception)
