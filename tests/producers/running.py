"""Runs a command's function as the command line does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.testing import CliRunner


def run_command(function: Callable[..., Any], *arguments: str) -> Any:
    """The result: exit_code, stdout and exception."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(function)
    return CliRunner().invoke(app, list(arguments))
