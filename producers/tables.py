"""CSV files read row by row, plain or compressed, in memory that does not grow with the file."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import zstandard

from ioc.errors import IocError


class Row(NamedTuple):
    """A row by column name. `number` counts data rows from 1, `line` is where it ends in the file.

    `fault` says why the row could not be read; its fields are then empty.
    """

    number: int
    line: int
    fields: dict[str, str]
    fault: str | None


def _binary(path: Path) -> IO[bytes]:
    try:
        if path.suffix == ".gz":
            return cast("IO[bytes]", gzip.open(path, "rb"))
        if path.suffix == ".zst":
            return cast("IO[bytes]", zstandard.open(path, "rb"))
        return path.open("rb")
    except OSError as error:
        raise IocError(f"{path} cannot be read ({error.strerror}); name a CSV file, plain, .gz or .zst.") from error


@contextmanager
def read_table(path: Path, delimiter: str, encoding: str) -> Iterator[tuple[list[str], Iterator[Row]]]:
    """The header and the rows. Raises IocError where the file as a whole cannot be read."""
    # Bytes that are no text in the encoding come through as lone surrogates, so that only their row is refused.
    with _binary(path) as raw, io.TextIOWrapper(raw, encoding, errors="surrogateescape", newline="") as text:
        reader = csv.reader(text, delimiter=delimiter)
        try:
            header = next(reader, None)
        except (OSError, EOFError, zlib.error, zstandard.ZstdError, csv.Error) as error:
            raise _unreadable(path, error) from error
        if not header:
            raise IocError(f"{path} is empty; name a CSV file with a header row.")
        yield header, _rows(path, reader, header)


def _rows(path: Path, reader: Any, header: list[str]) -> Iterator[Row]:
    number = 0
    while True:
        try:
            values = next(reader, None)
        except csv.Error as error:
            number += 1
            yield Row(number, reader.line_num, {}, f"is not CSV: {error}")
            continue
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
            raise _unreadable(path, error) from error
        if values is None:
            return
        if not values:
            continue
        number += 1
        if len(values) != len(header):
            yield Row(number, reader.line_num, {}, f"has {len(values)} columns, the header has {len(header)}")
        elif any(not value.isprintable() and _broken(value) for value in values):
            yield Row(number, reader.line_num, {}, "holds bytes that are no text in the mapping's encoding")
        else:
            yield Row(number, reader.line_num, dict(zip(header, values, strict=True)), None)


def _broken(value: str) -> bool:
    return any("\udc80" <= one <= "\udcff" for one in value)


def _unreadable(path: Path, error: BaseException) -> IocError:
    return IocError(f"{path} is damaged or not compressed as its name says ({error}); get the file again.")
