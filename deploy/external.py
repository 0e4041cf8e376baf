"""Asking a Kafka and a ClickHouse that somebody else runs whether they answer us."""

from __future__ import annotations

from ioc.errors import Unreachable
from ioc.settings import Settings


def check_kafka(settings: Settings) -> str:
    """One line about the cluster that answers; raises Unreachable naming its address otherwise."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    address = ",".join(settings.kafka.bootstrap)
    try:
        admin = KafkaAdminClient(**settings.kafka.client_options(), request_timeout_ms=8000)
        try:
            brokers = len(admin.describe_cluster().get("brokers", []))
        finally:
            admin.close()
    except (KafkaError, OSError, ValueError) as error:
        raise Unreachable(
            f"Kafka at {address} does not answer ({type(error).__name__}: {error}); check IOC_KAFKA and its security "
            "settings."
        ) from error
    return f"{address}, {brokers} broker(s)"


def check_clickhouse(settings: Settings) -> str:
    """One line about the server that answers; raises Unreachable naming its address otherwise."""
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import ClickHouseError

    target = settings.clickhouse
    try:
        client = clickhouse_connect.get_client(
            host=target.host,
            port=target.port,
            username=target.user,
            password=target.password,
            secure=target.secure,
            ca_cert=target.ca_file,
            connect_timeout=5,
            send_receive_timeout=15,
        )
        version = client.command("SELECT version()")
        client.close()
    except (ClickHouseError, OSError) as error:
        raise Unreachable(
            f"ClickHouse at {target.url} does not answer ({str(error).splitlines()[0][:200]}); check IOC_CLICKHOUSE, "
            "user and password."
        ) from error
    return f"{target.url}, version {version}"
