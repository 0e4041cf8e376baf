"""Agency, service and channel as one small number, and cell keys as one integer.

Interning is worker-local: numbers never leave the process; rows carry the codes. A cell key is
`dimension << 32 | measure << 24 | hour`, so that counting an event costs one dictionary operation on an int.
"""

from __future__ import annotations

from typing import NamedTuple

from ioc.directory import canonical_agency, canonical_service
from ioc.measures import CELL_MEASURES, UNKNOWN

DIMENSION_SHIFT = 32
MEASURE_SHIFT = 24
HOUR_MASK = (1 << MEASURE_SHIFT) - 1
MEASURE_MASK = (1 << (DIMENSION_SHIFT - MEASURE_SHIFT)) - 1
MEASURE_NAMES: tuple[str, ...] = tuple(CELL_MEASURES)
# measure name -> its bits within a cell key
MEASURE_BITS: dict[str, int] = {name: number << MEASURE_SHIFT for number, name in enumerate(MEASURE_NAMES)}


class Dimension(NamedTuple):
    """Where a count belongs; codes in canonical form, `unknown` where the feed did not say."""

    agency: str
    service: str
    channel: str


class Cell(NamedTuple):
    """A cell key taken apart; `hour` counts hours since 1970 UTC."""

    measure: str
    hour: int
    dimension: Dimension


class Dimensions:
    """Hands out numbers to dimensions; canonicalises codes once each."""

    def __init__(self) -> None:
        self._number: dict[tuple[str | None, str | None, str | None], int] = {}
        self._known: list[Dimension] = []

    def intern(self, agency: str | None, service: str | None, channel: str | None) -> int:
        """The number of a dimension, shifted into place for a cell key."""
        raw = (agency, service, channel)
        number = self._number.get(raw)
        if number is None:
            dimension = Dimension(
                canonical_agency(agency) if agency else UNKNOWN,
                canonical_service(service) if service else UNKNOWN,
                channel or UNKNOWN,
            )
            number = self._number.get(dimension)
            if number is None:
                number = len(self._known) << DIMENSION_SHIFT
                self._known.append(dimension)
                self._number[dimension] = number
            self._number[raw] = number
        return number

    def __getitem__(self, shifted: int) -> Dimension:
        """The dimension of a cell key or of a number from `intern`."""
        return self._known[shifted >> DIMENSION_SHIFT]

    def cell(self, key: int) -> Cell:
        """Takes a cell key apart."""
        return Cell(
            MEASURE_NAMES[key >> MEASURE_SHIFT & MEASURE_MASK], key & HOUR_MASK, self._known[key >> DIMENSION_SHIFT]
        )

    def key(self, cell: Cell) -> int:
        """The key of a cell, e.g. one read back from ClickHouse."""
        return self.intern(*cell.dimension) | MEASURE_BITS[cell.measure] | cell.hour
