"""The indicator register: what a figure is a ratio of, what it is called, and what its absence means.

The register is data (ioc/data/indicators.yaml): queries, documentation, dashboards and alert rules all read it here.
A share is a ratio of sums of measures, never a mean of shares, so it rolls up over time, agency and partition.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml
from msgspec import Struct

from ioc.errors import IocError
from ioc.events import Channel
from ioc.measures import CELL_MEASURES, STOCK_MEASURES

REGISTER = Path(__file__).parent / "data" / "indicators.yaml"

Unit = Literal["count", "percent", "seconds", "vnd"]
Direction = Literal["up", "down", "none"]
Absence = Literal["unknown", "zero"]
_ID = re.compile(r"[a-z][a-z0-9_]*")


class Term(Struct, frozen=True, forbid_unknown_fields=True):
    """One summand: a measure, `channel` narrows a cell measure to one channel of submission."""

    measure: str
    channel: Channel | Literal["unknown"] | None = None


class Indicator(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One indicator in one version.

    `denominator` empty: the value is the numerator. `unit` percent: the value is numerator / denominator * 100;
    seconds and vnd with a denominator: a mean. `direction`: which way is good. `target` is in the indicator's unit.
    A denominator below `min_denominator` leaves the value unknown. `no_data` says what it means that nothing was
    counted: `zero` only for counts. `zero_denominator` says in words what an empty denominator means.
    """

    id: str
    version: int
    valid_from: date
    name_vi: str
    name_en: str
    numerator: tuple[Term, ...]
    unit: Unit
    source: str
    includes: str
    denominator: tuple[Term, ...] = ()
    valid_to: date | None = None
    direction: Direction = "none"
    target: float | None = None
    min_denominator: int = 1
    no_data: Absence = "unknown"
    zero_denominator: str = ""

    @property
    def measures(self) -> tuple[str, ...]:
        """Every measure the indicator needs, each once."""
        return tuple(dict.fromkeys(term.measure for term in (*self.numerator, *self.denominator)))

    @property
    def is_stock(self) -> bool:
        """Whether it is taken as of a moment; otherwise it is counted over a period."""
        return all(measure in STOCK_MEASURES for measure in self.measures)

    def name(self, lang: str) -> str:
        """The name in `vi` or `en`."""
        return self.name_vi if lang == "vi" else self.name_en

    def value(self, numerator: int | None, denominator: int | None) -> float | int | None:
        """The figure in the indicator's unit; None where it is unknown. Sums None mean that nothing was counted."""
        if not self.denominator:
            return numerator if numerator is not None else (0 if self.no_data == "zero" else None)
        if not denominator or denominator < self.min_denominator or numerator is None:
            return None
        return (100 if self.unit == "percent" else 1) * numerator / denominator


def _wrong(file: Path, which: object, field: str, what: str) -> IocError:
    return IocError(f"{file.name}: indicator {which}, field {field}: {what}; correct the register.")


def _decode(file: Path, entry: Any, place: int) -> Indicator:
    which = entry.get("id", f"number {place}") if isinstance(entry, dict) else f"number {place}"
    try:
        indicator = msgspec.convert(entry, Indicator)
    except msgspec.ValidationError as error:
        text = str(error)
        at = re.search(r" - at `\$\.?([^`]*)`", text)
        named = re.search(r"field `([^`]+)`", text)
        field = (at[1] if at else "") or (named[1] if named else "the whole entry")
        raise _wrong(file, which, field, text.split(" - at ")[0]) from error
    _check(file, indicator)
    return indicator


def _check(file: Path, one: Indicator) -> None:
    if not _ID.fullmatch(one.id):
        raise _wrong(file, one.id, "id", "use small letters, digits and _")
    if not one.numerator:
        raise _wrong(file, one.id, "numerator", "name at least one measure")
    for field in ("numerator", "denominator"):
        for term in getattr(one, field):
            if term.measure not in CELL_MEASURES and term.measure not in STOCK_MEASURES:
                raise _wrong(file, one.id, field, f"{term.measure} is no measure of ioc/measures.py")
            if term.channel and term.measure in STOCK_MEASURES:
                raise _wrong(file, one.id, field, f"{term.measure} is a stock and has no channel")
    if not one.is_stock and any(measure in STOCK_MEASURES for measure in one.measures):
        raise _wrong(file, one.id, "numerator", "counts of a period and stocks of a moment cannot be mixed")
    if one.unit == "percent" and not one.denominator:
        raise _wrong(file, one.id, "denominator", "a percentage needs one")
    if one.denominator and not one.zero_denominator:
        raise _wrong(file, one.id, "zero_denominator", "say what an empty denominator means")
    if one.denominator and one.no_data == "zero":
        raise _wrong(file, one.id, "no_data", "a ratio without data is unknown, never zero")
    if one.min_denominator < 1:
        raise _wrong(file, one.id, "min_denominator", "it is at least 1")
    if one.valid_to is not None and one.valid_to <= one.valid_from:
        raise _wrong(file, one.id, "valid_to", "it lies after valid_from")


def load_register(file: Path = REGISTER) -> dict[str, Indicator]:
    """id -> indicator in the file's order; of several versions of one id the greatest.

    Raises IocError naming file, indicator and field of the first mistake.
    """
    try:
        entries = yaml.safe_load(file.read_text("utf-8"))
    except OSError as error:
        raise IocError(f"{file} cannot be read ({error.strerror}); restore the indicator register.") from error
    except yaml.YAMLError as error:
        raise IocError(f"{file.name} is not YAML ({' '.join(str(error).split())}); correct the register.") from error
    if not isinstance(entries, list):
        raise IocError(f"{file.name} is not a list of indicators; correct the register.")
    found: dict[str, Indicator] = {}
    seen: set[tuple[str, int]] = set()
    for place, entry in enumerate(entries, start=1):
        one = _decode(file, entry, place)
        if (one.id, one.version) in seen:
            raise _wrong(file, one.id, "version", f"version {one.version} is there twice")
        seen.add((one.id, one.version))
        if one.id not in found or found[one.id].version < one.version:
            found[one.id] = one
    return found


@cache
def register() -> dict[str, Indicator]:
    """The shipped register, read once."""
    return load_register()


def indicator(id: str) -> Indicator:
    """One indicator of the shipped register. Raises IocError naming those there are."""
    known = register()
    if id not in known:
        raise IocError(f"There is no indicator {id}; choose one of {', '.join(known)}.")
    return known[id]
