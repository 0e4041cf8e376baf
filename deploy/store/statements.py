"""What a statement is, read from its tokens alone: reading or writing, where inline data begins, which format.

Works on bytes, because an INSERT may carry binary data behind its text. ClickHouse's lexical rules hold: three kinds
of comments, strings with backslashes or doubled quotes, identifiers in back ticks or double quotes, heredocs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.store.errors import EngineError

_TOKEN = re.compile(
    rb"""(?P<space>[\s\xa0]+|--[^\n]*|\#[!\x20][^\n]*|/\*.*?\*/)
    |(?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    |(?P<string>'(?:[^'\\]|\\.|'')*')
    |(?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    |(?P<word>[A-Za-z_][A-Za-z0-9_$]*)
    |(?P<number>\d[\w.]*)
    |(?P<mark>.)""",
    re.DOTALL | re.VERBOSE,
)

_READING = frozenset({b"SELECT", b"WITH", b"SHOW", b"DESCRIBE", b"DESC", b"EXPLAIN", b"EXISTS", b"FROM"})

# Table functions (and the scalar `file`) that stay inside the engine. All others reach files, the network or other
# processes with the store's own rights, which a reader does not have.
_INNER_FUNCTIONS = frozenset(
    b"dictionary eval format fuzzjson fuzzquery generate_series generaterandom generateseries input loop merge "
    b"mergetreeindex mergetreeprojection null numbers numbers_mt primes values view viewexplain viewifpermitted zeros "
    b"zeros_mt".split()
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token that is not space or comment: its kind (`word`, `string`, …), upper-cased text and place."""

    kind: str
    text: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose rows follow its text: `sql` up to FORMAT, the format's name and where the rows begin."""

    sql: str
    format: str
    data_start: int


def tokens(text: bytes) -> Iterator[Token]:
    """Tokens of `text`, lazily, so that only the head of an INSERT with megabytes behind it is read."""
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            return
        place = match.end()
        kind = match.lastgroup or "mark"
        if match.group("space") is None:
            kind = "string" if match.group("heredoc") is not None else kind
            value = match.group()
            yield Token(kind, value.upper() if kind == "word" else value, match.start(), match.end())


def kind_of(text: bytes) -> str:
    """`select` for what only reads, `insert`, or `command` for everything else."""
    word = _first_word(text)
    if word in _READING:
        return "select"
    return "insert" if word == b"INSERT" else "command"


def can_stream(text: bytes) -> bool:
    """Whether the engine can give the answer block by block; it cannot for SHOW, DESCRIBE and the like."""
    return _first_word(text) in {b"SELECT", b"WITH", b"FROM"}


def _first_word(text: bytes) -> bytes:
    for token in tokens(text):
        if token.text != b"(":
            return token.text
    raise EngineError(62, "SYNTAX_ERROR", "Empty query")


def single(text: bytes) -> str:
    """The text of the one statement there is; anything after a semicolon is refused as ClickHouse does (code 62)."""
    end = len(text)
    for token in tokens(text):
        if end < len(text) and token.text != b";":
            raise EngineError(62, "SYNTAX_ERROR", "Multi-statements are not allowed")
        if token.text == b";":
            end = min(end, token.start)
    try:
        return text[:end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise EngineError(62, "SYNTAX_ERROR", f"The statement is not UTF-8: {error}") from error


def insert_with_rows(text: bytes) -> Insert | None:
    """The INSERT … FORMAT x at the head of `text`; None when its rows come from VALUES, SELECT or a file."""
    depth = 0
    found = iter(tokens(text))
    for token in found:
        depth += (token.text == b"(") - (token.text == b")")
        if depth or token.kind != "word":
            continue
        if token.text in {b"VALUES", b"SELECT", b"WITH", b"INFILE"}:
            return None
        if token.text == b"FORMAT":
            name = next(found, None)
            if name is None or name.kind != "word":
                raise EngineError(62, "SYNTAX_ERROR", "Syntax error: FORMAT must be followed by the name of a format")
            sql = text[: token.start].decode("utf-8")
            return Insert(sql, text[name.start : name.end].decode("ascii"), _rows_begin(text, name.end))
    return None


def _rows_begin(text: bytes, place: int) -> int:
    """ClickHouse skips blanks and one line end between the format's name and the first byte of data."""
    while place < len(text) and text[place : place + 1] in {b" ", b"\t", b"\f"}:
        place += 1
    if text[place : place + 2] == b"\r\n":
        return place + 2
    return place + 1 if text[place : place + 1] == b"\n" else place


def format_of(text: bytes) -> str | None:
    """The FORMAT a reading statement names for its output at its end, None when it names none."""
    last: list[Token] = []
    for token in tokens(text):
        if len(last) == 2 and _names_format(last) and token.text in {b"SETTINGS", b";"}:
            break
        last = [*last[-1:], token]
    return text[last[1].start : last[1].end].decode("ascii") if _names_format(last) else None


def _names_format(pair: list[Token]) -> bool:
    return len(pair) == 2 and pair[0].text == b"FORMAT" and pair[1].kind == "word"


def refuse_beyond_reading(text: bytes, table_functions: frozenset[bytes]) -> None:
    """Refuses what a read-only user may not do although the engine's own `readonly` lets it pass.

    That is every statement but a reading one, INTO OUTFILE, and functions among `table_functions` (lower case) that
    reach outside the engine. Raises EngineError 164 or 497.
    """
    if kind_of(text) != "select":
        raise EngineError(164, "READONLY", "Cannot execute query in readonly mode")
    before: Token | None = None
    for token in tokens(text):
        if token.text == b"OUTFILE" and before is not None and before.text == b"INTO":
            raise EngineError(164, "READONLY", "Cannot write files in readonly mode")
        if token.text == b"(" and before is not None and before.kind in {"word", "quoted"}:
            name = before.text.strip(b'`"').lower()
            if name in table_functions and name not in _INNER_FUNCTIONS:
                shown = name.decode("utf-8", "replace")
                raise EngineError(497, "ACCESS_DENIED", f"Not enough privileges: function {shown} is not for readers")
        before = token
