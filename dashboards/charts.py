"""ECharts options of the wall's charts. Pure: the same bars give the same options.

Sizes are in rem, worked out in the browser (NiceGUI evaluates keys that begin with a colon there), so that the one
definition fits every screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any, Literal

from dashboards.figures import Lang, count

Theme = Literal["dark", "light"]

LABEL_REM = 1.5
# A minute of more than this many usual ones is a burst; fewer minutes than that know no usual one.
BURST = 4
ENOUGH_MINUTES = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute: its label `10:42`, its count, and whether it is still running."""

    label: str
    value: int
    running: bool


@dataclass(frozen=True, slots=True)
class _Colours:
    bar: str
    running: str
    line: str
    text: str


# The same values as in wall.css: a canvas does not see the page's variables.
_COLOURS: dict[Theme, _Colours] = {
    "dark": _Colours(bar="#4ea3d8", running="#2f5f80", line="#2a3848", text="#a9b8c8"),
    "light": _Colours(bar="#1f74b1", running="#9cc0dc", line="#c9d2db", text="#4a5867"),
}


# Below this width (as in wall.css) the page is read in the hand.
NARROW_PX = 1000


def _rem(rem: float) -> str:
    return (
        f"{rem} * parseFloat(getComputedStyle(document.documentElement).fontSize)"
        f" * (innerWidth < {NARROW_PX} ? 0.7 : 1)"
    )


def ceiling(bars: Sequence[Bar]) -> int | None:
    """Where the axis ends when one burst (a re-sync of a month) would flatten everything else; None: by itself."""
    usual = [bar.value for bar in bars if bar.value and not bar.running]
    if len(usual) < ENOUGH_MINUTES or max(usual) <= BURST * (middle := median(usual)):
        return None
    step = int(10 ** max(0, len(str(int(2 * middle))) - 2))
    return ceil(2 * middle / step) * step


def flow_options(bars: Sequence[Bar], theme: Theme, lang: Lang) -> dict[str, Any]:
    """Bars by minute, oldest first; labels at every tenth minute of the clock, the running minute paler.

    A bar beyond the axis' ceiling is cut there and carries its number.
    """
    top = ceiling(bars)
    colours = _COLOURS[theme]
    label = {"color": colours.text, ":fontSize": _rem(LABEL_REM), "fontFamily": "Roboto", ":margin": _rem(0.5)}
    line = {"color": colours.line, ":width": _rem(0.07)}
    return {
        "animation": False,
        "grid": {
            ":left": _rem(0.2),
            ":right": _rem(1.6),
            ":top": _rem(0.9),
            ":bottom": _rem(0.1),
            "outerBoundsMode": "same",
        },
        "xAxis": {
            "type": "category",
            "data": [bar.label for bar in bars],
            "axisTick": {"show": False},
            "axisLine": {"lineStyle": line},
            "axisLabel": {**label, ":interval": "(index, text) => index > 1 && text.endsWith('0')"},
        },
        "yAxis": {
            "type": "value",
            "splitNumber": 3,
            "minInterval": 1,
            **({} if top is None else {"max": top}),
            "splitLine": {"lineStyle": line},
            "axisLabel": {**label, ":formatter": f"value => value.toLocaleString('{lang}')"},
        },
        "series": [
            {
                "type": "bar",
                "barCategoryGap": "22%",
                "data": [
                    {
                        "value": bar.value,
                        "itemStyle": {"color": colours.running if bar.running else colours.bar},
                        **({"label": _number(bar, place, len(bars), label, lang)} if top and bar.value > top else {}),
                    }
                    for place, bar in enumerate(bars)
                ],
            }
        ],
    }


def _number(bar: Bar, place: int, places: int, label: dict[str, Any], lang: Lang) -> dict[str, Any]:
    """A cut bar's number, beside its top on the side that has room."""
    left = place > places / 2
    return {
        **label,
        "show": True,
        "formatter": count(bar.value, lang),
        "position": ["-20%", 0] if left else ["120%", 0],
        "align": "right" if left else "left",
        "verticalAlign": "top",
    }
