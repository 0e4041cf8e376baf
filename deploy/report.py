"""What `ioc status` tells: every part with address, state and age."""

from __future__ import annotations

import time
from collections.abc import Callable

from deploy.external import check_clickhouse, check_kafka
from deploy.home import read_state
from deploy.parts import PartState
from ioc.errors import Unreachable
from ioc.settings import Settings


def describe(settings: Settings) -> dict[str, list[dict[str, object]]]:
    """`{"parts": [{name, address, state, pid, age_seconds, restarts, external, remark}]}`.

    State is up, starting, restarting, stopping or down; age is that of the state. External parts are asked now.
    """
    state = read_state(settings.home)
    kept = {part.name: part for part in (state.parts if state else [])}
    rows: list[dict[str, object]] = []
    for name, external, address, check in (
        ("kafka", settings.external_kafka, ",".join(settings.kafka.bootstrap), check_kafka),
        ("store", settings.external_clickhouse, settings.clickhouse.url, check_clickhouse),
    ):
        if external:
            rows.append(_asked(settings, name, address, check))
        elif name not in kept:
            rows.append(_row(PartState(name=name, state="down")))
    rows.extend(_row(part) for part in kept.values())
    return {"parts": sorted(rows, key=lambda row: _ORDER.get(str(row["name"]), 9))}


_ORDER = {"kafka": 0, "store": 1}


def _row(part: PartState) -> dict[str, object]:
    return {
        "name": part.name,
        "address": part.address,
        "state": part.state,
        "pid": part.pid,
        "age_seconds": round(time.time() - part.since, 1) if part.since else None,
        "restarts": part.restarts,
        "external": False,
        "remark": part.remark,
    }


def _asked(settings: Settings, name: str, address: str, check: Callable[[Settings], str]) -> dict[str, object]:
    try:
        state, remark = "up", check(settings)
    except Unreachable as error:
        state, remark = "down", str(error)
    return {**_row(PartState(name=name, address=address, state=state, remark=remark)), "external": True}
