"""A made-up province for the wall, and a program that serves it: stands in for ClickHouse in the wall's own tests.

Run as a program with a control file; its JSON says how the source behaves from now on: `mode` is `live`, `stopped`
(answers, but nothing new since `since`), `empty` (answers, nothing there), `away` (refuses) or `hanging` (holds the
answer back); `received` is the figure of the first tile.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ioc.errors import Unreachable
from sinks.wall_queries import AgencyRow, Figures, Minute, PartitionProgress, WallSnapshot

AGENCIES = (
    ("H60.05", 4_812, 214),
    ("H60.06", 3_120, 96),
    ("H60.01", 1_204, 61),
    ("H60.02", 988, 40),
    ("H60.10", 812, 22),
    ("H60.110", 640, 9),
    ("unknown", 301, 4),
    ("H60.105", 288, 1),
    ("H60.120", 250, 0),
    ("H60.99", 12, 0),
)
LIVE = Figures(
    received=1_234,
    received_online=476,
    finished=1_087,
    in_time=1_002,
    late_finished=61,
    no_due=24,
    open=12_427,
    open_late=447,
    due_24h=1_318,
    paused=905,
    waiting=162,
)


def province(now: datetime, written: datetime | None = None, figures: Figures = LIVE) -> WallSnapshot:
    """A snapshot taken at `now` whose rows were last written at `written` (a second before, unless told)."""
    written = now - timedelta(seconds=1) if written is None else written
    minute = now.replace(second=0, microsecond=0)
    return WallSnapshot(
        taken_at=now,
        clock=written.replace(second=0, microsecond=0),
        day=now.replace(hour=0, minute=0, second=0, microsecond=0),
        province=figures,
        agencies=tuple(AgencyRow(code, Figures(open=open_, open_late=late)) for code, open_, late in AGENCIES),
        flow=tuple(Minute(minute - timedelta(minutes=29 - n), 140 + (n * 37) % 90 - 3 * n % 7) for n in range(30)),
        written_age_seconds=(now - written).total_seconds(),
        newest_age_seconds=(now - written).total_seconds(),
        watermark=written,
        dead_letters_today=17,
        events_total=1_204_331,
        partitions=tuple(PartitionProgress(n, 200_000 + 811 * n, 200_000, written, written, written) for n in range(6)),
    )


def nothing(now: datetime) -> WallSnapshot:
    """A store with tables and no rows."""
    return WallSnapshot(
        taken_at=now,
        clock=now,
        day=now.replace(hour=0, minute=0, second=0, microsecond=0),
        province=Figures(),
        agencies=(),
        flow=(),
        written_age_seconds=None,
        newest_age_seconds=None,
        watermark=None,
        dead_letters_today=0,
        events_total=0,
        partitions=(),
    )


class FakeSource:
    """Answers as the control file says at the moment it is asked."""

    def __init__(self, control: Path) -> None:
        self._control = control
        self._stopped_at: datetime | None = None

    def __call__(self) -> WallSnapshot:
        told = json.loads(self._control.read_text("utf-8"))
        mode, now = told["mode"], datetime.now(UTC)
        if mode == "away":
            raise Unreachable("ClickHouse at http://127.0.0.1:18123 does not answer; start it with `ioc up`.")
        if mode == "hanging":
            time.sleep(3600)
        if mode == "empty":
            return nothing(now)
        figures = Figures(**{**_fields(LIVE), **told.get("figures", {})})
        if mode == "stopped":
            return province(now, datetime.fromisoformat(told["since"]), figures)
        return province(now, None, figures)


def _fields(figures: Figures) -> dict[str, int | None]:
    return {name: getattr(figures, name) for name in Figures.__dataclass_fields__}


def main(control: Path, port: int = 0) -> None:
    """Serves the fake province, on a free port unless told, and prints its address."""
    from dashboards.address import listen, url_of
    from dashboards.server import Show, WallServer
    from ioc.directory import load_directory

    sock = listen("127.0.0.1", port)
    show = Show(FakeSource(control), load_directory(), "vi", lambda: print(url_of(sock), flush=True))
    WallServer(show).run(sock)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
