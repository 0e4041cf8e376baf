"""The room's commands, as the command line's table names them."""

from __future__ import annotations

from sinks.deadletters_commands import deadletters
from sinks.query_command import query
from sinks.schema_commands import schema
from sinks.verify_command import verify

__all__ = ["deadletters", "query", "schema", "verify"]
