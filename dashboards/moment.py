"""How a picture stands at one instant: its state and its age. Pure.

`live`; `stale`: the figures have stopped, or there are none yet; `away`: ClickHouse does not answer, and the last
picture stays with its growing age.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dashboards.poller import Picture

if TYPE_CHECKING:
    from sinks.wall_queries import Figures, WallSnapshot

State = Literal["live", "stale", "away"]

# Figures move every second; ten seconds without are no hiccup any more.
STALE_AFTER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A picture at one instant: its state and its age. `age_seconds` None: no figures yet."""

    picture: Picture[WallSnapshot]
    state: State
    age_seconds: float | None
    taken_seconds_ago: float | None
    events: int
    first_figure: bool


def moment(picture: Picture[WallSnapshot], now: float) -> Moment:
    """The picture's state and age at `now` (`time.monotonic()` seconds)."""
    shown = picture.snapshot
    taken_ago = picture.age(now)
    behind = None if shown is None else slowest_age(shown)
    age = None if behind is None or taken_ago is None else behind + taken_ago
    state: State = "live"
    if picture.away(now) or shown is None:
        state = "away"
    elif age is None or age > STALE_AFTER_SECONDS:
        state = "stale"
    return Moment(
        picture=picture,
        state=state,
        age_seconds=age,
        taken_seconds_ago=taken_ago,
        events=shown.events_total if shown else 0,
        first_figure=shown is not None and _anything(shown.province),
    )


def slowest_age(snapshot: WallSnapshot) -> float | None:
    """Age of the partition that lags most: only up to there is everything in the figures."""
    written = min((one.written_at for one in snapshot.partitions), default=None)
    return None if written is None else max(0.0, (snapshot.taken_at - written).total_seconds())


def _anything(province: Figures) -> bool:
    return any((province.received, province.finished, province.open, province.waiting))
