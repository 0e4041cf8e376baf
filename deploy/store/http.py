"""The rim of the store: ClickHouse's HTTP interface over the engine.

`/` takes statements (GET or POST), `/ping` and `/replicas_status` say Ok, `/health` asks the engine first, `/metrics`
is for Prometheus. A statement is the `query` parameter followed by the body; `param_x` fill `{x:Type}`; parameters
that are not the protocol's own are engine settings. Statements run in threads; a client that goes away has its
statement killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from deploy.store import compression, statements
from deploy.store.answers import exception_block, headers_of, refusal
from deploy.store.asked import Asked, read_request
from deploy.store.engine import Engine, Outcome, Request
from deploy.store.errors import EngineError
from deploy.store.metrics import StoreMetrics
from deploy.store.native import reframe
from deploy.store.users import authenticate

BODY_LIMIT = 512 << 20
# More than this many statements at once would only take memory from one another; ClickHouse's own default.
RUNNING_LIMIT = 100

T = TypeVar("T")


class _Blocks:
    """An answer's blocks, read in one thread and perhaps closed from another while that one still waits."""

    def __init__(self, blocks: Generator[bytes, None, None], marked: bool) -> None:
        self._blocks = blocks
        self._marked = marked
        self._lock = threading.Lock()

    def next(self) -> bytes:
        """The next block, empty at the end."""
        with self._lock:
            block = next(self._blocks, b"")
        return reframe(block) if self._marked else block

    def close(self) -> None:
        with self._lock:
            self._blocks.close()


class StoreServer:
    """Handlers over one engine. `application()` gives what aiohttp serves."""

    def __init__(self, engine: Engine, passwords: Mapping[str, str], metrics: StoreMetrics | None = None) -> None:
        self._engine = engine
        self._passwords = passwords
        self._metrics = metrics or StoreMetrics(CollectorRegistry())
        ProcessCollector(registry=self._metrics.registry)
        # Twice the limit: an answer that is being streamed and the killing of one must never wait for a thread.
        self._threads = ThreadPoolExecutor(2 * RUNNING_LIMIT, thread_name_prefix="statement")
        self._running = 0
        self._closing = False

    def application(self) -> web.Application:
        """The aiohttp application with all routes."""
        application = web.Application(client_max_size=BODY_LIMIT)
        application.router.add_route("*", "/", self._statement)
        application.router.add_get("/ping", self._ok)
        application.router.add_get("/replicas_status", self._ok)
        application.router.add_get("/health", self._health)
        application.router.add_get("/metrics", self._prometheus)
        return application

    async def drain(self, grace_seconds: float = 3.0) -> None:
        """Takes no more statements, lets running ones end within the grace, then kills them; returns when none runs."""
        self._closing = True
        deadline = time.monotonic() + grace_seconds
        while self._running and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        while self._running:
            await self._in_thread(self._engine.cancel_all)
            await asyncio.sleep(0.1)

    async def _ok(self, _: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _health(self, _: web.Request) -> web.Response:
        """Ok only when the engine answers a statement; for the supervisor, so without a user."""
        request = Request(id=f"health {uuid.uuid4()}", reader=True)
        try:
            await self._in_thread(self._engine.run, "SELECT 1", "TabSeparated", request)
        except EngineError as error:
            return refusal(error, request.id)
        return web.Response(text="Ok.\n")

    async def _prometheus(self, _: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._metrics.registry),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def _statement(self, http: web.Request) -> web.StreamResponse:
        if http.method in {"GET", "HEAD"} and "query" not in http.query and not http.can_read_body:
            return await self._ok(http)
        query_id = http.query.get("query_id") or str(uuid.uuid4())
        kind, outcome, started = "command", "failed", time.monotonic()
        try:
            asked = await self._read(http, query_id)
            kind = asked.kind
            response = await self._carried_out(http, asked)
            outcome = "done"
            return response
        except EngineError as error:
            outcome = "refused" if error.http_status < 500 else "failed"
            return refusal(error, query_id)
        except (asyncio.CancelledError, ConnectionResetError):
            outcome = "cancelled"
            raise
        finally:
            self._metrics.statements.labels(kind, outcome).inc()
            self._metrics.seconds.labels(kind).observe(time.monotonic() - started)

    async def _read(self, http: web.Request, query_id: str) -> Asked:
        # Before the body: who has no password should not make the store hold 512 MB.
        user = authenticate(self._passwords, http.headers, http.query)
        try:
            body = await http.read()
        except web.HTTPRequestEntityTooLarge as error:
            raise EngineError(
                287, "HTTP_BODY_TOO_LARGE", f"The body is larger than {BODY_LIMIT} bytes; send it in several inserts"
            ) from error
        encoding = http.headers.get("Content-Encoding", "")
        if encoding and body:
            body = await self._in_thread(compression.decode, body, encoding, BODY_LIMIT)
        # A GET must not change anything, whoever sends it: links and prefetching browsers send GETs.
        only_reading = http.method in {"GET", "HEAD"}
        asked = read_request(http.query, http.headers, body, user, only_reading, query_id)
        if asked.request.reader:
            statements.refuse_beyond_reading(asked.text, self._engine.table_functions)
        return asked

    async def _carried_out(self, http: web.Request, asked: Asked) -> web.StreamResponse:
        if self._closing:
            raise EngineError(236, "ABORTED", "The store is stopping")
        if self._running >= RUNNING_LIMIT:
            raise EngineError(202, "TOO_MANY_SIMULTANEOUS_QUERIES", "Too many simultaneous queries; ask again later")
        self._running += 1
        self._metrics.running.set(self._running)
        try:
            if asked.kind == "insert" and (insert := statements.insert_with_rows(asked.text)) is not None:
                rows = memoryview(asked.text)[insert.data_start :]
                return await self._whole(asked, lambda: self._engine.insert(insert, rows, asked.request))
            sql = statements.single(asked.text)
            if asked.streamed:
                return await self._streamed(http, asked, sql)
            return await self._whole(asked, lambda: self._run(asked, sql))
        finally:
            self._running -= 1
            self._metrics.running.set(self._running)

    def _run(self, asked: Asked, sql: str) -> Outcome:
        outcome = self._engine.run(sql, asked.output_format, asked.request)
        return replace(outcome, body=reframe(outcome.body)) if asked.marked else outcome

    async def _whole(self, asked: Asked, work: Callable[[], Outcome]) -> web.Response:
        outcome = await self._killable(asked, work)
        if asked.kind == "insert":
            self._metrics.inserted_rows.inc(outcome.written_rows)
            self._metrics.inserted_bytes.inc(outcome.written_bytes)
        return await self._answer(asked, outcome)

    async def _answer(self, asked: Asked, outcome: Outcome) -> web.Response:
        body = outcome.body
        self._metrics.answered_bytes.inc(len(body))
        if asked.encoding:
            body = await self._in_thread(compression.encode, body, asked.encoding)
        return web.Response(body=body, headers=headers_of(asked, outcome, self._engine.timezone))

    async def _streamed(self, http: web.Request, asked: Asked, sql: str) -> web.StreamResponse:
        """The first block decides between an answer and an error; a later failure is told inside the body."""
        blocks = _Blocks(self._engine.stream(sql, asked.output_format, asked.request), asked.marked)
        encoder = compression.encoder(asked.encoding) if asked.encoding else None
        try:
            first, second = await self._killable(asked, lambda: (blocks.next(), blocks.next()))
            if not second:
                return await self._answer(asked, Outcome(body=first))
            tag = uuid.uuid4().hex[:16]
            response = web.StreamResponse(headers=headers_of(asked, Outcome(), self._engine.timezone))
            response.headers["X-ClickHouse-Exception-Tag"] = tag
            await response.prepare(http)
            async for block in self._rest(asked, (first, second), blocks, tag):
                self._metrics.answered_bytes.inc(len(block))
                await response.write(encoder.add(block) if encoder else block)
            if encoder:
                await response.write(encoder.finish())
            await response.write_eof()
            return response
        finally:
            await asyncio.shield(self._in_thread(blocks.close))

    async def _rest(self, asked: Asked, ready: tuple[bytes, bytes], blocks: _Blocks, tag: str) -> AsyncIterator[bytes]:
        yield ready[0]
        block = ready[1]
        while block:
            yield block
            try:
                block = await self._killable(asked, blocks.next)
            except EngineError as error:
                yield exception_block(error, tag)
                return

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    async def _killable(self, asked: Asked, work: Callable[[], T]) -> T:
        """Waits for `work` in a thread; when the client goes away its statement is killed and then waited for."""
        running = asyncio.ensure_future(self._in_thread(work))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if not running.done():
                await self._in_thread(self._engine.cancel, asked.request.id)
            with contextlib.suppress(EngineError):
                await running
            raise
