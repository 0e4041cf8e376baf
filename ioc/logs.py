"""Structured logs: one JSON object a line on standard error, quiet unless something is worth a look."""

from __future__ import annotations

import logging
import sys
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


def set_up_logs(level: str = "warning") -> None:
    """Sends all logs to standard error as JSON lines; our own from info on, the libraries' from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("ioc").setLevel(logging.INFO)
