"""Numbers as a person reads them: Vietnamese marks, unknown as a dash, no share that looks better than it is."""

from __future__ import annotations

import pytest

from dashboards.figures import DAY, HOUR, MINUTE, Lang, count, duration, share


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("value", "lang", "shown"),
    [
        (0, "vi", "0"),
        (999, "vi", "999"),
        (1_234, "vi", "1.234"),
        (1_234_567, "vi", "1.234.567"),
        (1_234_567, "en", "1,234,567"),
        (None, "vi", "—"),
        (None, "en", "—"),
    ],
)
def test_count(value: int | None, lang: Lang, shown: str) -> None:
    assert count(value, lang) == shown


@pytest.mark.parametrize(
    ("ratio", "lang", "shown"),
    [
        (0.386, "vi", "38,6 %"),
        (0.386, "en", "38.6%"),
        (0.0, "vi", "0 %"),
        (1.0, "vi", "100 %"),
        (0.99999, "vi", "> 99,9 %"),
        (0.000068, "vi", "< 0,1 %"),
        (0.999, "vi", "99,9 %"),
        (0.001, "vi", "0,1 %"),
        (None, "vi", "—"),
    ],
)
def test_share(ratio: float | None, lang: Lang, shown: str) -> None:
    assert plain(share(ratio, lang)) == shown


@pytest.mark.parametrize(
    ("seconds", "lang", "shown"),
    [
        (0.4, "vi", "0 giây"),
        (59.9, "vi", "59 giây"),
        (MINUTE, "vi", "1 phút"),
        (2 * MINUTE + 5, "vi", "2 phút 5 giây"),
        (14 * MINUTE + 5, "vi", "14 phút"),
        (HOUR + MINUTE, "en", "1 hour 1 minute"),
        (3 * DAY + 4 * HOUR, "en", "3 days 4 hours"),
        (40 * DAY, "vi", "40 ngày"),
        (-3.0, "vi", "0 giây"),
        (None, "vi", "—"),
    ],
)
def test_duration(seconds: float | None, lang: Lang, shown: str) -> None:
    assert plain(duration(seconds, lang)) == shown


def test_a_figure_is_never_torn_from_its_unit() -> None:
    assert " " not in share(0.386, "vi")
    assert duration(125, "vi").count(" ") == 1
