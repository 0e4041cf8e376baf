"""From snapshot to screen: states, ages, tones, unknown figures, ranking. No browser."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from dashboards.moment import STALE_AFTER_SECONDS, moment
from dashboards.poller import ANSWER_SECONDS, Picture
from dashboards.texts import EN, VI, Texts, texts_for
from dashboards.view import PARTITIONS_SHOWN, RANKED, Tile, WallView, view
from ioc.directory import load_directory
from sinks.wall_queries import AgencyRow, Figures, WallSnapshot
from tests.dashboards.fake_province import LIVE, nothing, province

NOW = datetime(2026, 3, 2, 3, 42, 17, tzinfo=UTC)
DIRECTORY = load_directory()


def drawn(snapshot: WallSnapshot | None, *, ago: float = 0.0, error: str | None = None, texts: Texts = VI) -> WallView:
    picture = Picture(snapshot=snapshot, taken_at=None if snapshot is None else 100.0, error=error)
    return view(moment(picture, 100.0 + ago), texts, DIRECTORY)


def tile(shown: WallView, key: str) -> Tile:
    return next(one for one in shown.tiles if one.key == key)


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def with_figures(**changed: int | None) -> WallSnapshot:
    return province(NOW, None, replace(LIVE, **changed))


def test_live() -> None:
    shown = drawn(province(NOW))
    assert (shown.state, shown.banner, shown.alarm) == ("live", "", False)
    assert plain(shown.age) == "dữ liệu cách đây 1 giây"
    assert (shown.clock, shown.date) == ("10:42:16", "Thứ Hai, 02/03/2026")


def test_tiles_of_a_live_day() -> None:
    shown = drawn(province(NOW))
    assert [plain(one.value) for one in shown.tiles] == [
        "1.234", "38,6 %", "1.087", "94,3 %", "12.427", "447", "1.318", "905", "162",
    ]  # fmt: skip
    assert tile(shown, "online").note == "476 / 1.234 hồ sơ"
    assert tile(shown, "on_time").note == "1.002 / 1.063, 24 không rõ hạn"


def test_on_time_leaves_out_cases_without_due_date_and_says_nothing_where_there_are_none() -> None:
    shown = tile(drawn(with_figures(in_time=9, late_finished=1, no_due=0)), "on_time")
    assert (plain(shown.value), shown.note) == ("90,0 %", "9 / 10 hồ sơ")


def test_red_is_for_overdue_cases_only() -> None:
    assert [one.key for one in drawn(province(NOW)).tiles if one.tone == "act"] == ["open_late"]
    assert all(one.tone == "plain" for one in drawn(with_figures(open_late=0)).tiles)


@pytest.mark.parametrize("key", ["received", "finished", "open", "open_late", "open_paused", "waiting"])
def test_zero_is_zero_and_unknown_is_unknown(key: str) -> None:
    name = {"open_paused": "paused"}.get(key, key)
    zero, unknown = tile(drawn(with_figures(**{name: 0})), key), tile(drawn(with_figures(**{name: None})), key)
    assert (zero.value, zero.note, zero.tone) == ("0", "", "plain")
    assert (unknown.value, unknown.note, unknown.tone) == ("—", "không rõ", "unknown")


def test_a_share_of_nothing_is_unknown_with_its_reason() -> None:
    shown = drawn(with_figures(received=0, received_online=0, finished=0, in_time=0, late_finished=0, no_due=0))
    for key, reason in (
        ("online", "không rõ: hôm nay chưa có hồ sơ"),
        ("on_time", "không rõ: hôm nay chưa có kết quả"),
    ):
        assert (tile(shown, key).value, tile(shown, key).note, tile(shown, key).tone) == ("—", reason, "unknown")


def test_before_the_first_snapshot_nothing_is_claimed() -> None:
    shown = drawn(None)
    assert {one.value for one in shown.tiles} == {"—"}
    assert {one.tone for one in shown.tiles} == {"unknown"}
    assert len(shown.tiles) == 9
    assert (shown.dead_letters, shown.no_flow, shown.no_agencies) == ("—", "không rõ", "không rõ")
    assert shown.banner == VI.banner_first
    assert not shown.alarm


def test_an_empty_store_waits_without_alarm() -> None:
    shown = drawn(nothing(NOW))
    assert (shown.state, shown.age, shown.alarm) == ("stale", "chưa có dữ liệu", False)
    assert shown.banner == VI.banner_empty
    assert {one.value for one in shown.tiles} == {"—"}


def test_stale_when_rows_stop_being_written() -> None:
    shown = drawn(province(NOW, NOW - timedelta(minutes=14)), ago=0.5)
    assert (shown.state, shown.alarm, shown.clock) == ("stale", True, "10:28:17")
    assert "10:28:17" in shown.banner
    assert "14 phút" in plain(shown.banner)
    assert plain(shown.age) == "dữ liệu cách đây 14 phút"


@pytest.mark.parametrize(("beyond", "state"), [(-0.1, "live"), (0.1, "stale")])
def test_the_picture_ages_while_it_is_shown(beyond: float, state: str) -> None:
    assert drawn(province(NOW), ago=STALE_AFTER_SECONDS - 1 + beyond).state == state


def test_one_partition_that_stops_makes_the_whole_stale_and_is_named() -> None:
    snapshot = province(NOW)
    stuck = replace(snapshot.partitions[3], written_at=NOW - timedelta(seconds=90))
    shown = drawn(replace(snapshot, partitions=(*snapshot.partitions[:3], stuck, *snapshot.partitions[4:])))
    assert shown.state == "stale"
    assert [part.act for part in shown.partitions] == [False, False, False, True, False, False]
    assert plain(shown.partitions[3].text) == "P3 202.433 chậm 1 phút 30 giây"


def test_many_partitions_are_named_only_when_behind() -> None:
    one = province(NOW).partitions[0]
    many = tuple(replace(one, partition=n) for n in range(PARTITIONS_SHOWN + 1))
    assert drawn(replace(province(NOW), partitions=many)).partitions == ()
    late = replace(many[5], written_at=NOW - timedelta(minutes=1))
    assert len(drawn(replace(province(NOW), partitions=(*many[:5], late, *many[6:]))).partitions) == 1


def test_away_keeps_the_picture_and_says_why() -> None:
    shown = drawn(province(NOW), ago=65, error="ClickHouse does not answer.")
    assert (shown.state, shown.alarm, shown.why) == ("away", True, "ClickHouse does not answer.")
    assert "1 phút 5 giây" in plain(shown.banner)
    assert plain(shown.age) == "dữ liệu cách đây 1 phút 6 giây"
    assert tile(shown, "received").value == "1.234"
    assert shown.clock == "10:42:16"


def test_away_from_the_start() -> None:
    shown = drawn(None, error="ClickHouse does not answer.")
    assert (shown.state, shown.alarm, shown.banner) == ("away", True, VI.banner_away_at_once)


def test_a_source_that_holds_its_answer_back_is_away() -> None:
    picture = Picture(snapshot=province(NOW), taken_at=100.0, asked_at=101.0)
    assert moment(picture, 101.0 + ANSWER_SECONDS - 0.1).state == "live"
    assert moment(picture, 101.0 + ANSWER_SECONDS + 0.1).state == "away"


def test_a_replay_shows_its_own_minute() -> None:
    shown = drawn(replace(province(NOW), clock=datetime(2023, 7, 15, 1, 5, tzinfo=UTC)))
    assert (shown.clock, shown.date) == ("08:05", "Thứ Bảy, 15/07/2023")


def test_first_figure_and_events() -> None:
    def at(snapshot: WallSnapshot | None) -> tuple[int, bool]:
        now = moment(Picture(snapshot=snapshot, taken_at=1.0), 1.0)
        return now.events, now.first_figure

    assert at(None) == (0, False)
    assert at(nothing(NOW)) == (0, False)
    assert at(province(NOW, None, Figures(received=0, open=0))) == (1_204_331, False)
    assert at(province(NOW)) == (1_204_331, True)


def test_agencies_are_ranked_by_overdue_then_open() -> None:
    rows = (("H60.02", 10, 0), ("H60.05", 90, 7), ("H60.10", 20, 7), ("unknown", 5, 9), ("H60.06", 0, 0))
    agencies = tuple(AgencyRow(code, Figures(open=open_, open_late=late)) for code, open_, late in rows)
    shown = drawn(replace(province(NOW), agencies=agencies))
    assert [row.name for row in shown.agencies] == ["Không rõ", "Sở Nông nghiệp và Môi trường", "Sở Y tế", "Sở Tư pháp"]
    assert [row.late_part for row in shown.agencies] == [1.0, 7 / 9, 7 / 9, 0.0]
    assert plain(shown.agencies[1].late_share) == "7,8 %"
    assert shown.agencies_title == VI.agencies_late


def test_agencies_without_overdue_cases_rank_by_open() -> None:
    agencies = tuple(AgencyRow(f"H60.{n:02d}", Figures(open=n, open_late=0)) for n in range(1, RANKED + 3))
    shown = drawn(replace(province(NOW), agencies=agencies))
    assert len(shown.agencies) == RANKED
    assert shown.agencies[0].open == str(RANKED + 2)
    assert shown.agencies_title == VI.agencies_open


def test_an_agency_with_unknown_overdue_is_not_shown_as_zero() -> None:
    agencies = (AgencyRow("H60.10", Figures(open=5, open_late=None)),)
    row = drawn(replace(province(NOW), agencies=agencies)).agencies[0]
    assert (row.late, row.late_share, row.late_part) == ("—", "—", 0.0)


def test_flow_in_local_time_with_the_running_minute_apart() -> None:
    shown = drawn(province(NOW))
    assert (shown.flow[0].label, shown.flow[-1].label) == ("10:13", "10:42")
    assert [bar.running for bar in shown.flow] == [False] * 29 + [True]
    assert drawn(replace(province(NOW), flow=())).flow == ()


def test_english() -> None:
    shown = drawn(province(NOW), texts=EN)
    assert plain(shown.age) == "data 1 second old"
    assert tile(shown, "received").value == "1,234"
    assert shown.agencies[0].name == "Department of Agriculture and Environment"


def test_both_languages_say_everything() -> None:
    assert VI.labels.keys() == EN.labels.keys()
    assert len(VI.weekdays) == len(EN.weekdays) == 7
    for field in fields(Texts):
        assert getattr(VI, field.name), field.name
        assert getattr(EN, field.name), field.name
    assert [texts_for(asked, "vi").lang for asked in ("en", "vi", None, "", "fr")] == ["en", "vi", "vi", "vi", "vi"]
