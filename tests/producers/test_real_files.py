"""The shipped mappings over the real files, compared with pandas computations that share no code with them."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest

from ioc.facts import decode
from producers.import_command import import_
from streams.dimensions import Dimensions
from streams.lifecycle import fold
from tests.producers.running import run_command

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="../shared/data is absent: there is no real file to import")


def imported(tmp_path: Path, name: str) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The summary, and the facts by case."""
    out = tmp_path / "out.ndjson"
    result = run_command(import_, str(DATA / f"{name}.csv"), "--map", name, "--to-file", str(out), "--json")
    assert result.exit_code == 0, result.output
    facts: dict[str, list[Any]] = defaultdict(list)
    for line in out.read_bytes().splitlines():
        record = orjson.loads(line)
        if "clock" not in record:
            case, fact = decode(record["key"].encode(), record["value"].encode())  # type: ignore[misc]
            facts[case].append(fact)
    return orjson.loads(result.stdout), facts


def sums_by_agency(facts: dict[str, list[Any]]) -> dict[str, dict[str, int]]:
    dimensions = Dimensions()
    counts: dict[int, int] = {}
    for of_case in facts.values():
        fold(of_case, dimensions, counts)
    sums: dict[str, dict[str, int]] = defaultdict(Counter)
    for key, value in counts.items():
        cell = dimensions.cell(key)
        sums[cell.measure][cell.dimension.agency] += value
    return {measure: {agency: n for agency, n in by.items() if n} for measure, by in sums.items()}


def test_new_york_requests_equal_pandas_by_agency(tmp_path: Path) -> None:
    table = pd.read_csv(DATA / "nyc311_requests.csv", dtype=str)
    for column in ("Created Date", "Closed Date", "Due Date"):
        local = pd.to_datetime(table[column], format="%m/%d/%Y %I:%M:%S %p")
        table[column] = local.dt.tz_localize("America/New_York", ambiguous=True, nonexistent="shift_forward")
    table["due"] = table["Due Date"].notna()
    table["closed"] = table["Closed Date"].notna()
    table["late"] = table["due"] & table["closed"] & (table["Closed Date"] > table["Due Date"])
    table["in_time"] = table["due"] & table["closed"] & ~table["late"]

    def by_agency(rows: Any) -> dict[str, int]:
        return {str(agency): int(n) for agency, n in rows.groupby("Agency").size().items()}

    summary, facts = imported(tmp_path, "nyc311_requests")
    assert (summary["rows"], summary["refused"], len(facts)) == (1_000, 0, 1_000)
    sums = sums_by_agency(facts)
    assert sums["received"] == by_agency(table)
    assert sums["received_no_due"] == by_agency(table[~table["due"]])
    assert sums["finished"] == by_agency(table[table["closed"]])
    assert sums["finished_late"] == by_agency(table[table["late"]])
    in_time: Counter[str] = Counter(sums["finished_early"]) + Counter(sums["finished_on_time"])
    assert in_time == by_agency(table[table["in_time"]])
    assert sums["handled"] == by_agency(table[table["Closed Date"] >= table["Created Date"]])
    assert 1_000 - sum(sums["received_no_due"].values()) == 486
    assert sum(in_time.values()) + sum(sums["finished_late"].values()) == 479
    assert sum(sums["finished_late"].values()) == 52


def test_new_york_channels(tmp_path: Path) -> None:
    table = pd.read_csv(DATA / "nyc311_requests.csv", dtype=str)
    _, facts = imported(tmp_path, "nyc311_requests")
    channels = Counter(
        fact.data.channel for of_case in facts.values() for fact in of_case if hasattr(fact.data, "channel")
    )
    names = table["Open Data Channel Type"].value_counts()
    assert channels == {
        "counter": names["PHONE"],
        "online": names["ONLINE"] + names["MOBILE"],
        None: names["UNKNOWN"] + names["OTHER"],
    }


def test_traffic_fines_equal_pandas(tmp_path: Path) -> None:
    table = pd.read_csv(DATA / "traffic_fines.csv", dtype=str, keep_default_na=False)
    summary, facts = imported(tmp_path, "traffic_fines")
    assert (summary["rows"], summary["events"], summary["refused"], len(facts)) == (34_724, 34_724, 0, 10_000)
    assert len({fact.id for of_case in facts.values() for fact in of_case}) == 34_724
    payments = table[table["activity"] == "Payment"].copy()
    payments["cents"] = (payments["totalpaymentamount"].astype(float) * 100).round().astype(int)
    # The column is what the case has paid so far: its last value is what the case paid in all.
    paid_by_case = payments.groupby("case_id")["cents"].max()
    got = {
        case.removeprefix("FINE-"): sum(fact.data.amount for fact in of_case if hasattr(fact.data, "online"))
        for case, of_case in facts.items()
    }
    assert {case: cents for case, cents in got.items() if cents} == paid_by_case.to_dict()
    sums = sums_by_agency(facts)
    assert sum(sums["payments"].values()) == len(payments) == 4_910
    assert sum(sums["payments_amount"].values()) == paid_by_case.sum()
    assert sum(sums["received"].values()) == 10_000
    assert sum(sums["finished"].values()) == (table["activity"] == "Send for Credit Collection").sum()
    fee_cases = table[table["activity"].isin(["Send Fine", "Add penalty"])]["case_id"].nunique()
    assert sum(sums["fee_due"].values()) <= fee_cases


def test_importing_twice_gives_the_same_records(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        imported(tmp_path / name, "traffic_fines")
    assert (tmp_path / "one" / "out.ndjson").read_bytes() == (tmp_path / "two" / "out.ndjson").read_bytes()
