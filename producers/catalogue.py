"""Who gets which cases: volumes over services and agencies, skewed as in a real province, drawn in constant time."""

from __future__ import annotations

from dataclasses import dataclass

from ioc.directory import Directory
from producers.rhythm import Random

_TABLE = 8192
# The certified copy: a bit over a quarter of everything a province receives.
TOP_SERVICE = "2.000815"
TOP_SHARE = 0.28
# Civil status and the like follow; the rest has a long tail.
_NEXT = ("1.001193", "1.004222", "2.000884", "1.000656", "1.000894", "1.003197")
_FEES = (0, 0, 8_000, 15_000, 50_000, 150_000, 650_000)
# Departments receive a few cases of procedures that any body offers.
_COMMON_SHARE = 0.12


@dataclass(frozen=True, slots=True)
class Offer:
    """A service as the simulator sees it. `days` is always known here: the case system states a due date itself."""

    code: str
    days: int
    fee: int
    communal: bool
    agency: str


def _spread(weights: list[tuple[int, float]]) -> tuple[int, ...]:
    """A table of item numbers in which each stands as often as it weighs, at least once."""
    total = sum(weight for _, weight in weights)
    table: list[int] = []
    for item, weight in weights:
        table.extend([item] * max(1, round(_TABLE * weight / total)))
    return tuple(table)


class Catalogue:
    """Draws a service and the agency that gets it."""

    def __init__(self, directory: Directory) -> None:
        services = [directory.services[code] for code in sorted(directory.services)]
        self._offers = tuple(
            Offer(one.code, one.days or 5, _FEES[number % len(_FEES)], one.level == "commune", one.agency)
            for number, one in enumerate(services)
        )
        self._services = _spread(self._weights())
        self._communes = tuple(a.id for a in directory.agencies.values() if a.level == "commune")
        self.departments = tuple(a.id for a in directory.agencies.values() if a.level == "department")
        # Zipf over both, with the exponents that give a ratio of about 1:12 among communes.
        self._commune_table = _spread([(n, 1 / (n % 31 + 3)) for n in range(len(self._communes))])
        self._department_table = _spread([(n, 1 / (n + 2)) for n in range(len(self.departments))])

    def _weights(self) -> list[tuple[int, float]]:
        order = {TOP_SERVICE: 0} | {code: rank for rank, code in enumerate(_NEXT, 1)}
        tail = len(order)
        ranked: list[tuple[int, float]] = []
        for number, offer in enumerate(self._offers):
            if offer.code == TOP_SERVICE:
                continue
            rank = order.get(offer.code)
            if rank is None:
                rank = tail + (number * 37) % len(self._offers)
            ranked.append((number, 1 / (rank + 4)))
        rest = sum(weight for _, weight in ranked)
        top = next(number for number, offer in enumerate(self._offers) if offer.code == TOP_SERVICE)
        return [(top, TOP_SHARE / (1 - TOP_SHARE) * rest), *ranked]

    def draw(self, draw: Random) -> tuple[Offer, str]:
        """A service and the agency that receives the case."""
        offer = self._offers[self._services[int(draw() * len(self._services))]]
        if offer.communal:
            return offer, self._communes[self._commune_table[int(draw() * len(self._commune_table))]]
        if offer.agency and draw() > _COMMON_SHARE:
            return offer, offer.agency
        return offer, self.departments[self._department_table[int(draw() * len(self._department_table))]]
