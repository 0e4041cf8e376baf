"""The command `ioc`: a table of commands, each imported only when it is called.

A room's command is an ordinary function with typer annotations; the table below names it. Errors of the kind
IocError become one sentence on standard error and the error's exit code; anything else is a defect and shows.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, cast

import click
import typer
from typer.exceptions import TyperException
from typer.main import get_command

from ioc.errors import IocError

# name -> (module:function or module:app, one line of help)
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("deploy.commands:up", "Start the local stack (Kafka, store) and keep it running."),
    "down": ("deploy.commands:down", "Stop the local stack and everything started with it."),
    "status": ("deploy.commands:status", "List the parts with address, state and age."),
    "doctor": ("deploy.commands:doctor", "Check what this machine needs and say what is missing."),
    "demo": ("deploy.demo:demo", "Stack, worker, a live simulated province and the wall, with one command."),
    "worker": ("streams.commands:worker", "Run a worker: Kafka to ClickHouse."),
    "simulate": ("producers.commands:simulate", "Produce a simulated province's events."),
    "import": ("producers.commands:import_", "Import a file through a mapping file."),
    "query": ("sinks.commands:query", "One indicator, by agency, service or channel, as of now or a tick."),
    "verify": ("sinks.commands:verify", "Recompute every cell and case from the raw events; exit 1 on a difference."),
    "deadletters": ("sinks.commands:deadletters", "List, show and retry refused records."),
    "schema": ("sinks.commands:schema", "Migrate the ClickHouse schema, or show its state."),
    "contract": ("ioc.contract_command:contract", "Write the AsyncAPI document and JSON Schemas of the events."),
    "wall": ("dashboards.commands:wall", "Serve the wall in a browser."),
    "bench": ("benchmarks.commands:bench", "Measure throughput or freshness."),
}


class LazyGroup(click.Group):
    """Lists commands without importing them; imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        target, summary = COMMANDS[cmd_name]
        module_name, attribute = target.split(":")
        loaded = getattr(import_module(module_name), attribute)
        if not isinstance(loaded, typer.Typer):
            app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            app.command(name=cmd_name, help=summary)(loaded)
            loaded = app
        # Typer's command is of its own copy of click: alike, but not the same class.
        command: Any = get_command(loaded)
        command.name = cmd_name
        return cast(click.Command, command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--lang", type=click.Choice(["vi", "en"]), default=None, help="Language of output; IOC_LANG otherwise.")
@click.version_option(package_name="ioc-metrics")
def root(lang: str | None) -> None:
    """Metrics backend of an executive operations centre."""
    if lang:
        os.environ["IOC_LANG"] = lang


def main() -> None:
    """Entry point of the `ioc` command; exit codes 0 done, 1 found wrong, 2 bad use, 130 interrupted."""
    try:
        result = root.main(prog_name="ioc", standalone_mode=False)
    except IocError as error:
        print(f"ioc: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    # Typer carries its own copy of click, so each ending comes in two kinds.
    except (click.exceptions.Exit, typer.Exit) as stop:
        sys.exit(stop.exit_code)
    except (click.Abort, typer.Abort):
        sys.exit(130)
    except TyperException as wrong:
        if wrong.format_message():
            print(f"ioc: {wrong.format_message()} See `ioc COMMAND --help`.", file=sys.stderr)
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(result if isinstance(result, int) else 0)
