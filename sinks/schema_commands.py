"""`ioc schema migrate` and `ioc schema status`."""

from __future__ import annotations

from typing import Annotated

import typer

from ioc.output import REMARKS, print_json
from ioc.settings import load_settings

schema = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True, help="The ClickHouse schema and topic."
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@schema.command()
def migrate(
    json: Json = False,
    no_topics: Annotated[bool, typer.Option("--no-topics", help="Leave Kafka alone.")] = False,
) -> None:
    """Create the database and the case topic, apply what is pending; harmless to run again."""
    from sinks.schema import migrate as run
    from sinks.topics import ensure_topic

    settings = load_settings()
    applied = run(settings.clickhouse)
    topic = None if no_topics else ensure_topic(settings)
    if json:
        made = None if topic is None else {"name": topic.name, "id": topic.id, "partitions": topic.partitions}
        print_json({"database": settings.clickhouse.database, "applied": [one.name for one in applied], "topic": made})
        return
    for one in applied:
        REMARKS.print(f"applied {one.name}")
    REMARKS.print(f"database {settings.clickhouse.database} is up to date")
    if topic is not None:
        REMARKS.print(f"topic {topic.name}: {topic.partitions} partitions")


@schema.command()
def status(json: Json = False) -> None:
    """Which migrations are applied and pending; changes nothing."""
    from sinks.schema import status as run

    found = run(load_settings().clickhouse)
    if json:
        print_json({"database": found.database, "applied": found.applied, "pending": found.pending})
        return
    applied = ", ".join(f"{number:04d}" for number in found.applied) or "none"
    pending = ", ".join(f"{number:04d}" for number in found.pending) or "none"
    print(f"{found.database}: applied {applied}; pending {pending}")
