"""Log files that cannot grow without bound: one current file and one older of the same size at most."""

from __future__ import annotations

from pathlib import Path

LOG_BYTES = 5 << 20


class BoundedLog:
    """Appends to `path`; past `limit` bytes it becomes `<path>.1` and a new one begins. One writer only."""

    def __init__(self, path: Path, limit: int = LOG_BYTES) -> None:
        self._path = path
        self._limit = limit
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._size = self._file.tell()

    def write(self, data: bytes) -> None:
        """Writes at once. A full disk loses the lines, not the part that writes them."""
        if self._size + len(data) > self._limit:
            self._file.close()
            self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._file = self._path.open("ab", buffering=0)
            self._size = 0
        try:
            self._file.write(data)
        except OSError:
            return
        self._size += len(data)

    def close(self) -> None:
        self._file.close()


def tail(path: Path, lines: int = 5) -> list[str]:
    """The last lines of a log, without blank ones; empty when there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16384))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]
