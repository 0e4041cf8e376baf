"""Mapping files: how the rows of a table become case events. docs/import.md explains them to their authors."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import yaml
from msgspec import Struct

from ioc.errors import IocError
from ioc.events import KINDS, Accepted, Rescheduled, Submitted

Scalar = str | int | bool | None
_TIMES = {"due"}


class FieldRule(Struct, frozen=True, forbid_unknown_fields=True):
    """One field of an event: a column's text, or a constant `value`.

    `map` translates the text, null leaving the field out; a text it does not have refuses the row, unless `unmapped` is
    `omit`. `scale` makes a whole number of a decimal one; `cumulative` takes what the number grew by since the case's
    row before.
    """

    column: str | None = None
    value: Scalar = None
    map: dict[str, Scalar] | None = None
    unmapped: Literal["refuse", "omit"] = "refuse"
    scale: int | None = None
    cumulative: bool = False


class Condition(Struct, frozen=True, forbid_unknown_fields=True):
    """Holds when the column's text is (not) empty, or is one of `equals`."""

    column: str
    empty: bool | None = None
    equals: list[str] | None = None


class EventRule(Struct, frozen=True, forbid_unknown_fields=True):
    """An event that a row becomes when all conditions hold.

    Its id is made of the case id, the columns of `id` (or, for `content`, a digest of the whole row) and the kind.
    """

    kind: str
    time: str
    fields: dict[str, FieldRule]
    when: list[Condition] = []
    id: list[str] | Literal["content"] = []


class MappingFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole mapping. `row_becomes`: at least one event (`some`), or exactly one (`one`); other rows are refused."""

    source: str
    zone: str
    time_formats: list[str]
    case_id: list[str]
    events: list[EventRule]
    case_prefix: str = ""
    row_becomes: Literal["some", "one"] = "some"
    delimiter: str = ","
    encoding: str = "utf-8-sig"

    def columns(self) -> set[str]:
        """Every column that the mapping names."""
        named = set(self.case_id)
        for event in self.events:
            named.add(event.time)
            named.update(condition.column for condition in event.when)
            named.update(rule.column for rule in event.fields.values() if rule.column is not None)
            if not isinstance(event.id, str):
                named.update(event.id)
        return named


def shipped() -> list[str]:
    """Names of the mapping files that come with the package."""
    found = files("producers").joinpath("maps").iterdir()
    return sorted(one.name.removesuffix(".yaml") for one in found if one.name.endswith(".yaml"))


def load_mapping(name: str) -> MappingFile:
    """Reads a mapping file by path, or a shipped one by its bare name.

    Raises IocError naming the file, the key and the remedy.
    """
    text = _text(name)
    try:
        mapping = msgspec.convert(yaml.safe_load(text), MappingFile)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where is not None else ""
        raise IocError(f"Mapping {name} is not YAML{line}; mend its indentation or quotes.") from error
    except msgspec.ValidationError as error:
        raise IocError(f"Mapping {name} is wrong: {error}; docs/import.md lists the keys.") from error
    _check(name, mapping)
    return mapping


def _text(name: str) -> str:
    path = Path(name)
    try:
        if path.is_file():
            return path.read_text("utf-8")
        if name in shipped():
            return files("producers").joinpath("maps", f"{name}.yaml").read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise IocError(f"Mapping {name} cannot be read ({type(error).__name__}); check the file.") from error
    raise IocError(f"There is no mapping {name}; name a YAML file or one of {', '.join(shipped())}.")


def _check(name: str, mapping: MappingFile) -> None:
    try:
        ZoneInfo(mapping.zone)
    except (KeyError, OSError, ValueError) as error:
        raise IocError(f"Mapping {name}: zone {mapping.zone!r} is unknown; write one like Asia/Ho_Chi_Minh.") from error
    if not mapping.case_id or not mapping.time_formats or not mapping.events:
        raise IocError(f"Mapping {name}: case_id, time_formats and events may not be empty; name at least one each.")
    if len(mapping.delimiter) != 1:
        raise IocError(f"Mapping {name}: delimiter must be one character, not {mapping.delimiter!r}.")
    for number, event in enumerate(mapping.events, 1):
        _check_event(f"Mapping {name}: event {number}", event)


def _check_event(where: str, event: EventRule) -> None:
    kinds = [kind for kind in KINDS if kind != "corrected"]
    if event.kind not in kinds:
        raise IocError(f"{where} has kind {event.kind!r}; the contract knows {', '.join(kinds)}.")
    data = KINDS[event.kind]
    known = data.__struct_fields__
    needed = {one.encode_name for one in msgspec.structs.fields(data) if one.required}
    for field, rule in event.fields.items():
        if field not in known:
            raise IocError(f"{where} has field {field!r}; {event.kind} knows {', '.join(known) or 'none'}.")
        if (rule.column is None) == (rule.value is None):
            raise IocError(f"{where}, field {field!r}: give either column or value.")
        if (rule.scale is not None or rule.cumulative) and rule.column is None:
            raise IocError(f"{where}, field {field!r}: scale and cumulative need a column.")
    if needed - set(event.fields):
        raise IocError(f"{where} lacks {', '.join(sorted(needed - set(event.fields)))}; {event.kind} needs it.")


def is_time(kind: str, field: str) -> bool:
    """Whether a field holds an instant, to be read by the mapping's time formats."""
    return field in _TIMES and KINDS[kind] in (Submitted, Accepted, Rescheduled)
