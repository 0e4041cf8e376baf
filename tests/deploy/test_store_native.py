"""Native blocks for newer clients: the engine's own bytes, with the marks in the right places whatever the types."""

from __future__ import annotations

import urllib.parse
import urllib.request

import pytest

from deploy.store.errors import EngineError
from deploy.store.native import MARKED_REVISION, reframe, walk_of
from tests.deploy.store_process import StoreProcess

INFORMATION = b"\x01\x00\x02\xff\xff\xff\xff\x00"

EXPRESSIONS = [
    "number",
    "toInt8(number - 1)",
    "toUInt256(number)",
    "number / 3",
    "number = 1",
    "toDate('2025-07-01') + number",
    "toDateTime('2025-07-01 00:00:00', 'Asia/Ho_Chi_Minh') + number",
    "toDateTime64('2025-07-01 00:00:00', 3, 'UTC')",
    "toString(number)",
    "repeat('dài', toUInt32(number * 90))",
    "toFixedString('ab', 5)",
    "if(number = 1, NULL, number)",
    "if(number = 1, NULL, toString(number))",
    "NULL",
    "toLowCardinality(toString(number % 2))",
    "toLowCardinality(toFixedString(toString(number % 2), 3))",
    "CAST(if(number = 1, NULL, 'x'), 'LowCardinality(Nullable(String))')",
    "[number, number + 1]",
    "range(number)",
    "[[toString(number)], []]",
    "arrayMap(x -> toLowCardinality(toString(x)), range(number))",
    "[toLowCardinality('a')]",
    "emptyArrayString()",
    "(number, 'in', [number])",
    "CAST((number, 'b'), 'Tuple(id UInt64, `odd, (name` String)')",
    "map('k', number, 'l', 2)",
    "CAST(map('k', 'v'), 'Map(LowCardinality(String), LowCardinality(String))')",
    "toDecimal32(number, 2)",
    "toDecimal128(number, 20)",
    "toDecimal256(number, 2)",
    "generateUUIDv4() != generateUUIDv4() ? toUUID('00000000-0000-0000-0000-000000000001') : toUUIDOrZero('')",
    "toIPv4('127.0.0.1')",
    "toIPv6('::1')",
    "CAST('b', 'Enum8(\\'a, (x)\\' = 1, \\'b\\' = 2)')",
    "CAST('b', 'Enum16(\\'a\\' = 1, \\'b\\' = 2)')",
    "toIntervalDay(number)",
]


def native(store: StoreProcess, query: str, revision: int = 0) -> bytes:
    """The answer in Native, as a client of this revision gets it."""
    named = {"user": "ioc", "password": store.password("ioc"), "default_format": "Native"}
    parameters = urllib.parse.urlencode({**named, **({"client_protocol_version": revision} if revision else {})})
    with urllib.request.urlopen(f"{store.url}/?{parameters}", query.encode(), timeout=30) as answer:
        return bytes(answer.read())


def split(plain: bytes, rows: int) -> tuple[bytes, bytes]:
    """Name with type, and data, of the only column of the only block; every length is below 128."""
    assert plain[:2] == bytes([1, rows])
    place = 3 + plain[2]
    place += 1 + plain[place]
    return plain[2:place], plain[place:]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_marks_stand_before_each_column(store: StoreProcess, expression: str) -> None:
    source = "FROM numbers(4) ORDER BY number"
    head, data = split(native(store, f"SELECT {expression} AS c {source}"), 4)
    marked = native(store, f"SELECT {expression} AS c, toUInt8(7) AS d, {expression} AS e {source}", MARKED_REVISION)
    last = head[:1] + b"e" + head[2:]
    columns = (head, data), (b"\x01d\x05UInt8", b"\x07" * 4), (last, data)
    assert marked == INFORMATION + b"\x03\x04" + b"".join(name + b"\0" + values for name, values in columns)


def test_several_blocks_are_each_marked(store: StoreProcess) -> None:
    query = "SELECT number, toString(number) FROM numbers(200000) SETTINGS max_threads = 1, max_block_size = 20000"
    plain = native(store, query)
    marked = native(store, query, MARKED_REVISION)
    blocks = marked.count(INFORMATION + b"\x02")
    assert blocks > 1
    assert len(marked) == len(plain) + blocks * (len(INFORMATION) + 2)


def test_older_revisions_and_empty_answers_are_left_alone(store: StoreProcess) -> None:
    assert native(store, "SELECT 1 AS x", 54405) == native(store, "SELECT 1 AS x")
    assert native(store, "SELECT 1 WHERE 0", MARKED_REVISION) == b""
    assert reframe(b"") == b""


def test_types_of_unknown_layout_are_refused() -> None:
    with pytest.raises(EngineError, match="NOT_IMPLEMENTED"):
        walk_of("AggregateFunction(uniq, String)")
