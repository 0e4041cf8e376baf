"""ClickHouse's errors: `Code: NN. DB::Exception: text (NAME)`, with the HTTP status a server gives for each."""

from __future__ import annotations

import re

# As ClickHouse's HTTP handler maps its codes; every other code is 500.
_NOT_FOUND = frozenset({46, 47, 50, 56, 60, 63, 73, 81, 107, 115, 336})
_FORBIDDEN = frozenset({164, 192, 193, 291, 497, 516})
_BAD_REQUEST = frozenset(
    {6, 8, 10, 15, 16, 19, 25, 26, 27, 33, 36, 38, 41, 42, 43, 44, 53, 62, 69, 70, 72, 108, 117, 130, 131, 167, 168}
    | {456, 457}
)
_STATUS = {48: 501, 194: 401, 202: 503, 287: 413, 439: 503}

# The engine repeats its own prefix when one layer wraps another; people want the innermost text once.
_CODE = re.compile(r"Code: (\d+)\. DB::Exception: ")
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]{2,})\)")


class EngineError(Exception):
    """A statement that failed. `code` is ClickHouse's number, `name` its name, `text` the message without either."""

    def __init__(self, code: int, name: str, text: str) -> None:
        super().__init__(code, name, text)
        self.code = code
        self.name = name
        self.text = text

    def __str__(self) -> str:
        return f"Code: {self.code}. DB::Exception: {self.text} ({self.name})"

    @property
    def http_status(self) -> int:
        """The status ClickHouse's HTTP interface answers with for this code."""
        if self.code in _NOT_FOUND:
            return 404
        if self.code in _FORBIDDEN:
            return 403
        if self.code in _BAD_REQUEST:
            return 400
        return _STATUS.get(self.code, 500)


def parse_error(message: str) -> EngineError:
    """Reads code, name and text out of what the engine raised; an unreadable message keeps its text, code 1002."""
    codes = list(_CODE.finditer(message))
    if not codes:
        return EngineError(1002, "UNKNOWN_EXCEPTION", message.strip())
    text = message[codes[-1].end() :].strip()
    names = list(_NAME.finditer(text))
    name = names[-1].group(1) if names else "UNKNOWN_EXCEPTION"
    text = re.sub(r"\s*\(version [^)]*\)\.?", "", text)
    text = re.sub(rf"(\s*\({name}\)\.?)+\s*$", "", text).strip()
    return EngineError(int(codes[-1].group(1)), name, text)
