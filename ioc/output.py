"""What commands print: one JSON document on standard output with `--json`, otherwise lines for a person."""

from __future__ import annotations

import sys
from typing import Any

import orjson
from rich.console import Console

# Progress and remarks go to standard error, so that standard output holds the result and nothing else.
REMARKS = Console(stderr=True, highlight=False)


def print_json(document: Any) -> None:
    """Prints `document` as one JSON document and nothing else."""
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n")
    sys.stdout.buffer.flush()
