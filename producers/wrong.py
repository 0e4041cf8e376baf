"""Wrong versions of true events, and events that never happened: valid by the contract, false in fact."""

from __future__ import annotations

from producers.rhythm import Random
from producers.wire import DAY, SimEvent, iso_local


def wrong_version(event: SimEvent, draw: Random) -> SimEvent:
    """The event as a feed got it wrong: its time, its fields or its kind. Same id and source."""
    chance = draw()
    if chance < 0.3:
        return event._replace(time=event.time + (1 if draw() < 0.5 else -1) * (60_000 + int(draw() * 3 * DAY)))
    if chance < 0.5 and event.kind != "finished":
        # Statuses rewritten on the way to the national portal: a paused case looks finished there.
        return event._replace(kind="finished", data='{"e_result":false}')
    return event._replace(data=_other_fields(event, draw), time=event.time + 1 + int(draw() * 60_000))


def _other_fields(event: SimEvent, draw: Random) -> str:
    if event.kind in ("submitted", "accepted"):
        due = iso_local(event.time + int(draw() * 20 * DAY))
        return f'{{"agency":"H60.{101 + int(draw() * 124)}","service":"1.000593","channel":"postal","due":"{due}"}}'
    if event.kind == "paid":
        return f'{{"amount":{int(draw() * 10_000_000)},"online":{"true" if draw() < 0.5 else "false"},"ok":true}}'
    if event.kind == "digitised":
        return f'{{"papers":{int(draw() * 50)},"digitised":0,"reused":0}}'
    if event.kind == "rated":
        return '{"satisfied":false}' if "true" in event.data else '{"satisfied":true}'
    if event.kind == "finished":
        return '{"e_result":false}' if "true" in event.data else '{"e_result":true}'
    if event.kind == "transferred":
        return f'{{"agency":"H60.{101 + int(draw() * 124)}"}}'
    return event.data


_NEVER_HAPPENED = (
    ("finished", '{"e_result":true}'),
    ("withdrawn", "{}"),
    ("paid", '{"amount":1234567,"online":true}'),
    ("supplement_requested", "{}"),
    ("transferred", '{"agency":"H60.13"}'),
    ("returned", "{}"),
    ("rated", '{"satisfied":false}'),
    ("accepted", '{"agency":"H60.12","service":"1.000593"}'),
)


def made_up(event: SimEvent, draw: Random) -> SimEvent:
    """An event of the same case and source that never happened; its id is its own."""
    kind, data = _NEVER_HAPPENED[int(draw() * len(_NEVER_HAPPENED))]
    time = event.time + int((draw() - 0.3) * DAY)
    return event._replace(time=time, id=event.id + ".x", kind=kind, data=data)
