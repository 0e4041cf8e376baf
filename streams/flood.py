"""Stops a worker that is fed rubbish: a bad deploy upstream belongs in front of a person, not in dead letters."""

from __future__ import annotations

from dataclasses import dataclass

from ioc.errors import FoundWrong


class DeadLetterFlood(FoundWrong):
    """Too many records in a row, or too large a share of the last ones, are no events."""


@dataclass(frozen=True, slots=True)
class FloodLimits:
    """`run`: refused records in a row in one partition; `share` of at least `window` records of one partition.

    A feed with an ill-formed record in twenty is a nuisance, every second one is a defect upstream; a thousand in a
    row cannot be chance even on a bad day.
    """

    run: int = 1_000
    share: float = 0.5
    window: int = 10_000


class FloodGate:
    """Counts one partition's outcomes in log order."""

    def __init__(self, limits: FloodLimits, partition: int) -> None:
        self._limits = limits
        self._partition = partition
        self._run = 0
        self._seen = 0
        self._refused = 0

    def judge(self, first: int, last: int, refused: list[int]) -> None:
        """Takes note of offsets `first`..`last`, of which `refused` (ascending) were refused.

        Raises DeadLetterFlood, before anything of the batch is written, when a limit is passed.
        """
        limits = self._limits
        run = self._run
        expected = first
        for offset in refused:
            run = run + 1 if offset == expected else 1
            expected = offset + 1
            if run >= limits.run:
                self._stop(f"{run} records in a row up to offset {offset}")
        self._run = run if expected == last + 1 else 0
        self._seen += last - first + 1
        self._refused += len(refused)
        if self._seen >= limits.window:
            if self._refused > limits.share * self._seen:
                self._stop(f"{self._refused} of the last {self._seen} records up to offset {last}")
            # Half of the past is kept, so that a flood cannot hide behind a clean morning for long.
            self._seen //= 2
            self._refused //= 2

    def _stop(self, what: str) -> None:
        raise DeadLetterFlood(
            f"Partition {self._partition}: {what} are no events; nothing of this batch was written or acknowledged. "
            f"Mend the producer or its mapping, or start the worker with --accept-flood to make them all dead letters."
        )
