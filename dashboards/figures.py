"""Numbers, shares and durations as a person reads them, in Vietnamese or English.

Unknown (None) is never drawn as 0: every function here gives `UNKNOWN_MARK` for it.
"""

from __future__ import annotations

from typing import Literal

Lang = Literal["vi", "en"]

UNKNOWN_MARK = "—"
# A figure and its unit must not be torn apart at the end of a line.
NBSP = "\N{NO-BREAK SPACE}"

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNITS: dict[Lang, tuple[tuple[int, str, str], ...]] = {
    "vi": ((DAY, "ngày", "ngày"), (HOUR, "giờ", "giờ"), (MINUTE, "phút", "phút"), (1, "giây", "giây")),
    "en": ((DAY, "day", "days"), (HOUR, "hour", "hours"), (MINUTE, "minute", "minutes"), (1, "second", "seconds")),
}


def _localised(english: str, lang: Lang) -> str:
    """`1,234.5` with the language's group and decimal marks."""
    return english.translate(str.maketrans(",.", ".,")) if lang == "vi" else english


def count(value: int | None, lang: Lang) -> str:
    """`1.234` in Vietnamese, `1,234` in English."""
    return UNKNOWN_MARK if value is None else _localised(f"{value:,}", lang)


def share(ratio: float | None, lang: Lang) -> str:
    """A ratio of 0..1 as a percentage with one decimal: `38,6 %`, `38.6%`.

    Only what is exactly all or nothing reads 100 % or 0 %: 99.97 % must not look perfect, nor 0.02 % absent.
    """
    if ratio is None:
        return UNKNOWN_MARK
    percent = 100 * ratio
    if 0 < percent < 0.1:
        return f"<{NBSP}{_percent(0.1, lang)}"
    if 99.9 < percent < 100:
        return f">{NBSP}{_percent(99.9, lang)}"
    return _percent(percent, lang)


def _percent(percent: float, lang: Lang) -> str:
    text = "100" if percent == 100 else "0" if percent == 0 else _localised(f"{percent:.1f}", lang)
    return f"{text}{NBSP}%" if lang == "vi" else f"{text}%"


def duration(seconds: float | None, lang: Lang) -> str:
    """The greatest whole unit, below ten of it with the next one: `3 giây`, `2 phút 5 giây`, `14 giờ`."""
    if seconds is None:
        return UNKNOWN_MARK
    whole = max(0, int(seconds))
    units = _UNITS[lang]
    for place, (size, one, many) in enumerate(units):
        if whole < size and size > 1:
            continue
        number, rest = divmod(whole, size)
        text = f"{number}{NBSP}{one if number == 1 else many}"
        if number < 10 and place + 1 < len(units):
            smaller, one, many = units[place + 1]
            second = rest // smaller
            if second:
                text += f" {second}{NBSP}{one if second == 1 else many}"
        return text
    raise AssertionError("the smallest unit is one second")
