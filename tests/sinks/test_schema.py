"""Migrations: applied once, whoever comes first; what was applied is never changed unseen."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ioc.errors import IocError, Unreachable
from ioc.settings import ClickHouseSettings
from sinks.client import connect
from sinks.schema import MIGRATIONS, check, load_migrations, migrate, render, statements, status
from tests.conftest import Fresh
from tests.sinks.tables import IOC

ONE_NODE = ClickHouseSettings("localhost", 8123, database="ioc")
CLUSTER = replace(ONE_NODE, cluster="province")


def copied(tmp_path: Path) -> Path:
    target = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, target)
    return target


def test_every_statement_is_harmless_when_run_again() -> None:
    for migration in load_migrations():
        found = statements(render(migration.sql, ONE_NODE))
        assert found
        for statement in found:
            assert re.search(r"\bIF (NOT )?EXISTS\b", statement), statement


@pytest.mark.parametrize("settings", [ONE_NODE, CLUSTER], ids=["one node", "cluster"])
def test_no_placeholder_is_left(settings: ClickHouseSettings) -> None:
    for migration in load_migrations():
        left = set(re.findall(r"\{[a-z_]+\}", render(migration.sql, settings)))
        assert left <= ({"{uuid}", "{shard}", "{replica}"} if settings.cluster else set())


def test_one_node_has_no_cluster_in_it() -> None:
    text = "".join("".join(statements(render(one.sql, ONE_NODE))) for one in load_migrations())
    assert "CLUSTER" not in text
    assert "Replicated" not in text
    assert "ENGINE = ReplacingMergeTree(version)" in text


def test_a_cluster_is_replicated_throughout() -> None:
    keeper = "'/clickhouse/tables/{uuid}/{shard}', '{replica}'"
    for migration in load_migrations():
        for statement in statements(render(migration.sql, CLUSTER)):
            assert "ON CLUSTER `province`" in statement
            if "ENGINE" in statement:
                assert f"ReplicatedReplacingMergeTree({keeper}" in statement
    assert render("{replacing_version}", CLUSTER) == f"ReplicatedReplacingMergeTree({keeper}, version)"
    assert render("{replacing_next}", ONE_NODE) == "ReplacingMergeTree(next)"


@pytest.mark.parametrize("settings", [replace(ONE_NODE, database="a`; DROP"), replace(ONE_NODE, cluster="a' b")])
def test_names_that_are_not_plain_are_refused(settings: ClickHouseSettings) -> None:
    with pytest.raises(IocError, match="is no plain name"):
        render("{db}", settings)


def test_statements_end_at_a_lines_end() -> None:
    assert statements("-- a; comment\nSELECT ';' AS a;\n\nSELECT 2\n  -- more;\n, 3;") == [
        "SELECT ';' AS a",
        "SELECT 2\n, 3",
    ]


def test_files_are_numbered_without_gaps(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / "0003_more.sql").write_text("SELECT 1;")
    with pytest.raises(IocError, match="Migration 0002 is missing before 0003_more"):
        load_migrations(folder)
    (folder / "0003_more.sql").rename(folder / "0001_more.sql")
    with pytest.raises(IocError, match="share number 1"):
        load_migrations(folder)
    (folder / "0001_more.sql").rename(folder / "more.sql")
    with pytest.raises(IocError, match=r"more\.sql is not named like"):
        load_migrations(folder)


def test_what_was_applied_is_compared(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / "0002_more.sql").write_text("SELECT 1;")
    first, second = load_migrations(folder)
    assert check([first, second], {}, "d") == [first, second]
    assert check([first, second], {1: first.checksum}, "d") == [second]
    assert check([first, second], {1: first.checksum, 2: second.checksum}, "d") == []
    with pytest.raises(IocError, match="0001_spine was changed after it was applied to d"):
        check([first, second], {1: "0" * 64}, "d")
    with pytest.raises(IocError, match="lacks migration 0001_spine but has a later one"):
        check([first, second], {2: second.checksum}, "d")
    with pytest.raises(IocError, match="has migration 0007, this program knows 0002; run a newer ioc"):
        check([first, second], {1: first.checksum, 7: "x"}, "d")


def test_nothing_answering_is_said_with_the_address() -> None:
    with pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:1 does not answer"):
        migrate(ClickHouseSettings("127.0.0.1", 1))


@pytest.mark.stack
def test_migrating_again_changes_nothing(fresh: Fresh) -> None:
    settings = fresh.settings.clickhouse
    assert migrate(settings) == []
    found = status(settings)
    assert found.applied == tuple(one.number for one in load_migrations())
    assert found.pending == ()


@pytest.mark.stack
def test_many_that_migrate_at_once_make_one_schema(fresh: Fresh, tmp_path: Path) -> None:
    settings = replace(fresh.settings.clickhouse, database=f"{fresh.settings.clickhouse.database}_at_once")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: migrate(settings), range(4)))
    with connect(settings) as client:
        tables = {str(row[0]) for row in client.query("SHOW TABLES").result_rows}
        applied = client.query("SELECT number FROM schema_migrations FINAL").result_rows
        client.command(f"DROP DATABASE `{settings.database}` SYNC")
    assert {"events", "cells", "cases", "stocks", "stocks_now", "ticks", "progress", "dead_letters"} <= tables
    assert len(applied) == len(load_migrations())


@pytest.mark.stack
def test_a_changed_file_is_found_and_a_new_one_applied(fresh: Fresh, tmp_path: Path) -> None:
    settings = fresh.settings.clickhouse
    folder = copied(tmp_path)
    number = len(load_migrations()) + 1
    (folder / f"{number:04d}_more.sql").write_text(
        "CREATE TABLE IF NOT EXISTS {db}.more {on_cluster} (a Int8) ENGINE = {replacing} ORDER BY a;\n"
    )
    assert status(settings, folder).pending == (number,)
    assert [one.number for one in migrate(settings, folder)] == [number]
    with pytest.raises(IocError, match="run a newer ioc"):
        status(settings)
    spine = folder / "0001_spine.sql"
    spine.write_text(spine.read_text("utf-8") + "-- changed\n", "utf-8")
    with pytest.raises(IocError, match="0001_spine was changed"):
        migrate(settings, folder)


@pytest.mark.stack
@pytest.mark.parametrize(
    ("change", "words"),
    [({"password": "wrong"}, "refuses user ioc"), ({"database": "nowhere"}, "create it with `ioc schema migrate`")],
)
def test_a_wrong_password_and_a_missing_database_are_one_sentence(
    fresh: Fresh, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(IocError, match=words):
        connect(replace(fresh.settings.clickhouse, **change))


@pytest.mark.stack
def test_the_reader_cannot_write(fresh: Fresh) -> None:
    with connect(fresh.settings.clickhouse, "reader") as client, pytest.raises(Exception, match=r"(?i)readonly|denied"):
        client.command("INSERT INTO ticks VALUES (0, 0, 0)")


@pytest.mark.stack
def test_the_command(fresh: Fresh) -> None:
    command = [*IOC, "schema"]
    told = subprocess.run([*command, "migrate", "--json"], env=fresh.env, capture_output=True, check=True)
    document = json.loads(told.stdout)
    assert document["applied"] == []
    assert document["topic"]["partitions"] == fresh.settings.partitions
    told = subprocess.run([*command, "status", "--json"], env=fresh.env, capture_output=True, check=True)
    assert json.loads(told.stdout)["pending"] == []
