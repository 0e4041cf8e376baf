"""Structured logs: one JSON object a line on standard error, quiet unless something is worth a look."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import orjson

# What a LogRecord carries anyway; everything else was given with `extra=` and is a field of the line.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "data", "stack"}


class JsonLines(logging.Formatter):
    """Renders a record as one JSON object: time, level, logger, message, and the fields given with `extra=`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _OWN},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class Once(logging.Filter):
    """Lets a line through once in `seconds`: a broker that is away is news the first time, not ten times a second.

    Two lines are the same when logger and message template are; what else they carry does not count.
    """

    def __init__(self, seconds: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is news. Our own lines always are."""
        if record.name.startswith("ioc."):
            return True
        now, key = self._clock(), (record.name, str(record.msg)[:60])
        if now - self._last.get(key, -self._seconds) < self._seconds:
            return False
        self._last[key] = now
        return True


def set_up_logs(level: str = "warning") -> None:
    """Sends all logs to standard error as JSON lines; our own from info on, the libraries' from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(Once())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("ioc").setLevel(logging.INFO)
