"""The flow's chart: what is drawn of a burst, and in whose numbers."""

from __future__ import annotations

from dashboards.charts import Bar, ceiling, flow_options


def bars(*values: int) -> tuple[Bar, ...]:
    return tuple(Bar(f"10:{n:02d}", value, n == len(values) - 1) for n, value in enumerate(values))


def test_an_ordinary_flow_has_no_ceiling() -> None:
    assert ceiling(bars(100, 120, 90, 300, 110, 3)) is None
    assert ceiling(()) is None


def test_a_burst_is_cut_and_tells_its_number() -> None:
    shown = bars(0, 20_544, 100, 120, 90, 110, 7)
    assert ceiling(shown) == 220
    options = flow_options(shown, "dark", "vi")
    assert options["yAxis"]["max"] == 220
    cut = [point["label"]["formatter"] for point in options["series"][0]["data"] if "label" in point]
    assert cut == ["20.544"]


def test_few_minutes_know_no_usual_one() -> None:
    assert ceiling(bars(20_000, 100, 90, 3)) is None


def test_the_axis_ends_at_a_round_number() -> None:
    assert ceiling(bars(20_544, 1_746, 1_746, 1_745, 1_750, 3)) == 3_500
    assert ceiling(bars(50, 1, 1, 1, 1, 3)) == 2


def test_every_minute_is_drawn_and_the_running_one_apart() -> None:
    data = flow_options(bars(5, 6, 7), "light", "en")["series"][0]["data"]
    assert [point["value"] for point in data] == [5, 6, 7]
    colours = [point["itemStyle"]["color"] for point in data]
    assert colours[0] == colours[1] != colours[2]
