"""The shared fixtures give what they promise."""

from __future__ import annotations

import clickhouse_connect
import pytest
from kafka import KafkaAdminClient

from tests.conftest import Fresh

pytestmark = pytest.mark.stack


def test_fresh_has_its_own_database_and_topic(fresh: Fresh) -> None:
    target = fresh.settings.clickhouse
    client = clickhouse_connect.get_client(
        host=target.host,
        port=target.port,
        username=target.user,
        password=target.password,
        database=target.database,
    )
    assert client.command("SELECT currentDatabase()") == target.database
    assert "events" in client.command("SHOW TABLES").split()
    admin = KafkaAdminClient(**fresh.settings.kafka.client_options())
    assert fresh.settings.case_topic in admin.list_topics()
    admin.close()
