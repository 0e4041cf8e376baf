"""`python -m deploy.store --home DIR --port N`: the store process, started and watched by the supervisor."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from aiohttp import web

from deploy.store.engine import Engine
from deploy.store.http import StoreServer
from deploy.store.users import ensure_passwords
from ioc.errors import IocError

# A statement's columns travel in the URL of an insert, so a wide table's line is far longer than a browser's.
_LINE_LIMIT = 1 << 20


async def serve(home: Path, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT; running statements then get a few seconds to end before they are killed."""
    engine = Engine(home / "store")
    server = StoreServer(engine, ensure_passwords(home / "passwords.json"))
    runner = web.AppRunner(
        server.application(),
        access_log=None,
        handler_cancellation=True,
        auto_decompress=False,
        max_line_size=_LINE_LIMIT,
        max_field_size=_LINE_LIMIT,
        shutdown_timeout=1,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise IocError(f"The store cannot listen on {host}:{port} ({error.strerror}); free that port.") from error
    print(f"store: ClickHouse {engine.version} on http://{host}:{port}, data in {home / 'store'}", flush=True)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    await server.drain()
    await runner.cleanup()
    await asyncio.to_thread(engine.close)
    print("store: stopped", flush=True)


def main() -> int:
    """Exit code 0 after a stop, 2 when the store cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m deploy.store")
    parser.add_argument("--home", type=Path, required=True, help="state directory, as IOC_HOME")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    try:
        asyncio.run(serve(options.home.absolute(), options.host, options.port))
    except IocError as error:
        print(f"store: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
