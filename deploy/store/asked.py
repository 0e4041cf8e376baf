"""A request, read: from URL parameters, headers and body to a statement and the way its answer is wanted."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.store import compression, statements
from deploy.store.engine import Request
from deploy.store.errors import EngineError
from deploy.store.native import MARKED_REVISION
from deploy.store.users import User

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

_NO = frozenset({"", "0", "false"})


@dataclass(frozen=True, slots=True)
class Asked:
    """One statement with what follows it.

    `text` is the statement and, for some inserts, the rows behind it; `kind` is select, insert or command;
    `encoding` is the answer's Content-Encoding; `streamed` lets the answer leave block by block; `marked` wants
    Native blocks as newer clients do.
    """

    text: bytes
    kind: str
    query_id: str
    request: Request
    output_format: str
    encoding: str | None
    streamed: bool
    marked: bool


def read_request(
    parameters: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    user: User,
    only_reading: bool,
    query_id: str,
) -> Asked:
    """`body` is decompressed already; `only_reading` holds for GET, which must not change anything.

    Raises EngineError for what a reader may not ask, several statements, or a protocol the store does not speak.
    """
    for name in ("compress", "decompress"):
        if parameters.get(name, "") not in _NO:
            raise EngineError(
                48, "NOT_IMPLEMENTED", f"The store does not speak {name}=1; use enable_http_compression=1"
            )
    text = b"\n".join(part for part in (parameters.get("query", "").encode("utf-8"), body) if part)
    kind = statements.kind_of(text)
    named = statements.format_of(text) if kind == "select" else None
    default = parameters.get("default_format") or headers.get("X-ClickHouse-Format") or "TabSeparated"
    output_format = named or default
    marked = output_format == "Native" and _revision(parameters) >= MARKED_REVISION
    compressing = parameters.get("enable_http_compression", "") not in _NO
    return Asked(
        text=text,
        kind=kind,
        query_id=query_id,
        request=Request(
            # Unique even when two clients send the same query_id, since it is what a statement is killed by.
            id=f"{query_id} {uuid.uuid4()}",
            database=parameters.get("database") or headers.get("X-ClickHouse-Database") or "default",
            reader=user.reader or only_reading,
            settings=_settings(parameters),
            parameters={
                name.removeprefix("param_"): value for name, value in parameters.items() if name.startswith("param_")
            },
        ),
        output_format=output_format,
        encoding=compression.choose(headers.get("Accept-Encoding", "")) if compressing else None,
        streamed=(
            output_format in _STREAMED
            and statements.can_stream(text)
            and parameters.get("wait_end_of_query", "") in _NO
        ),
        marked=marked,
    )


def _settings(parameters: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in parameters.items() if name not in _PROTOCOL and not name.startswith("param_")
    }


def _revision(parameters: Mapping[str, str]) -> int:
    text = parameters.get("client_protocol_version", "")
    return int(text) if text.isdecimal() else 0
