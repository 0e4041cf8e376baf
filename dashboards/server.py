"""The wall's server: one poller, one page for any number of screens, and the endpoints for programs.

`GET /` the page (`?lang=vi|en`, `?theme=dark|light`), `/api/snapshot`, `/api/age`, `/healthz`, `/metrics`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from socket import socket
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Response
from nicegui import Client, Event, ui

from dashboards.charts import Theme
from dashboards.moment import Moment, moment
from dashboards.page import Wall
from dashboards.poller import POLL_SECONDS, Picture, Poller, Watch
from dashboards.telemetry import CONTENT_TYPE, Telemetry
from dashboards.texts import Texts, texts_for
from dashboards.view import WallView, view
from ioc.directory import Directory
from sinks.wall_queries import WallSnapshot

# Screens keep their page over a short loss of the network; a longer one reloads it.
RECONNECT_SECONDS = 10.0
# Messages kept for a screen that reconnects: some more than are sent meanwhile.
HISTORY = 40
SHUTDOWN_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Show:
    """What is served: where figures come from, names of agencies, the language of a screen that asks for none.

    `ready` is called once the server answers.
    """

    ask: Callable[[], WallSnapshot]
    directory: Directory
    lang: str
    ready: Callable[[], None] = field(default=lambda: None)


class WallServer:
    """Wires poller, page and endpoints together; `run` serves until SIGTERM or SIGINT."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._beat: Event[[]] = Event()
        self._telemetry = Telemetry(self._clients, lambda: self._moment().age_seconds)
        self._poller = Poller(
            show.ask, watch=Watch(self._changed, self._telemetry.seconds.observe, self._telemetry.failures.inc)
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pushed_at = 0.0

    def app(self) -> FastAPI:
        """The ASGI application, with the poller tied to its life."""
        app = FastAPI(lifespan=self._life, docs_url=None, redoc_url=None, openapi_url=None)
        app.get("/api/snapshot")(self._api_snapshot)
        app.get("/api/age")(self._api_age)
        app.get("/healthz")(lambda: {"status": "ok"})
        app.get("/metrics")(lambda: Response(self._telemetry.exposition(), media_type=CONTENT_TYPE))
        ui.page("/", title=texts_for(None, self._show.lang).title)(self._page)
        ui.run_with(
            app,
            tailwind=False,
            dark=None,
            reconnect_timeout=RECONNECT_SECONDS,
            message_history_length=HISTORY,
            show_welcome_message=False,
            binding_refresh_interval=None,
        )
        return app

    def run(self, sock: socket) -> None:
        """Serves on a listening socket until the process is asked to end; ends within two seconds then."""
        config = uvicorn.Config(
            self.app(), log_level="warning", access_log=False, timeout_graceful_shutdown=SHUTDOWN_SECONDS
        )
        uvicorn.Server(config).run(sockets=[sock])

    @asynccontextmanager
    async def _life(self, _app: FastAPI) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        self._poller.start()
        beating = asyncio.create_task(self._keep_beating())
        self._show.ready()
        yield
        beating.cancel()
        self._poller.stop()
        with suppress(asyncio.CancelledError):
            await beating

    def _changed(self) -> None:
        """A new picture or a failure, told by the poller's thread."""
        if self._loop is not None and not self._loop.is_closed():
            with suppress(RuntimeError):  # the loop may close between the question and the call
                self._loop.call_soon_threadsafe(self._push)

    def _push(self) -> None:
        self._pushed_at = time.monotonic()
        self._beat.emit()

    async def _keep_beating(self) -> None:
        """While the source holds its answer back, screens still see the age grow."""
        while True:
            await asyncio.sleep(POLL_SECONDS / 4)
            if time.monotonic() - self._pushed_at > 1.5 * POLL_SECONDS:
                self._push()

    def _moment(self) -> Moment:
        return moment(self._poller.picture, time.monotonic())

    def _view(self, texts: Texts) -> WallView:
        return view(self._moment(), texts, self._show.directory)

    def _clients(self) -> int:
        return sum(client.has_socket_connection for client in Client.instances.values())

    def _page(self, lang: str = "", theme: str = "") -> None:
        texts = texts_for(lang, self._show.lang)
        chosen: Theme = "light" if theme == "light" else "dark"
        ui.page_title(texts.title)
        wall = Wall(texts, chosen)
        wall.show(self._view(texts))
        self._beat.subscribe(lambda: wall.show(self._view(texts)))

    def _api_snapshot(self) -> Response:
        now = self._moment()
        picture: Picture[WallSnapshot] = now.picture
        return _json(
            {
                "state": now.state,
                "age_seconds": now.age_seconds,
                "taken_seconds_ago": now.taken_seconds_ago,
                "error": picture.error,
                "snapshot": picture.snapshot,
            }
        )

    def _api_age(self) -> Response:
        now = self._moment()
        return _json(
            {
                "events": now.events,
                "first_figure": now.first_figure,
                "age_seconds": now.age_seconds,
                "state": now.state,
            }
        )


def _json(document: dict[str, Any]) -> Response:
    return Response(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS), media_type="application/json")
