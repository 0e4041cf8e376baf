"""Where the wall's figures come from: ClickHouse, through one reading client that is made anew after a failure."""

from __future__ import annotations

from collections.abc import Callable

from urllib3 import Timeout

from ioc.settings import Settings
from sinks.client import Client, connect, guarded
from sinks.wall_queries import WallSnapshot, snapshot

# A wall would rather ask again than wait: the writer's patience of minutes is not for a screen.
PATIENCE = Timeout(connect=2, read=5)


class ClickHouseSource:
    """Calling it reads a snapshot. Not for several threads at once.

    `settings` is asked at every new connection, since a local store that comes back may have another address.
    Raises Unreachable when ClickHouse does not answer, IocError for what it answers with otherwise.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._client: Client | None = None

    def __call__(self) -> WallSnapshot:
        clickhouse = self._settings().clickhouse
        try:
            if self._client is None:
                self._client = connect(clickhouse, role="reader")
                self._client.timeout = PATIENCE
            return guarded(lambda: snapshot(self._client), clickhouse, role="reader")
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
