"""Native blocks as newer clients want them: with block information and a serialization mark for each column.

The engine writes Native for protocol revision 0. Clients that ask for revision 54454 or newer with
`client_protocol_version` (clickhouse-go, thus Grafana's ClickHouse plugin) expect a few bytes more before each block
and behind each column's type. Finding the columns takes walking over their data, whose layout follows from the type.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from deploy.store.errors import EngineError

# From this revision on a column carries a mark of its serialization; before it, revision 0 serves every known client.
MARKED_REVISION = 54454

# Field 1, no overflow row; field 2, bucket -1; end of fields.
_BLOCK_INFORMATION = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_DEFAULT_SERIALIZATION = b"\x00"

_WIDTHS = {
    **{f"{sign}Int{bits}": bits // 8 for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)},
    "Float32": 4,
    "Float64": 8,
    "BFloat16": 2,
    "Bool": 1,
    "Enum8": 1,
    "Enum16": 2,
    "Nothing": 1,
    "Date": 2,
    "Date32": 4,
    "DateTime": 4,
    "DateTime64": 8,
    "Time": 4,
    "Time64": 8,
    "UUID": 16,
    "IPv4": 4,
    "IPv6": 16,
    "Decimal32": 4,
    "Decimal64": 8,
    "Decimal128": 16,
    "Decimal256": 32,
}

_QUOTED = r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`"

# From data, place and number of rows to the place behind the column.
Walk = Callable[[bytes, int, int], int]


def reframe(data: bytes) -> bytes:
    """The same blocks with what MARKED_REVISION adds. Raises EngineError 48 for a type whose layout is not known."""
    pieces: list[bytes] = []
    place = 0
    while place < len(data):
        pieces.append(_BLOCK_INFORMATION)
        start = place
        columns, place = _number(data, place)
        rows, place = _number(data, place)
        for _ in range(columns):
            length, place = _number(data, place)
            length, place = _number(data, place + length)
            type_name = data[place : place + length].decode("utf-8")
            place += length
            pieces += (data[start:place], _DEFAULT_SERIALIZATION)
            start = place
            if rows:
                place = walk_of(type_name)(data, place + _prefix(type_name), rows)
        pieces.append(data[start:place])
    return b"".join(pieces)


@lru_cache(maxsize=1024)
def walk_of(type_name: str) -> Walk:
    """How to step over a column of this type."""
    name, _, inside = type_name.partition("(")
    arguments = _arguments(inside[:-1]) if inside else []
    if name == "String":
        return _strings
    if name == "Nullable":
        inner = walk_of(arguments[0])
        return lambda data, place, rows: inner(data, place + rows, rows)
    if name == "LowCardinality":
        # Among the keys of a nullable one, null is a key like any other.
        inner_name = re.sub(r"^Nullable\((.*)\)$", r"\1", arguments[0])
        return _dictionary(walk_of(inner_name))
    if name == "Array":
        return _array(walk_of(arguments[0]))
    if name == "Map":
        return _array(_tuple([walk_of(argument) for argument in arguments]))
    if name in {"Tuple", "Nested"}:
        each = _tuple([walk_of(_without_name(argument)) for argument in arguments])
        return _array(each) if name == "Nested" else each
    if name == "SimpleAggregateFunction":
        return walk_of(arguments[1])
    width = _width(name, arguments)
    return lambda data, place, rows: place + width * rows


def _width(name: str, arguments: list[str]) -> int:
    if name == "FixedString":
        return int(arguments[0])
    if name == "Decimal":
        digits = int(arguments[0])
        return next(width for most, width in ((9, 4), (18, 8), (38, 16), (76, 32)) if digits <= most)
    if name.startswith("Interval"):
        return 8
    if name not in _WIDTHS:
        raise EngineError(
            48, "NOT_IMPLEMENTED", f"The store cannot send columns of type {name} to this client; cast it"
        )
    return _WIDTHS[name]


def _number(data: bytes, place: int) -> tuple[int, int]:
    """A variable-length number and the place behind it."""
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _strings(data: bytes, place: int, rows: int) -> int:
    for _ in range(rows):
        length = data[place]
        if length < 0x80:
            place += length + 1
        else:
            length, place = _number(data, place)
            place += length
    return place


def _prefix(type_name: str) -> int:
    """Bytes before a column's data: a version for each dictionary in its type, however deep it lies."""
    return 8 * len(re.findall(r"\bLowCardinality\(", re.sub(_QUOTED, "", type_name)))


def _dictionary(inner: Walk) -> Walk:
    def walk(data: bytes, place: int, rows: int) -> int:
        if not rows:
            return place
        width = 1 << (data[place] & 3)
        keys = int.from_bytes(data[place + 8 : place + 16], "little")
        place = inner(data, place + 16, keys)
        return place + 8 + width * rows

    return walk


def _array(inner: Walk) -> Walk:
    def walk(data: bytes, place: int, rows: int) -> int:
        behind = place + 8 * rows
        # Offsets are running totals, so the last one is the number of elements in all.
        elements = int.from_bytes(data[behind - 8 : behind], "little") if rows else 0
        return inner(data, behind, elements)

    return walk


def _tuple(inner: list[Walk]) -> Walk:
    def walk(data: bytes, place: int, rows: int) -> int:
        for each in inner:
            place = each(data, place, rows)
        return place

    return walk


def _arguments(text: str) -> list[str]:
    """Arguments of a type, split at the commas that are in no bracket and no quotes."""
    found: list[str] = []
    depth = start = 0
    for match in re.finditer(rf"{_QUOTED}|[(),]", text):
        mark = match.group()
        depth += (mark == "(") - (mark == ")")
        if mark == "," and depth == 0:
            found.append(text[start : match.start()].strip())
            start = match.end()
    return [*found, text[start:].strip()]


def _without_name(element: str) -> str:
    """The type of a tuple's element, which may have a name before it."""
    match = re.match(r"(?:`(?:[^`\\]|\\.)*`|[A-Za-z_]\w*)\s+(?=[A-Z])", element)
    return element[match.end() :] if match else element
