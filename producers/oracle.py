"""What the right figures of a simulated stream are, to the unit, by the simulator's own arithmetic."""

from __future__ import annotations

from collections import Counter
from typing import Any

from producers.wire import Counts, SimEvent, date_text, local_day


class Oracle:
    """Sums what the true events count for, and counts the records that traps add."""

    def __init__(self) -> None:
        self.records = 0
        self.accepted = 0
        self.duplicates = 0
        self.dead_letters: Counter[str] = Counter()
        self.true_events = 0
        self.first: int | None = None
        self.last: int | None = None
        self._cells: Counter[tuple[str, int, str]] = Counter()
        self.cases = 0
        # What cannot be placed until the case's `accepted` has come: case -> [(day, if it comes, if it never comes)].
        self._waiting: dict[str, list[tuple[int, Counts, Counts]]] = {}

    def truth(self, event: SimEvent) -> None:
        """Books a true event; to be called once for each, in order of time."""
        self.true_events += 1
        # The planner numbers a case's events from 1, and no later one comes before it.
        self.cases += event.id.endswith(".1")
        self.first = event.time if self.first is None else min(self.first, event.time)
        self.last = event.time if self.last is None else max(self.last, event.time)
        day = local_day(event.time)
        if event.otherwise is not None:
            self._waiting.setdefault(event.case, []).append((day, event.counts, event.otherwise))
            return
        if event.kind == "accepted":
            for earlier, counts, _ in self._waiting.pop(event.case, ()):
                self._add(earlier, counts)
        self._add(day, event.counts)

    def _add(self, day: int, counts: Counts) -> None:
        for measure, value in counts.values:
            self._cells[measure, day, counts.agency] += value

    def cells(self) -> dict[tuple[str, str, str], int]:
        """(measure, local day, agency) -> sum, without zeros; complete after the last event."""
        total = Counter(self._cells)
        for held in self._waiting.values():
            for day, _, counts in held:
                for measure, value in counts.values:
                    total[measure, day, counts.agency] += value
        return {(measure, date_text(day), agency): value for (measure, day, agency), value in total.items() if value}

    def totals(self) -> dict[str, int]:
        """Sums by measure."""
        total: Counter[str] = Counter()
        for (measure, _, _), value in self.cells().items():
            total[measure] += value
        return dict(sorted(total.items()))

    def document(self) -> dict[str, Any]:
        """As JSON. `events` are the distinct events that must be accepted, corrections included."""
        return {
            "records": self.records,
            "events": self.accepted,
            "duplicates": self.duplicates,
            "dead_letters": dict(sorted(self.dead_letters.items())),
            "cases": self.cases,
            "true_events": self.true_events,
            "first_ms": self.first,
            "last_ms": self.last,
            "totals": self.totals(),
            "cells": [[*key, value] for key, value in sorted(self.cells().items())],
        }
