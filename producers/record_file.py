"""Records in a file instead of Kafka: one JSON object a line, plain or compressed by the name's ending.

`{"key": "…", "value": "…"}`; bytes that are no UTF-8 stand as `value_base64`; punctuation is `{"clock": ms}`.
"""

from __future__ import annotations

import base64
import gzip
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

import orjson
import zstandard

from ioc.errors import IocError
from producers.report import DeliveryReport


def open_for_writing(path: Path) -> IO[bytes]:
    """Opens `path` anew, compressing for `.gz` and `.zst`. Raises IocError where it cannot be written."""
    try:
        if path.suffix == ".gz":
            return cast("IO[bytes]", gzip.open(path, "wb"))
        if path.suffix == ".zst":
            return cast("IO[bytes]", zstandard.open(path, "wb"))
        return path.open("wb")
    except OSError as error:
        raise IocError(f"{path} cannot be written ({error.strerror}); name another file.") from error


class RecordFile:
    """A `Target` that writes."""

    def __init__(self, path: Path) -> None:
        self.report = DeliveryReport()
        self._file = open_for_writing(path)

    def __enter__(self) -> RecordFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def send(self, key: bytes | None, value: bytes | None, row: int = 0) -> None:
        line: dict[str, Any] = {"key": None if key is None else key.decode()}
        try:
            line["value"] = None if value is None else value.decode()
        except UnicodeDecodeError:
            line["value_base64"] = base64.b64encode(value or b"").decode()
        self._file.write(orjson.dumps(line) + b"\n")
        self.report.delivered += 1

    def send_clock(self, time: int) -> None:
        self._file.write(orjson.dumps({"clock": time}) + b"\n")
        self.report.clocks += 1

    def push(self) -> None:
        self._file.flush()
