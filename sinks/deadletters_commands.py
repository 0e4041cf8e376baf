"""`ioc deadletters list|show|retry`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from ioc.errors import IocError
from ioc.facts import REASONS
from ioc.output import REMARKS, print_json
from ioc.settings import Settings, load_settings
from sinks import deadletters as letters
from sinks.client import Client, Role, connect, guarded

deadletters = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="List, show and retry what was refused.",
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Partition = Annotated[int, typer.Argument(help="Kafka partition.")]
Offset = Annotated[int, typer.Argument(help="Kafka offset.")]
Topic = Annotated[str | None, typer.Option(help="Topic; the case topic otherwise.")]
Got = TypeVar("Got")


def _with_client(settings: Settings, role: Role, action: Callable[[Client], Got]) -> Got:
    def run() -> Got:
        with connect(settings.clickhouse, role) as client:
            return action(client)

    return guarded(run, settings.clickhouse, role)


@deadletters.command("list")
def list_(
    reason: Annotated[str | None, typer.Option(help=f"One of {', '.join(REASONS)}.")] = None,
    partition: Annotated[int | None, typer.Option(help="Only this Kafka partition.")] = None,
    pending: Annotated[bool, typer.Option("--pending", help="Only those not sent again.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, the newest first.")] = 50,
    json: Json = False,
) -> None:
    """Counts by reason, and the newest dead letters that fit."""
    settings = load_settings()

    def read(client: Client) -> tuple[dict[str, dict[str, int]], list[letters.DeadLetter]]:
        found = letters.listed(client, reason=reason, partition=partition, pending=pending, limit=limit)
        return letters.counts(client), found

    by_reason, found = _with_client(settings, "reader", read)
    if json:
        print_json({"reasons": by_reason, "deadletters": [one.document() for one in found]})
        return
    console = Console()
    console.print(_reasons(by_reason))
    console.print(_letters(found))


def _reasons(by_reason: dict[str, dict[str, int]]) -> Table:
    table = Table("Reason", "Meaning")
    table.add_column("Count", justify="right")
    table.add_column("Sent again", justify="right")
    for reason, numbers in by_reason.items():
        table.add_row(reason, REASONS.get(reason, ""), str(numbers["count"]), str(numbers["retried"]))
    return table


def _letters(found: list[letters.DeadLetter]) -> Table:
    table = Table("Partition", "Offset", "Reason", "Detail", "Record", "Sent again")
    for one in found:
        told = one.document()
        table.add_row(
            str(one.partition),
            str(one.offset),
            one.reason,
            one.detail[:60],
            told["raw"][:60],
            "" if one.retried_at is None else f"{one.retried_at:%Y-%m-%d %H:%M} UTC",
        )
    return table


@deadletters.command()
def show(partition: Partition, offset: Offset, topic: Topic = None, json: Json = False) -> None:
    """One dead letter in full."""
    settings = load_settings()
    letter = _with_client(
        settings, "reader", lambda client: letters.found(client, partition, offset, topic or settings.case_topic)
    )
    told: dict[str, Any] = letter.document()
    if json:
        print_json(told)
        return
    for name, value in told.items():
        print(f"{name}: {value}")


@deadletters.command()
def retry(
    partition: Partition,
    offset: Offset,
    topic: Topic = None,
    edit: Annotated[Path | None, typer.Option(help="File with the corrected record; the original otherwise.")] = None,
    key: Annotated[str | None, typer.Option(help="Another key than the record's own.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Send it even if it would be refused again.")] = False,
    json: Json = False,
) -> None:
    """Send one dead letter again; the original stays where it is."""
    settings = load_settings()
    edited = None if edit is None else _file(edit)

    def send(client: Client) -> tuple[int, int]:
        letter = letters.found(client, partition, offset, topic or settings.case_topic)
        new_key = None if key is None else key.encode()
        return letters.retry(client, settings, letter, edited=edited, key=new_key, force=force)

    new_partition, new_offset = _with_client(settings, "writer", send)
    if json:
        print_json({"partition": new_partition, "offset": new_offset})
    else:
        REMARKS.print(f"sent again: partition {new_partition}, offset {new_offset}")


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise IocError(f"{path} cannot be read ({error.strerror}); name a file with the corrected record.") from error
