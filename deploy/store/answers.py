"""Answers as ClickHouse's HTTP interface gives them: headers, errors, and an error in the middle of a body."""

from __future__ import annotations

import orjson
from aiohttp import web

from deploy.store.asked import Asked
from deploy.store.engine import Outcome
from deploy.store.errors import EngineError

SERVER_NAME = "ioc-store"

_TSV = "text/tab-separated-values; charset=UTF-8"
_JSON = "application/json; charset=UTF-8"
_TYPES = {
    **dict.fromkeys(("TabSeparated", "TSV", "TSVWithNames", "TabSeparatedWithNames"), _TSV),
    **dict.fromkeys(("TabSeparatedWithNamesAndTypes", "TSVWithNamesAndTypes"), _TSV),
    **dict.fromkeys(("JSON", "JSONCompact", "JSONStrings", "JSONColumns"), _JSON),
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
}


def headers_of(asked: Asked, outcome: Outcome, timezone: str) -> dict[str, str]:
    """Headers of an answer that goes well; a streamed one's summary is empty, for it leaves before the end is known."""
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
        "Content-Type": _TYPES.get(asked.output_format, "application/octet-stream"),
        "X-ClickHouse-Server-Display-Name": SERVER_NAME,
        "X-ClickHouse-Query-Id": asked.query_id,
        "X-ClickHouse-Format": asked.output_format,
        "X-ClickHouse-Timezone": timezone,
        "X-ClickHouse-Summary": orjson.dumps(summary).decode(),
    }
    if asked.encoding:
        headers["Content-Encoding"] = asked.encoding
    return headers


def refusal(error: EngineError, query_id: str) -> web.Response:
    """The answer to a statement that failed before any of its answer had left."""
    return web.Response(
        status=error.http_status,
        text=f"{error}\n",
        headers={
            "X-ClickHouse-Exception-Code": str(error.code),
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Server-Display-Name": SERVER_NAME,
        },
    )


def exception_block(error: EngineError, tag: str) -> bytes:
    """How ClickHouse ends a body that fails half way, so that no client takes it for a whole answer.

    `tag` is 16 characters sent before as X-ClickHouse-Exception-Tag.
    """
    told = str(error).encode("utf-8")
    mark = tag.encode("ascii")
    return b"\r\n__exception__\r\n%b\r\n%b\n%d %b\r\n__exception__\r\n" % (mark, told, len(told) + 1, mark)
