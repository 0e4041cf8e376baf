"""What a bench prints: the machine, figures by name, and the bars of the design with whether they are met."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from ioc.output import REMARKS, print_json


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the design: `value` must be at least (`at_least`) or at most `bar`."""

    name: str
    value: float
    bar: float
    at_least: bool

    @property
    def met(self) -> bool:
        return self.value >= self.bar if self.at_least else self.value <= self.bar


@dataclass(slots=True)
class Report:
    """Figures and bars of one bench."""

    bench: str
    figures: dict[str, float] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As scripts rely on it."""
        return {
            "bench": self.bench,
            "machine": machine(),
            "figures": {name: round(value, 4) for name, value in self.figures.items()},
            "bars": [
                {"name": one.name, "value": round(one.value, 4), "bar": one.bar, "met": one.met} for one in self.bars
            ],
        }

    def show(self, json: bool) -> None:
        """Prints the report."""
        if json:
            print_json(self.document())
            return
        table = Table("figure", "value", "bar", title=f"{self.bench} on {machine()}")
        bars = {one.name: one for one in self.bars}
        for name, value in self.figures.items():
            bar = bars.get(name)
            limit = "" if bar is None else f"{'≥' if bar.at_least else '≤'} {bar.bar:,g} {'✓' if bar.met else '✗'}"
            table.add_row(name, f"{value:,.3f}".rstrip("0").rstrip("."), limit)
        REMARKS.print(table)


def machine() -> str:
    """Cores, memory and interpreter, to read the figures by."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0–1) of `values` lie; 0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
