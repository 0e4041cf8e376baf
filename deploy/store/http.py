"""The rim of the store: ClickHouse's HTTP interface over the engine.

`/` takes statements (GET or POST), `/ping` and `/replicas_status` say Ok, `/metrics` is for Prometheus. A statement is
the `query` parameter followed by the body; `param_x` fill `{x:Type}`; other parameters that are not the protocol's own
are engine settings. Statements run in threads; a client that goes away has its statement killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from deploy.store import compression, statements
from deploy.store.engine import Engine, Outcome, Request
from deploy.store.errors import EngineError
from deploy.store.metrics import StoreMetrics
from deploy.store.users import User, authenticate

# The protocol's own parameters: everything else in a URL is a setting of the engine.
_PROTOCOL = frozenset(
    {"query", "query_id", "database", "default_format", "user", "password", "quota_key", "role", "stacktrace"}
    | {"session_id", "session_timeout", "session_check", "close_session", "buffer_size", "wait_end_of_query"}
    | {"compress", "decompress", "enable_http_compression", "http_zlib_compression_level", "add_http_cors_header"}
    | {"client_protocol_version", "send_progress_in_http_headers", "http_headers_progress_interval_ms"}
    | {"cancel_http_readonly_queries_on_client_close"}
)

# Blocks of these formats follow one another without heading or tail, so an answer can leave while it is being read.
_STREAMED = frozenset({"Native", "RowBinary", "JSONEachRow", "JSONCompactEachRow", "TabSeparated", "TSV", "CSV"})

_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "TSVWithNames": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNamesAndTypes": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
}

BODY_LIMIT = 512 << 20
# More than this many statements at once would only take memory from one another; ClickHouse's own default.
RUNNING_LIMIT = 100

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, read: the statement's text with what follows it, its kind, who asks and how to answer."""

    text: bytes
    kind: str
    request: Request
    output_format: str
    encoding: str | None
    whole: bool


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

    def application(self) -> web.Application:
        """The aiohttp application with all routes."""
        application = web.Application(client_max_size=BODY_LIMIT)
        application.router.add_route("*", "/", self._statement)
        application.router.add_get("/ping", self._ok)
        application.router.add_get("/replicas_status", self._ok)
        application.router.add_get("/health", self._health)
        application.router.add_get("/metrics", self._prometheus)
        return application

    async def _ok(self, _: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _health(self, _: web.Request) -> web.Response:
        """Ok only when the engine answers a statement; for the supervisor, so without a user."""
        request = Request(id=f"health {uuid.uuid4()}", reader=True)
        try:
            await self._in_thread(self._engine.run, "SELECT 1", "TabSeparated", request)
        except EngineError as error:
            return _refusal(error, request.id)
        return web.Response(text="Ok.\n")

    async def _prometheus(self, _: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._metrics.registry),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def _statement(self, http: web.Request) -> web.StreamResponse:
        if http.method in {"GET", "HEAD"} and "query" not in http.query and not http.can_read_body:
            return await self._ok(http)
        identity = http.query.get("query_id") or str(uuid.uuid4())
        kind, outcome, started = "command", "failed", time.monotonic()
        try:
            user = authenticate(self._passwords, http.headers, http.query)
            asked = await self._read(http, user, identity)
            kind = asked.kind
            response = await self._carried_out(http, asked)
            outcome = "done"
            return response
        except EngineError as error:
            outcome = "refused" if error.http_status < 500 else "failed"
            return _refusal(error, identity)
        except (asyncio.CancelledError, ConnectionResetError):
            outcome = "cancelled"
            raise
        finally:
            self._metrics.statements.labels(kind, outcome).inc()
            self._metrics.seconds.labels(kind).observe(time.monotonic() - started)

    async def _read(self, http: web.Request, user: User, identity: str) -> Asked:
        try:
            body = await http.read()
        except web.HTTPRequestEntityTooLarge as error:
            raise EngineError(
                287, "HTTP_BODY_TOO_LARGE", f"The body is larger than {BODY_LIMIT} bytes; send it in several inserts"
            ) from error
        encoding = http.headers.get("Content-Encoding", "")
        if encoding and body:
            body = await self._in_thread(compression.decode, body, encoding, BODY_LIMIT)
        head = http.query.get("query", "").encode("utf-8")
        text = b"\n".join(part for part in (head, body) if part)
        kind = statements.kind_of(text)
        # A GET must not change anything, whoever sends it: links and prefetching browsers send GETs.
        reader = user.reader or http.method in {"GET", "HEAD"}
        if reader:
            statements.refuse_beyond_reading(text, self._engine.table_functions)
        compressing = http.query.get("enable_http_compression", "0") not in {"0", "false", ""}
        return Asked(
            text=text,
            kind=kind,
            request=Request(
                # Unique even when two clients send the same query_id, since it is what a statement is killed by.
                id=f"{identity} {uuid.uuid4()}",
                database=http.query.get("database") or http.headers.get("X-ClickHouse-Database") or "default",
                reader=reader,
                settings={
                    name: value
                    for name, value in http.query.items()
                    if name not in _PROTOCOL and not name.startswith("param_")
                },
                parameters={
                    name.removeprefix("param_"): value
                    for name, value in http.query.items()
                    if name.startswith("param_")
                },
            ),
            output_format=http.query.get("default_format") or http.headers.get("X-ClickHouse-Format") or "TabSeparated",
            encoding=compression.choose(http.headers.get("Accept-Encoding", "")) if compressing else None,
            whole=http.query.get("wait_end_of_query", "0") not in {"0", "false", ""},
        )

    async def _carried_out(self, http: web.Request, asked: Asked) -> web.StreamResponse:
        if self._running >= RUNNING_LIMIT:
            raise EngineError(202, "TOO_MANY_SIMULTANEOUS_QUERIES", "Too many simultaneous queries; ask again later")
        self._running += 1
        self._metrics.running.set(self._running)
        try:
            if asked.kind == "insert" and (insert := statements.insert_with_rows(asked.text)) is not None:
                rows = memoryview(asked.text)[insert.data_start :]
                outcome = await self._killable(asked, lambda: self._engine.insert(insert, rows, asked.request))
                return await self._whole(asked, outcome)
            statements.refuse_several(asked.text)
            sql = _statement_text(asked.text)
            named = (statements.format_of(asked.text) if asked.kind == "select" else None) or asked.output_format
            if named in _STREAMED and not asked.whole and statements.can_stream(asked.text):
                return await self._streamed(http, asked, sql, named)
            outcome = await self._killable(asked, lambda: self._engine.run(sql, named, asked.request))
            return await self._whole(asked, outcome, named)
        finally:
            self._running -= 1
            self._metrics.running.set(self._running)

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

    def _headers(self, asked: Asked, output_format: str, outcome: Outcome) -> dict[str, str]:
        summary = {
            "read_rows": str(outcome.read_rows),
            "read_bytes": str(outcome.read_bytes),
            "written_rows": str(outcome.written_rows),
            "written_bytes": str(outcome.written_bytes),
            "total_rows_to_read": str(outcome.read_rows),
            "result_rows": str(outcome.rows or outcome.written_rows),
            "result_bytes": str(len(outcome.body)),
        }
        headers = {
            "Content-Type": _TYPES.get(output_format, "application/octet-stream"),
            "X-ClickHouse-Server-Display-Name": "ioc-store",
            "X-ClickHouse-Query-Id": asked.request.id.rpartition(" ")[0],
            "X-ClickHouse-Format": output_format,
            "X-ClickHouse-Timezone": self._engine.timezone,
            "X-ClickHouse-Summary": orjson.dumps(summary).decode(),
        }
        if asked.encoding:
            headers["Content-Encoding"] = asked.encoding
        return headers

    async def _whole(self, asked: Asked, outcome: Outcome, output_format: str | None = None) -> web.Response:
        if asked.kind == "insert":
            self._metrics.inserted_rows.inc(outcome.written_rows)
            self._metrics.inserted_bytes.inc(outcome.written_bytes)
        body = outcome.body
        self._metrics.answered_bytes.inc(len(body))
        if asked.encoding and body:
            body = await self._in_thread(_compressed, body, asked.encoding)
        return web.Response(body=body, headers=self._headers(asked, output_format or asked.output_format, outcome))

    async def _streamed(self, http: web.Request, asked: Asked, sql: str, output_format: str) -> web.StreamResponse:
        """The first block decides between an answer and an error; a later failure is told inside the body."""
        blocks = self._engine.stream(sql, output_format, asked.request)
        encoder = compression.encoder(asked.encoding) if asked.encoding else None
        try:
            first, second = await self._killable(asked, lambda: (next(blocks, b""), next(blocks, b"")))
            if not second:
                return await self._whole(asked, Outcome(body=first), output_format)
            response = web.StreamResponse(headers=self._headers(asked, output_format, Outcome()))
            tag = uuid.uuid4().hex[:16]
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
            await asyncio.shield(self._in_thread(_close, blocks))

    async def _rest(
        self, asked: Asked, ready: tuple[bytes, bytes], blocks: Iterator[bytes], tag: str
    ) -> AsyncIterator[bytes]:
        yield ready[0]
        block = ready[1]
        while block:
            yield block
            try:
                block = await self._killable(asked, lambda: next(blocks, b""))
            except EngineError as error:
                # How ClickHouse ends a body that fails half way, so that no client takes it for a whole answer.
                yield _exception_block(str(error), tag)
                return


def _close(blocks: Iterator[bytes]) -> None:
    closing = getattr(blocks, "close", None)
    if closing is not None:
        closing()


def _compressed(body: bytes, encoding: str) -> bytes:
    encoder = compression.encoder(encoding)
    return encoder.add(body) + encoder.finish()


def _statement_text(text: bytes) -> str:
    try:
        return text.decode("utf-8").rstrip().rstrip(";")
    except UnicodeDecodeError as error:
        raise EngineError(62, "SYNTAX_ERROR", f"The statement is not UTF-8: {error}") from error


def _exception_block(message: str, tag: str) -> bytes:
    told = message.encode("utf-8")
    return b"__exception__\r\n%b\r\n%b\n%d %b\r\n__exception__\r\n" % (tag.encode(), told, len(told) + 1, tag.encode())


def _refusal(error: EngineError, identity: str) -> web.Response:
    return web.Response(
        status=error.http_status,
        text=f"{error}\n",
        headers={
            "X-ClickHouse-Exception-Code": str(error.code),
            "X-ClickHouse-Query-Id": identity,
            "X-ClickHouse-Server-Display-Name": "ioc-store",
        },
    )
