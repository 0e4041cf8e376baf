"""Hypothesis strategies for case histories: few ids and instants, so that ties, duplicates and corrections meet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from ioc.events import KINDS, Data, correction
from ioc.facts import Fact, fact, to_ms

START = datetime(2026, 1, 5, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 60).map(lambda hours: START + timedelta(hours=hours * 3))
AGENCIES = st.sampled_from([None, "H60.01", "000.00.01.H60", "H60.02"])
SERVICES = st.sampled_from([None, "1.000001", "2.000002"])
CHANNELS = st.sampled_from([None, "counter", "online", "postal"])
DUES = st.none() | MOMENTS


def _data(kind: str) -> st.SearchStrategy[Data]:
    data = KINDS[kind]
    attributes = {"agency": AGENCIES, "service": SERVICES, "channel": CHANNELS, "due": DUES}
    fields: dict[str, dict[str, st.SearchStrategy[object]]] = {
        "submitted": attributes,
        "accepted": attributes,
        "payment_due": {"amount": st.integers(0, 100)},
        "paid": {"amount": st.integers(0, 100), "online": st.booleans(), "ok": st.booleans()},
        "rescheduled": {"due": MOMENTS, "apology": st.booleans()},
        "transferred": {"agency": AGENCIES.filter(bool)},
        "finished": {"e_result": st.booleans()},
        "returned": {"form": CHANNELS},
        "digitised": {"papers": st.integers(0, 3), "digitised": st.integers(0, 3), "reused": st.integers(0, 3)},
        "rated": {"satisfied": st.booleans()},
        "synced": {"alias": st.sampled_from([None, "G22-1"])},
    }
    return st.builds(data, **fields.get(kind, {}))


PLAIN_KINDS = [kind for kind in KINDS if kind != "corrected"]
PLAIN: st.SearchStrategy[Data] = st.sampled_from(PLAIN_KINDS).flatmap(_data)


@st.composite
def corrections(draw: st.DrawFn) -> Data:
    """A `corrected` naming one of a few ids, with a replacement or none."""
    named = f"e{draw(st.integers(0, 9))}"
    if draw(st.booleans()):
        return correction(named, None, None, None)
    kind = draw(st.sampled_from(PLAIN_KINDS))
    return correction(named, kind, draw(MOMENTS), draw(_data(kind)))


@st.composite
def facts(draw: st.DrawFn, most: int = 12) -> list[Fact]:
    """Distinct facts of one case, in no order."""
    made = []
    for number in range(draw(st.integers(0, most))):
        data = draw(st.one_of(PLAIN, PLAIN, PLAIN, PLAIN, corrections()))
        source = draw(st.sampled_from(["a", "b"]))
        made.append(fact(to_ms(draw(MOMENTS)), source, f"e{number}", data))
    return made
