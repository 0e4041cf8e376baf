"""The ordinary clickhouse-connect HTTP client, with errors a person can act on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.exceptions import Error as DriverError
from clickhouse_connect.driver.httputil import get_pool_manager
from urllib3.exceptions import HTTPError as TransportError

from ioc.errors import IocError, Unreachable
from ioc.settings import ClickHouseSettings

# clickhouse-connect is untyped for us; its Client class carries query, command, insert and raw_query.
Client = Any
Role = Literal["writer", "reader"]
Made = TypeVar("Made")

# What the driver would log is said by the errors below, once and with the remedy.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())

CONNECT_SECONDS = 5
# A bulk write or a slice of a verification may well take a minute; beyond this the server is as good as gone.
ANSWER_SECONDS = 120
# One client is shared by a worker's threads (events, cells, cases and stocks are written side by side).
POOL = 8

UNKNOWN_TABLE = 60
UNKNOWN_DATABASE = 81
AUTHENTICATION = frozenset({192, 193, 194, 516})
ACCESS_DENIED = 497
READONLY = 164


def error_code(error: BaseException) -> int | None:
    """ClickHouse's own error number, None when the server did not answer with one."""
    code = getattr(error, "code", None)
    return code if isinstance(code, int) else None


def explain(error: DriverError, settings: ClickHouseSettings, user: str, database: str) -> IocError:
    """A driver's error as one sentence: what happened at which address, and what to do."""
    code = error_code(error)
    if code is None and isinstance(error.__cause__, TransportError):
        return Unreachable(
            f"ClickHouse at {settings.url} does not answer; start it with `ioc up` or name another in IOC_CLICKHOUSE."
        )
    if code in AUTHENTICATION:
        return IocError(
            f"ClickHouse at {settings.url} refuses user {user}; set IOC_CLICKHOUSE_USER and IOC_CLICKHOUSE_PASSWORD "
            f"(IOC_CLICKHOUSE_READER_USER and _PASSWORD for reading)."
        )
    if code == UNKNOWN_DATABASE:
        return IocError(f"Database {database} does not exist at {settings.url}; create it with `ioc schema migrate`.")
    if code == UNKNOWN_TABLE:
        return IocError(f"A table is missing in {database} at {settings.url}; create it with `ioc schema migrate`.")
    if code in {ACCESS_DENIED, READONLY}:
        return IocError(f"User {user} may not do this at {settings.url}; grant it, or use the other role's user.")
    first = " ".join(str(error).split())[:300]
    return IocError(f"ClickHouse at {settings.url} answered with an error; look it up in its log: {first}")


def connect(
    settings: ClickHouseSettings,
    role: Role = "writer",
    database: str | None = None,
    answer_seconds: int = ANSWER_SECONDS,
) -> Client:
    """A client safe for concurrent use (no session), lz4 both ways, times as the server gives them.

    `database` None means the settings' database, which must exist; name `system` before it does.
    Raises Unreachable when nothing answers, IocError for a wrong password or a missing database.
    """
    user, password = (
        (settings.user, settings.password) if role == "writer" else (settings.reader_user, settings.reader_password)
    )
    name = settings.database if database is None else database
    pool: dict[str, Any] = {"ca_cert": settings.ca_file} if settings.ca_file else {}

    def make() -> Client:
        client = clickhouse_connect.get_client(
            interface="https" if settings.secure else "http",
            host=settings.host,
            port=settings.port,
            username=user,
            password=password,
            database=name,
            compress="lz4",
            connect_timeout=CONNECT_SECONDS,
            send_receive_timeout=answer_seconds,
            # urllib3 retries would hide an outage from the writer, which has its own budget and jitter.
            query_retries=0,
            autogenerate_session_id=False,
            client_name="ioc-metrics",
            pool_mgr=get_pool_manager(maxsize=POOL, num_pools=1, **pool),
        )
        # The handshake reads server settings only; this one also proves that the database is there.
        client.command("SELECT 1")
        return client

    return guarded(make, settings, role, name)


def guarded(
    action: Callable[[], Made], settings: ClickHouseSettings, role: Role = "writer", database: str | None = None
) -> Made:
    """Runs `action`, turning the driver's errors into IocError or Unreachable."""
    user = settings.user if role == "writer" else settings.reader_user
    try:
        return action()
    except DriverError as error:
        raise explain(error, settings, user, database or settings.database) from error
