"""`ioc verify`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from ioc.errors import FoundWrong
from ioc.output import REMARKS, print_json
from ioc.settings import load_settings
from sinks.client import connect, guarded
from sinks.verify import Findings
from sinks.verify import verify as run

# One question may fold a whole partition of a province's years.
ANSWER_SECONDS = 1800


def verify(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    database: Annotated[str | None, typer.Option(help="Database to verify; the settings' one otherwise.")] = None,
) -> None:
    """Recompute every cell, case and stock from the raw events; exit 1 on a difference."""
    settings = load_settings().clickhouse
    if database:
        settings = replace(settings, database=database)

    def check() -> Findings:
        with connect(settings, "reader", answer_seconds=ANSWER_SECONDS) as client:
            return run(client, lambda text: REMARKS.print(text))

    findings = guarded(check, settings, "reader")
    if json:
        print_json({"checked": findings.checked, "differences": findings.differences, "examples": findings.examples})
    else:
        _tell(findings)
    if findings.differences:
        raise FoundWrong(
            f"{findings.differences} differences in database {settings.database}; "
            f"compare the examples with docs/lifecycle.md and rebuild."
        )


def _tell(findings: Findings) -> None:
    print(", ".join(f"{what} {number}" for what, number in findings.checked.items()))
    for example in findings.examples:
        print("  " + ", ".join(f"{name}={value}" for name, value in example.items()))
    print(f"differences: {findings.differences}")
