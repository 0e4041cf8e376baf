"""The room's commands, as the command line's table names them."""

from __future__ import annotations

from sinks.schema_commands import schema
from sinks.verify_command import verify

__all__ = ["schema", "verify"]
