"""From a snapshot to what a screen shows: texts, tones and states. Pure: no clock, no browser, no database.

Unknown figures are a dash with words, never 0. The tone `act` (red) is for
what somebody must act on and for nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from dashboards import figures
from dashboards.charts import Bar
from dashboards.moment import STALE_AFTER_SECONDS, Moment, State, slowest_age
from dashboards.texts import Texts
from ioc.directory import Directory
from ioc.local_time import LOCAL_ZONE

if TYPE_CHECKING:
    from sinks.wall_queries import AgencyRow as AgencyFigures
    from sinks.wall_queries import Figures, PartitionProgress, WallSnapshot

Tone = Literal["plain", "act", "unknown"]

# What fits the panel at a size read from five metres.
RANKED = 8
# More partitions than this are told by number only.
PARTITIONS_SHOWN = 12
# A replay's clock is elsewhere than the machine's; a live one only lags by its tick.
REPLAY_AFTER = timedelta(minutes=5)
NO_CLOCK = "--:--:--"


@dataclass(frozen=True, slots=True)
class Tile:
    """One big figure; `key` names it for tests and scripts."""

    key: str
    label: str
    value: str
    note: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class AgencyRow:
    """One line of the ranking. `late_part` is the length of its bar, 0..1 of the agency with most overdue cases."""

    name: str
    open: str
    late: str
    late_share: str
    late_part: float


@dataclass(frozen=True, slots=True)
class Part:
    """A partition's progress; `act` when it has fallen behind."""

    text: str
    act: bool


@dataclass(frozen=True, slots=True)
class WallView:
    """Everything a screen shows. An empty `banner` means none is shown; `no_flow` and
    `no_agencies` stand where there is no bar and no row.

    `alarm`: the screen must look stopped from afar; a wall that has not begun yet only says so.
    """

    state: State
    clock: str
    date: str
    age: str
    banner: str
    alarm: bool
    why: str
    tiles: tuple[Tile, ...]
    agencies_title: str
    agencies: tuple[AgencyRow, ...]
    no_agencies: str
    flow: tuple[Bar, ...]
    no_flow: str
    flow_now: str
    dead_letters: str
    progress: str
    partitions: tuple[Part, ...]


def view(now: Moment, texts: Texts, directory: Directory) -> WallView:
    """What a screen shows at that moment, in one language."""
    snapshot = now.picture.snapshot
    known = snapshot is not None and bool(snapshot.partitions)
    clock, date = _clock(snapshot, texts)
    ranked = _ranking(snapshot.agencies if snapshot else (), texts, directory)
    return WallView(
        state=now.state,
        clock=clock,
        date=date,
        age=_age(now.age_seconds, texts),
        banner=_banner(now, clock, texts),
        alarm=now.state != "live" and (now.age_seconds is not None or now.picture.error is not None),
        why=(now.picture.error or "") if now.state == "away" else "",
        tiles=_tiles(snapshot.province if snapshot else None, texts),
        agencies_title=texts.agencies_late if any(one.late_part for one in ranked) else texts.agencies_open,
        agencies=ranked,
        no_agencies=texts.no_agencies if known else texts.unknown,
        flow=_flow(snapshot),
        no_flow=texts.no_flow if known else texts.unknown,
        flow_now=_flow_now(snapshot, texts),
        dead_letters=figures.count(snapshot.dead_letters_today if snapshot else None, texts.lang),
        progress=texts.progress.format(events=figures.count(snapshot.events_total if snapshot else None, texts.lang)),
        partitions=_parts(snapshot, texts),
    )


def _age(seconds: float | None, texts: Texts) -> str:
    if seconds is None:
        return texts.no_data_yet
    # Up to a second reads as one: a text that changes its length every second is restless from afar.
    return texts.age.format(age=figures.duration(max(1.0, seconds), texts.lang))


def _clock(snapshot: WallSnapshot | None, texts: Texts) -> tuple[str, str]:
    """The data's clock and date: when the figures were last brought up to date, or a replay's own minute."""
    behind = None if snapshot is None else slowest_age(snapshot)
    if snapshot is None or behind is None:
        return NO_CLOCK, ""
    written = snapshot.taken_at - timedelta(seconds=behind)
    replayed = abs(written - snapshot.clock) > REPLAY_AFTER
    local = (snapshot.clock if replayed else written).astimezone(LOCAL_ZONE)
    date = texts.date.format(weekday=texts.weekdays[local.weekday()], day=local.day, month=local.month, year=local.year)
    return local.strftime("%H:%M" if replayed else "%H:%M:%S"), date


def _banner(now: Moment, clock: str, texts: Texts) -> str:
    if now.state == "live":
        return ""
    if now.state == "stale":
        if now.age_seconds is None:
            return texts.banner_empty
        return texts.banner_stale.format(clock=clock, age=figures.duration(now.age_seconds, texts.lang))
    if now.taken_seconds_ago is None:
        # Before the first answer there is nothing wrong yet.
        return texts.banner_away_at_once if now.picture.error else texts.banner_first
    return texts.banner_away.format(age=figures.duration(now.taken_seconds_ago, texts.lang))


def _tiles(province: Figures | None, texts: Texts) -> tuple[Tile, ...]:
    """First the day's four, then the five stocks; nothing known gives dashes."""

    def number(key: str, value: int | None, *, act: bool = False) -> Tile:
        known = value is not None
        tone: Tone = "unknown" if not known else "act" if act and value else "plain"
        return Tile(key, texts.labels[key], figures.count(value, texts.lang), "" if known else texts.unknown, tone)

    if province is None:
        return tuple(number(key, None) for key in texts.labels)
    return (
        number("received", province.received),
        _online(province, texts),
        number("finished", province.finished),
        _on_time(province, texts),
        number("open", province.open),
        number("open_late", province.open_late, act=True),
        number("open_due_24h", province.due_24h),
        number("open_paused", province.paused),
        number("waiting", province.waiting),
    )


def _online(province: Figures, texts: Texts) -> Tile:
    if province.online_share is None:
        return _unknown_share("online", texts, texts.none_received if province.received == 0 else "")
    online, received = (figures.count(n, texts.lang) for n in (province.received_online, province.received))
    note = texts.of.format(part=online, whole=received)
    return Tile("online", texts.labels["online"], figures.share(province.online_share, texts.lang), note)


def _on_time(province: Figures, texts: Texts) -> Tile:
    """Of the cases with a known due date; the others are told, and counted neither way."""
    if province.on_time_share is None:
        return _unknown_share("on_time", texts, texts.none_finished if province.finished == 0 else "")
    in_time, judged = (figures.count(n, texts.lang) for n in (province.in_time, _judged(province)))
    note = (
        texts.of_and_no_due.format(part=in_time, whole=judged, others=figures.count(province.no_due, texts.lang))
        if province.no_due
        else texts.of.format(part=in_time, whole=judged)
    )
    return Tile("on_time", texts.labels["on_time"], figures.share(province.on_time_share, texts.lang), note)


def _judged(province: Figures) -> int:
    return (province.in_time or 0) + (province.late_finished or 0)


def _unknown_share(key: str, texts: Texts, reason: str) -> Tile:
    note = f"{texts.unknown}: {reason}" if reason else texts.unknown
    return Tile(key, texts.labels[key], figures.UNKNOWN_MARK, note, "unknown")


def _ranking(agencies: tuple[AgencyFigures, ...], texts: Texts, directory: Directory) -> tuple[AgencyRow, ...]:
    """Most overdue first, then most open; agencies with nothing open are left out. An unknown stock ranks last."""
    busy = [one for one in agencies if one.figures.open or one.figures.open_late]
    busy.sort(key=lambda one: (-(one.figures.open_late or 0), -(one.figures.open or 0), one.agency))
    shown = busy[:RANKED]
    most = max((one.figures.open_late or 0 for one in shown), default=0)
    return tuple(_agency_row(one, most, texts, directory) for one in shown)


def _agency_row(one: AgencyFigures, most: int, texts: Texts, directory: Directory) -> AgencyRow:
    open_, late = one.figures.open, one.figures.open_late
    ratio = late / open_ if open_ and late is not None else None
    return AgencyRow(
        name=directory.agency_label(one.agency, texts.lang),
        open=figures.count(open_, texts.lang),
        late=figures.count(late, texts.lang),
        late_share=figures.share(ratio, texts.lang),
        late_part=(late or 0) / most if most else 0.0,
    )


def _flow(snapshot: WallSnapshot | None) -> tuple[Bar, ...]:
    if snapshot is None or not any(minute.events for minute in snapshot.flow):
        return ()
    last = len(snapshot.flow) - 1
    return tuple(
        Bar(minute.start.astimezone(LOCAL_ZONE).strftime("%H:%M"), minute.events, place == last)
        for place, minute in enumerate(snapshot.flow)
    )


def _flow_now(snapshot: WallSnapshot | None, texts: Texts) -> str:
    if snapshot is None or len(snapshot.flow) < 2:
        return ""
    return texts.flow_now.format(events=figures.count(snapshot.flow[-2].events, texts.lang))


def _parts(snapshot: WallSnapshot | None, texts: Texts) -> tuple[Part, ...]:
    if snapshot is None:
        return ()
    ages = [(snapshot.taken_at - one.written_at).total_seconds() for one in snapshot.partitions]
    # When all stand still the banner has said it; a single one that lags is found nowhere else.
    all_behind = all(age > STALE_AFTER_SECONDS for age in ages)
    parts = [
        _part(one, age, age > STALE_AFTER_SECONDS and not all_behind, texts)
        for one, age in zip(snapshot.partitions, ages, strict=True)
    ]
    return tuple(parts if len(parts) <= PARTITIONS_SHOWN else [part for part in parts if part.act][:PARTITIONS_SHOWN])


def _part(one: PartitionProgress, age: float, behind: bool, texts: Texts) -> Part:
    text = texts.partition.format(partition=one.partition, offset=figures.count(one.next_offset, texts.lang))
    if behind:
        text += " " + texts.behind.format(age=figures.duration(age, texts.lang))
    return Part(text, behind)
