"""`ioc wall`: serve the wall, or take a picture of a running one."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from ioc.errors import IocError
from ioc.output import print_json
from ioc.settings import load_settings


def wall(
    port: Annotated[
        int | None, typer.Option(help="Port; by default the usual one, or a free one when that is taken.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for screens elsewhere.")] = "127.0.0.1",
    json: Annotated[bool, typer.Option("--json", help="Print the address as one JSON document.")] = False,
    picture: Annotated[Path | None, typer.Option(hidden=True, help="Save a picture of the running wall here.")] = None,
    size: Annotated[str, typer.Option(hidden=True, help="Size of the picture.")] = "1920x1080",
    theme: Annotated[str, typer.Option(hidden=True, help="Theme of the picture: dark or light.")] = "dark",
) -> None:
    """Serves until SIGTERM or Ctrl-C; the address is also `wall` in the state directory's endpoints.json."""
    settings = load_settings()
    if picture is not None:
        from dashboards.pictures import take

        taken = take(settings, picture, size, theme)
        if json:
            print_json({"picture": str(taken)})
        else:
            print(taken)
        return
    try:
        from dashboards.server import Show, WallServer
    except ModuleNotFoundError as error:
        raise IocError(f"{error.name} is not installed; install ioc-metrics with its extra `wall`.") from error
    from dashboards.address import listen, publish, url_of, withdraw
    from dashboards.source import ClickHouseSource
    from ioc.directory import load_directory

    # uvicorn ends in order and then raises the signal anew: as an exit, so that the address is withdrawn.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sock = listen(host, port)
    url = url_of(sock)

    def ready() -> None:
        publish(settings.home, url)
        if json:
            print_json({"wall": url})
        else:
            print(url, flush=True)

    try:
        WallServer(Show(ClickHouseSource(load_settings), load_directory(), settings.lang, ready)).run(sock)
    finally:
        withdraw(settings.home, url)
