"""The store as clickhouse-connect's ordinary client sees it: queries, parameters, formats, inserts, settings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.deploy.store_process import StoreProcess

TABLE = """CREATE TABLE t (id UInt64, name String, kind LowCardinality(String), at DateTime64(3, 'UTC'),
  share Nullable(Float64), tags Array(String)) ENGINE = MergeTree ORDER BY id"""
COLUMNS = ["id", "name", "kind", "at", "share", "tags"]


def rows(count: int) -> list[list[Any]]:
    """Rows with what goes wrong in encodings: empty and Vietnamese text, quotes, zero bytes, nulls, empty arrays."""
    texts = ["", "Phường Điện Biên Phủ", 'it\'s \\ "quoted"', "tab\tline\nzero\0", "x" * 300]
    at = datetime(2025, 7, 1, 8, 30, 0, 123000, tzinfo=UTC)
    return [
        [i, texts[i % 5], "ab"[i % 2], at, None if i % 3 == 0 else i / 7, [] if i % 4 == 0 else ["a", str(i)]]
        for i in range(count)
    ]


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_rows_come_back_as_they_were_inserted(store: StoreProcess, database: str, compress: str | bool) -> None:
    with store.client(database=database, compress=compress) as client:
        client.command(TABLE)
        given = rows(20_000)
        summary = client.insert("t", given, column_names=COLUMNS)
        assert summary.written_rows == len(given)
        query = "SELECT id, name, kind, toUnixTimestamp64Milli(at), share, tags FROM t ORDER BY id"
        wanted = [[*row[:3], round(row[3].timestamp() * 1000), *row[4:]] for row in given]
        assert [list(row) for row in client.query(query).result_rows] == wanted


def test_an_insert_in_many_blocks_arrives_whole(store: StoreProcess, database: str) -> None:
    """clickhouse-connect compresses each block for itself, so a body is many frames behind one another."""
    with store.client(database=database, compress="zstd") as client:
        client.command("CREATE TABLE wide (id UInt64, text String) ENGINE = MergeTree ORDER BY id")
        client.insert("wide", [list(range(30_000)), ["x" * 2000] * 30_000], ["id", "text"], column_oriented=True)
        assert client.query("SELECT count(), sum(length(text)) FROM wide").first_row == (30_000, 60_000_000)


def test_parameters_are_bound_by_the_engine(store: StoreProcess) -> None:
    with store.client() as client:
        query = "SELECT {n:UInt32} + 1, {s:String}, {l:Array(String)}, {d:DateTime}, {x:Nullable(String)}"
        at = datetime(2025, 2, 3, 4, 5, 6)  # noqa: DTZ001 - the client sends a DateTime parameter as it is written
        given = {"n": 41, "s": "it's\ta 'test'\n\\", "l": ["a'b", "c"], "d": at, "x": None}
        row = client.query(query, parameters=given).first_row
        assert row[:3] == (42, given["s"], given["l"])
        assert row[3].replace(tzinfo=None) == at
        assert row[4] is None


def test_formats_named_in_the_statement_win(store: StoreProcess) -> None:
    with store.client() as client:
        assert client.raw_query("SELECT 1 AS x, 'a' AS y FORMAT JSONEachRow") == b'{"x":1,"y":"a"}\n'
        assert client.raw_query("SELECT 1 AS x", fmt="CSVWithNames") == b'"x"\n1\n'
        assert b'"rows": 2' in client.raw_query("SELECT number FROM numbers(2) FORMAT JSON SETTINGS max_threads = 1")
        # A column called `format` is not a FORMAT clause.
        assert client.raw_query("SELECT format FROM (SELECT 5 AS format)", fmt="TSV") == b"5\n"


def test_rows_as_text_formats_and_values(store: StoreProcess, database: str) -> None:
    with store.client(database=database) as client:
        client.command("CREATE TABLE s (id UInt32, name String DEFAULT 'none') ENGINE = MergeTree ORDER BY id")
        client.raw_insert("s", ["id", "name"], b'{"id":1,"name":"x"}\n{"id":2}\n', fmt="JSONEachRow")
        client.raw_insert("s", ["id", "name"], b'3,"y, z"\n', fmt="CSV")
        client.command("INSERT INTO s (id, name) VALUES (4, upper('q')), (2 + 3, ';')")
        client.command('INSERT INTO s FORMAT JSONEachRow {"id": 6, "name": "inline"}')
        client.command("INSERT INTO s (id) SELECT 7")
        names = dict(client.query("SELECT id, name FROM s").result_rows)
        assert names == {1: "x", 2: "none", 3: "y, z", 4: "Q", 5: ";", 6: "inline", 7: "none"}


def test_large_answers_stream_whole(store: StoreProcess) -> None:
    with store.client() as client:
        result = client.query("SELECT number, toString(number) FROM numbers(700000)")
        assert result.row_count == 700_000
        assert result.result_rows[-1] == (699_999, "699999")
        with client.query_row_block_stream("SELECT number FROM numbers(500000)") as stream:
            assert sum(len(block) for block in stream) == 500_000


def test_statements_that_cannot_stream_answer_too(store: StoreProcess, database: str) -> None:
    with store.client(database=database) as client:
        client.command("CREATE TABLE a (x UInt8) ENGINE = MergeTree ORDER BY x")
        assert client.query("SHOW TABLES").result_rows == [("a",)]
        assert client.query("DESCRIBE TABLE a").first_row[:2] == ("x", "UInt8")
        assert client.query("EXISTS a").first_row == (1,)
        assert client.query("(SELECT 1 AS n) UNION ALL (SELECT 2)").row_count == 2
        assert client.query("SELECT x FROM a").result_rows == []
        assert client.query("EXPLAIN SELECT 1").row_count > 0


def test_settings_hold_for_their_statement_only(store: StoreProcess) -> None:
    with store.client() as client:
        query = "SELECT getSetting('max_threads')"
        before = client.query(query).first_row
        assert client.query(query, settings={"max_threads": 1}).first_row == (1,)
        assert client.query(query).first_row == before


@pytest.mark.parametrize(
    ("statement", "code", "name"),
    [
        ("SELECT * FROM nowhere", 60, "UNKNOWN_TABLE"),
        ("SELECT nothing FROM system.one", 47, "UNKNOWN_IDENTIFIER"),
        ("SELEC 1", 62, "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", 62, "SYNTAX_ERROR"),
        ("SELECT * FROM nodb.t", 81, "UNKNOWN_DATABASE"),
        ("SELECT throwIf(number = 3) FROM numbers(9)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("INSERT INTO nowhere FORMAT JSONEachRow {}", 60, "UNKNOWN_TABLE"),
        ("SELECT sleep(2) SETTINGS max_execution_time = 1, timeout_overflow_mode = 'throw'", 159, "TIMEOUT_EXCEEDED"),
    ],
)
def test_errors_are_clickhouses_own(store: StoreProcess, statement: str, code: int, name: str) -> None:
    with store.client() as client, pytest.raises(DatabaseError) as raised:
        client.command(statement)
    assert f"Code: {code}. DB::Exception: " in str(raised.value)
    assert f"({name})" in str(raised.value)


def test_unknown_settings_and_databases_are_refused(store: StoreProcess) -> None:
    with store.client() as client, pytest.raises(DatabaseError, match=r"Code: 115.*UNKNOWN_SETTING"):
        client.query("SELECT 1", settings={"no_such_setting": 1})
    with pytest.raises(DatabaseError, match=r"Code: 81.*UNKNOWN_DATABASE"):
        store.client(database="no_such").query("SELECT 1")


def test_broken_rows_are_refused_and_leave_nothing(store: StoreProcess, database: str) -> None:
    with store.client(database=database) as client:
        client.command("CREATE TABLE n (id UInt32) ENGINE = MergeTree ORDER BY id")
        with pytest.raises(DatabaseError, match="Code: 27"):
            client.raw_insert("n", ["id"], b'{"id":1}\n{"id":"seven"}\n', fmt="JSONEachRow")
        with pytest.raises(DatabaseError, match=r"Code: \d+"):
            client.raw_insert("n", ["id"], b"not native at all", fmt="Native")
        assert client.query("SELECT count() FROM n").first_row == (0,)


def test_a_failure_half_way_through_an_answer_is_an_error(store: StoreProcess) -> None:
    query = "SELECT throwIf(number = 900000) FROM numbers(1000000)"
    with store.client() as client, pytest.raises(DatabaseError, match="395"):
        client.query(query)
