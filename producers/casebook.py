"""The simulator's own book-keeping of one case: what each planned event counts for.

This is the oracle's arithmetic. It shares no code with streams/ and may be simple, because a plan is complete, in
order and free of duplicates: the planner books each event as it plans it.
"""

from __future__ import annotations

from producers.wire import Counts, SimEvent, local_day

Values = tuple[tuple[str, int], ...]


class CaseBook:
    """Books a case's events in order of time; `events` are the true ones with their counts."""

    __slots__ = (
        "_firsts", "_numbers", "accepted_at", "agency", "case", "closed",
        "due", "events", "paused_since", "pauses", "supplements", "waited",
    )  # fmt: skip

    def __init__(self, case: str, agency: str, due: int | None, accepted_at: int | None) -> None:
        """`due` and `accepted_at` as the case's `accepted` will say, which holds for the whole case."""
        self.case = case
        self.agency = agency
        self.due = due
        self.accepted_at = accepted_at
        self.closed = False
        self.pauses: set[str] = set()
        self.paused_since = 0
        self.waited = 0
        self.supplements = 0
        self.events: list[SimEvent] = []
        self._numbers = 0
        self._firsts: set[str] = set()

    def add(
        self, kind: str, time: int, source: str, data: str, values: Values, otherwise: Counts | None = None
    ) -> None:
        """Writes an event down with what it counts for at the agency in force."""
        self._numbers += 1
        self.events.append(
            SimEvent(
                time,
                self.case,
                f"{self.case}.{self._numbers}",
                source,
                kind,
                data,
                Counts(self.agency, values),
                otherwise,
            )
        )

    def first(self, measure: str) -> bool:
        """True the first time it is asked for `measure`."""
        if measure in self._firsts:
            return False
        self._firsts.add(measure)
        return True

    def pause(self, reason: str, time: int) -> None:
        if self.closed:
            return
        if not self.pauses:
            self.paused_since = time
        self.pauses.add(reason)

    def resume(self, reason: str, time: int) -> None:
        if reason in self.pauses:
            self.pauses.discard(reason)
            if not self.pauses:
                self._waited_until(time)

    def _waited_until(self, time: int) -> None:
        waited = time - self.paused_since
        self.waited += waited
        if self.due is not None:
            self.due += waited

    def close(self, time: int) -> None:
        """Refused, withdrawn or finished: every pause ends."""
        if self.pauses:
            self.pauses.clear()
            self._waited_until(time)
        self.closed = True

    def outcome(self, time: int, e_result: bool) -> Values:
        """Closes the case as finished at `time` and says what that counts for."""
        self.close(time)
        values = [("finished", 1)]
        if e_result:
            values.append(("finished_e_result", 1))
        due = self.due
        if due is None:
            values.append(("finished_no_due", 1))
        else:
            if time > due:
                values.append(("finished_late", 1))
            elif local_day(time) < local_day(due):
                values.append(("finished_early", 1))
            else:
                values.append(("finished_on_time", 1))
            if time <= due and self.supplements <= 1:
                values.append(("finished_on_time_766", 1))
        if self.accepted_at is not None and self.accepted_at <= time:
            values.append(("handled", 1))
            values.append(("handling_seconds", max(0, time - self.accepted_at - self.waited) // 1000))
        return tuple(values)
