"""The register as a page: `python -m ioc.indicator_docs > docs/indicators.md`; a test holds the page to it."""

from __future__ import annotations

from ioc.indicators import Indicator, Term, register
from ioc.measures import CELL_MEASURES, STOCK_MEASURES

_HEAD = """# Indicators

Generated from `ioc/data/indicators.yaml` by `python -m ioc.indicator_docs`; `ioc query ID` asks for one.

Every indicator is a sum of measures, or a ratio of two such sums, so it rolls up over time, agency and partition; a
share of shares is never taken. A ratio whose denominator is zero or below its minimum is **unknown**, which is never
shown as 0. Counts belong to a period (by default the data's own local day), stocks to a moment. A formula is never
changed in place: it gets a new version.
"""


def markdown() -> str:
    """The whole page."""
    indicators = list(register().values())
    parts = [_HEAD]
    for title, stock in (("Counted over a period", False), ("Taken as of a moment", True)):
        parts.append(f"\n## {title}\n")
        parts += [_section(one) for one in indicators if one.is_stock is stock]
    parts.append("\n## Measures\n")
    for title, measures in (("Cells", CELL_MEASURES), ("Stocks", STOCK_MEASURES)):
        parts.append(f"\n{title}\n\n| measure | counts |\n|---|---|\n")
        parts += [f"| `{name}` | {meaning} |\n" for name, meaning in measures.items()]
    return "".join(parts)


def _section(one: Indicator) -> str:
    formula = _sum(one.numerator) + (f" / ({_sum(one.denominator)})" if one.denominator else "")
    facts = [f"unit {one.unit}", f"version {one.version} from {one.valid_from}"]
    if one.valid_to is not None:
        facts.append(f"to {one.valid_to}")
    if one.direction != "none":
        facts.append(f"better {'higher' if one.direction == 'up' else 'lower'}")
    if one.target is not None:
        facts.append(f"target {one.target:g}")
    if one.min_denominator > 1:
        facts.append(f"unknown below a denominator of {one.min_denominator}")
    if one.zero_denominator:
        facts.append(f"zero denominator: {one.zero_denominator}")
    told = (f"{one.name_vi} · {one.name_en}", formula, one.includes, f"{'; '.join(facts)}. Source: {one.source}.")
    return f"\n### `{one.id}`\n" + "\n\n".join(told) + "\n"


def _sum(terms: tuple[Term, ...]) -> str:
    return " + ".join(f"`{term.measure}`" + (f" ({term.channel})" if term.channel else "") for term in terms)


if __name__ == "__main__":
    print(markdown(), end="")
