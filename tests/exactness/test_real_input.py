"""Real records through the real pipeline: what the tables say equals what pandas says of the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest

from tests.conftest import Fresh
from tests.exactness.harness import await_written, crew, query, verify

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(not DATA.exists(), reason="the public records are not part of the project: no ../shared/data"),
]


def imported(fresh: Fresh, name: str) -> dict[str, Any]:
    """Imports a file through its shipped mapping and waits until all is written."""
    command = [sys.executable, "-c", "from ioc.cli import main; main()", "import"]
    run = subprocess.run(
        [*command, str(DATA / f"{name}.csv"), "--map", name, "--json"],
        env=fresh.env,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    with crew(fresh.env) as workers:
        await_written(fresh.settings, workers)
    assert verify(fresh.env)["differences"] == 0
    document: dict[str, Any] = orjson.loads(run.stdout)
    return document


def by_agency(fresh: Fresh, measures: str) -> dict[str, int]:
    rows = query(
        fresh.settings,
        f"SELECT agency, sum(value) AS total FROM cells FINAL WHERE measure IN ({measures}) "
        "GROUP BY agency HAVING total != 0",
    )
    return dict(rows)  # type: ignore[arg-type]


def test_nyc_311_requests(fresh: Fresh) -> None:
    imported(fresh, "nyc311_requests")
    frame = pd.read_csv(DATA / "nyc311_requests.csv", dtype=str)
    due = pd.to_datetime(frame["Due Date"], format="%m/%d/%Y %I:%M:%S %p")
    closed = pd.to_datetime(frame["Closed Date"], format="%m/%d/%Y %I:%M:%S %p")
    agency = frame["Agency"]

    def counted(rows: Any) -> dict[str, int]:
        return agency[rows].value_counts().to_dict()

    due_and_closed = due.notna() & closed.notna()
    assert (len(frame), due.notna().sum(), due_and_closed.sum()) == (1000, 486, 479)
    assert query(fresh.settings, "SELECT count(), countIf(due_ms != 0) FROM cases FINAL") == [(1000, 486)]
    assert by_agency(fresh, "'received'") == counted(agency.notna())
    assert by_agency(fresh, "'received_no_due'") == counted(due.isna())
    assert by_agency(fresh, "'finished'") == counted(closed.notna())
    judged = "'finished_early', 'finished_on_time', 'finished_late'"
    assert by_agency(fresh, judged) == counted(due_and_closed)
    late = by_agency(fresh, "'finished_late'")
    assert late == counted(due_and_closed & (closed > due))
    assert sum(late.values()) == 52


def test_traffic_fines(fresh: Fresh) -> None:
    imported(fresh, "traffic_fines")
    frame = pd.read_csv(DATA / "traffic_fines.csv", dtype={"case_id": str})
    assert query(fresh.settings, "SELECT count() FROM cases FINAL") == [(10_000,)]
    assert query(fresh.settings, "SELECT count() FROM events FINAL") == [(34_724,)]
    payments = frame[frame["activity"] == "Payment"]
    # The column is a running total of the case, so what was paid in all is its greatest value, here in cents.
    paid = round(payments.groupby("case_id")["totalpaymentamount"].max().sum() * 100)
    totals = dict(query(fresh.settings, "SELECT measure, sum(value) FROM cells FINAL GROUP BY measure"))  # type: ignore[arg-type]
    assert totals["payments"] == len(payments) == 4_910
    assert totals["payments_amount"] == paid
    assert totals["received"] == 10_000
