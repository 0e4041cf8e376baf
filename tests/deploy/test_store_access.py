"""Who may do what: wrong passwords, the reader's limits, GETs that must not change anything."""

from __future__ import annotations

import base64
import stat
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from deploy.store.engine import Engine
from ioc.errors import IocError
from tests.deploy.store_process import StoreProcess


def ask(
    store: StoreProcess, parameters: dict[str, str], body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, str, Message]:
    """Status, body and headers of one plain HTTP request to `/`."""
    request = urllib.request.Request(f"{store.url}/?{urllib.parse.urlencode(parameters)}", body, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


def test_passwords_are_generated_and_private(store: StoreProcess) -> None:
    path = store.home / "passwords.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len({store.password("ioc"), store.password("ioc_reader")}) == 2
    assert len(store.password("ioc")) >= 24


def test_three_ways_to_say_who_one_is(store: StoreProcess) -> None:
    word = store.password("ioc")
    basic = base64.b64encode(f"ioc:{word}".encode()).decode()
    query = {"query": "SELECT 7"}
    assert ask(store, query, headers={"Authorization": f"Basic {basic}"})[:2] == (200, "7\n")
    assert ask(store, query, headers={"X-ClickHouse-User": "ioc", "X-ClickHouse-Key": word})[:2] == (200, "7\n")
    assert ask(store, {**query, "user": "ioc", "password": word})[:2] == (200, "7\n")


@pytest.mark.parametrize("named", [{}, {"user": "ioc", "password": "guess"}, {"user": "nobody", "password": ""}])
def test_wrong_passwords_are_refused(store: StoreProcess, named: dict[str, str]) -> None:
    status, text, headers = ask(store, {"query": "SELECT 1", **named})
    assert status == 403
    assert headers["X-ClickHouse-Exception-Code"] == "516"
    assert text.startswith("Code: 516. DB::Exception: ")
    assert text.rstrip().endswith("(AUTHENTICATION_FAILED)")


def test_an_answer_carries_clickhouses_headers(store: StoreProcess) -> None:
    named = {"user": "ioc", "password": store.password("ioc")}
    parameters = {**named, "query": "SELECT {n:UInt8} + 1 AS x", "param_n": "4", "query_id": "mine"}
    status, text, headers = ask(store, {**parameters, "default_format": "JSONEachRow"})
    assert (status, text) == (200, '{"x":5}\n')
    assert headers["X-ClickHouse-Query-Id"] == "mine"
    assert headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert headers["X-ClickHouse-Timezone"]
    assert "read_rows" in headers["X-ClickHouse-Summary"]


def test_statements_may_be_split_between_url_and_body(store: StoreProcess) -> None:
    named = {"user": "ioc", "password": store.password("ioc")}
    assert ask(store, {**named, "query": "SELECT 1 +"}, b"2")[:2] == (200, "3\n")
    assert ask(store, named, b"SELECT 4")[:2] == (200, "4\n")


def test_the_reader_reads_and_sets_but_changes_nothing(store: StoreProcess, database: str) -> None:
    with store.client(database=database) as writer:
        writer.command("CREATE TABLE r (id UInt32) ENGINE = MergeTree ORDER BY id")
        writer.insert("r", [[1], [2]], ["id"])
        with store.client("ioc_reader", database=database) as reader:
            assert reader.query("SELECT sum(id) FROM r", settings={"max_execution_time": 9}).first_row == (3,)
            for statement in (
                "INSERT INTO r VALUES (3)",
                "INSERT INTO r FORMAT JSONEachRow {}",
                "INSERT INTO FUNCTION file('/tmp/should-not-be', 'CSV') SELECT 1",
                "DROP TABLE r",
                "TRUNCATE TABLE r",
                "CREATE TABLE q (id UInt32) ENGINE = Memory",
                "ALTER TABLE r DELETE WHERE 1",
                "OPTIMIZE TABLE r",
                "SYSTEM FLUSH LOGS",
                "KILL QUERY WHERE 1",
                "SELECT 1 INTO OUTFILE '/tmp/should-not-be'",
            ):
                with pytest.raises(DatabaseError, match=r"Code: (164|497)\."):
                    reader.command(statement)
            word = store.password("ioc_reader")
            raised = {"query": "SELECT 1", "readonly": "0", "user": "ioc_reader", "password": word}
            assert ask(store, raised, b"")[1].startswith("Code: 164.")
        assert writer.query("SELECT count() FROM r").first_row == (2,)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "SELECT * FROM `file`('/etc/hostname', 'LineAsString')",
        "SELECT file('/etc/hostname')",
        "SELECT * FROM /* file */ url ('http://127.0.0.1:1/', 'CSV', 'a String')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM executable('id', 'CSV', 'a String')",
        "SELECT * FROM default.`/etc/hostname`",
        "SELECT * FROM `/etc/hostname`",
        "SELECT * FROM '/etc/hostname'",
    ],
)
def test_the_reader_reaches_nothing_outside(store: StoreProcess, statement: str) -> None:
    with store.client("ioc_reader") as reader, pytest.raises(DatabaseError, match=r"Code: (497|60|62)\."):
        reader.query(statement)


def test_names_of_functions_in_text_are_no_offence(store: StoreProcess) -> None:
    with store.client("ioc_reader") as reader:
        assert reader.query("SELECT 'file(1)' AS `url`, 1 AS file /* remote(2) */").first_row == ("file(1)", 1)
        assert reader.query("SELECT sum(number) FROM numbers(4)").first_row == (6,)


def test_a_get_changes_nothing_even_for_the_writer(store: StoreProcess, database: str) -> None:
    named = {"user": "ioc", "password": store.password("ioc")}
    status, text, _ = ask(store, {**named, "query": f"CREATE TABLE {database}.g (x UInt8) ENGINE = Memory"})
    assert (status, "READONLY" in text) == (403, True)


def test_ping_needs_no_password(store: StoreProcess) -> None:
    for path in ("/ping", "/replicas_status", "/health", "/"):
        with urllib.request.urlopen(store.url + path, timeout=10) as answer:
            assert answer.read() == b"Ok.\n"


def test_metrics_count_what_was_done(store: StoreProcess, database: str) -> None:
    def value(name: str) -> float:
        with urllib.request.urlopen(f"{store.url}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    with store.client(database=database) as client:
        client.command("CREATE TABLE m (id UInt32) ENGINE = MergeTree ORDER BY id")
        rows, selects = (
            value("ioc_store_inserted_rows_total"),
            value('ioc_store_statements_total{kind="select",outcome'),
        )
        refused = value('ioc_store_statements_total{kind="command",outcome="refused"')
        client.insert("m", [[i] for i in range(123)], ["id"])
        client.query("SELECT count() FROM m")
        with pytest.raises(DatabaseError):
            client.command("DROP TABLE nowhere")
    assert value("ioc_store_inserted_rows_total") == rows + 123
    assert value('ioc_store_statements_total{kind="select",outcome') > selects
    assert value('ioc_store_statements_total{kind="command",outcome="refused"') == refused + 1


def test_a_directory_is_open_in_one_store_only(store: StoreProcess) -> None:
    with pytest.raises(IocError, match="open in another store"):
        Engine(store.home / "store")
