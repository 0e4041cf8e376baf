"""Rows of a table as case events, by a mapping; a row that cannot become one is refused with the reason."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from ioc.errors import IocError
from ioc.events import KINDS, encode_event
from ioc.facts import Refusal, decode, to_ms
from producers.mapping import Condition, EventRule, FieldRule, MappingFile, is_time
from producers.moments import MomentReader

# Wide enough for any file's numbers; with zeros in front, order by text is order by number.
_NUMBER_WIDTH = 10


class RowRefused(ValueError):
    """The row cannot become events; the message says why."""


@dataclass(frozen=True, slots=True)
class ImportedEvent:
    """An event of the contract, ready to send. `time` in ms since 1970 UTC."""

    time: int
    kind: str
    key: bytes
    value: bytes


class Converter:
    """Applies one mapping to the rows of one file, in order.

    Keeps nothing of the rows, except for cumulative columns: then one number a case.
    """

    def __init__(self, mapping: MappingFile, header: list[str], name: str) -> None:
        """`header` is the file's; raises IocError when the mapping names a column that the file has not."""
        missing = sorted(mapping.columns() - set(header))
        if missing:
            raise IocError(
                f"{name} has no column {', '.join(map(repr, missing))}, which the mapping names; "
                f"its columns are {', '.join(header)}."
            )
        self._mapping = mapping
        self._moments = MomentReader(mapping.time_formats, mapping.zone)
        # (rule, field, case) -> (total so far, time of the row that said it)
        self._totals: dict[tuple[int, str, str], tuple[int, datetime]] = {}

    def events(self, row: dict[str, str]) -> list[ImportedEvent]:
        """The row's events; all of them or none. Raises RowRefused."""
        case = self._case(row)
        rules = [(n, rule) for n, rule in enumerate(self._mapping.events) if all(_holds(c, row) for c in rule.when)]
        if not rules:
            raise RowRefused(f"no event's conditions hold ({_conditions(self._mapping, row)})")
        if self._mapping.row_becomes == "one" and len(rules) > 1:
            raise RowRefused(f"becomes {len(rules)} events where the mapping says one")
        totals: dict[tuple[int, str, str], tuple[int, datetime]] = {}
        made = [self._event(number, rule, case, row, totals) for number, rule in rules]
        self._totals.update(totals)
        return made

    def _case(self, row: dict[str, str]) -> str:
        parts = [row[column].strip() for column in self._mapping.case_id]
        if not all(parts):
            raise RowRefused(f"{', '.join(self._mapping.case_id)} is empty, so the case has no id")
        return self._mapping.case_prefix + "-".join(parts)

    def _event(
        self,
        number: int,
        rule: EventRule,
        case: str,
        row: dict[str, str],
        totals: dict[tuple[int, str, str], tuple[int, datetime]],
    ) -> ImportedEvent:
        time = self._moment(rule.time, row[rule.time])
        fields: dict[str, Any] = {}
        for name, field in rule.fields.items():
            value = self._value(rule.kind, name, field, row)
            if field.cumulative and value is not None:
                value = self._growth((number, name, case), int(value), time, totals)
            if value is not None:
                fields[name] = value
        try:
            data = msgspec.convert(fields, KINDS[rule.kind])
        except msgspec.ValidationError as error:
            raise RowRefused(f"{rule.kind}: {error}") from error
        value = encode_event(
            rule.kind, id=_event_id(rule, case, row), source=self._mapping.source, subject=case, time=time, data=data
        )
        key = case.encode()
        # The contract's own reader has the last word, so that what is sent is never a dead letter.
        read = decode(key, value)
        if isinstance(read, Refusal):
            raise RowRefused(f"{rule.kind}: {read.reason} {read.detail}".rstrip())
        return ImportedEvent(to_ms(time), rule.kind, key, value)

    def _moment(self, column: str, text: str) -> datetime:
        try:
            return self._moments.read(text.strip())
        except ValueError as error:
            raise RowRefused(f"{column}: {error}") from error

    def _value(self, kind: str, name: str, rule: FieldRule, row: dict[str, str]) -> Any:
        """The field's value; None leaves it out."""
        if rule.column is None:
            return rule.value
        text = row[rule.column].strip()
        if rule.map is not None:
            if text not in rule.map and rule.unmapped == "refuse":
                raise RowRefused(f"{rule.column}: {text!r} is not in the map of {name}")
            return rule.map.get(text)
        if not text:
            return None
        if is_time(kind, name):
            return self._moment(rule.column, text)
        if rule.scale is not None or rule.cumulative or KINDS[kind].__annotations__.get(name) in _NUMBERS:
            return _whole(rule.column, text, rule.scale or 1)
        return text

    def _growth(
        self,
        key: tuple[int, str, str],
        total: int,
        time: datetime,
        totals: dict[tuple[int, str, str], tuple[int, datetime]],
    ) -> int:
        before, when = self._totals.get(key, (0, time))
        if time < when:
            raise RowRefused(f"{key[1]} is cumulative, but an earlier row of the case has a later time")
        if total < before:
            raise RowRefused(f"{key[1]} is cumulative, but fell from {before} to {total}")
        totals[key] = (total, time)
        return total - before


_NUMBERS = frozenset({"Dong", "Papers"})


def _whole(column: str, text: str, scale: int) -> int:
    try:
        number = Decimal(text) * scale
        if number == int(number):
            return int(number)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise RowRefused(f"{column}: {text!r} is not a number") from error
    raise RowRefused(f"{column}: {text!r} times {scale} is not a whole number")


def _event_id(rule: EventRule, case: str, row: dict[str, str]) -> str:
    if rule.id == "content":
        digest = hashlib.blake2b("\x1f".join(row.values()).encode(), digest_size=12).hexdigest()
        return f"{case}.{digest}.{rule.kind}"
    parts = [row[column].strip() for column in rule.id]
    return ".".join([case, *(part.zfill(_NUMBER_WIDTH) if part.isdigit() else part for part in parts), rule.kind])


def _holds(condition: Condition, row: dict[str, str]) -> bool:
    text = row[condition.column].strip()
    if condition.empty is not None and (not text) != condition.empty:
        return False
    return condition.equals is None or text in condition.equals


def _conditions(mapping: MappingFile, row: dict[str, str]) -> str:
    columns = sorted({condition.column for event in mapping.events for condition in event.when})
    return ", ".join(f"{column}={row[column]!r}" for column in columns) or "the mapping has no events"
