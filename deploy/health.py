"""Asking a part whether it works, without any of its client libraries, so that the supervisor stays small."""

from __future__ import annotations

import asyncio
import struct

from deploy.parts import Health

# FindCoordinator, version 0, correlation id 1, client id "ioc", for a group of the same name. A broker answers it well
# once consumers can join; asking also has it make the topic of committed offsets, so that the first consumer need not
# wait for that.
_FIND_COORDINATOR = struct.pack(">hhih3sh3s", 10, 0, 1, 3, b"ioc", 3, b"ioc")


class Unhealthy(Exception):
    """The part did not answer as it should; the message says how."""


async def ask(health: Health) -> None:
    """Returns when the part answered within its time-out, raises Unhealthy otherwise."""
    if health.kind == "alive":
        return
    asked = _ask_kafka(health) if health.kind == "kafka" else _ask_http(health)
    try:
        await asyncio.wait_for(asked, health.timeout_seconds)
    except TimeoutError as error:
        raise Unhealthy(f"no answer within {health.timeout_seconds:g} s") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        raise Unhealthy(str(error) or type(error).__name__) from error


async def _ask_kafka(health: Health) -> None:
    reader, writer = await asyncio.open_connection(health.host, health.port)
    try:
        writer.write(struct.pack(">i", len(_FIND_COORDINATOR)) + _FIND_COORDINATOR)
        _, correlation, error = struct.unpack(">iih", await reader.readexactly(10))
        if correlation != 1 or error != 0:
            raise Unhealthy(f"it answers, but knows no group coordinator yet (error {error})")
    finally:
        writer.close()


async def _ask_http(health: Health) -> None:
    reader, writer = await asyncio.open_connection(health.host, health.port)
    try:
        request = f"GET {health.path} HTTP/1.1\r\nHost: {health.host}:{health.port}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode("ascii"))
        first = (await reader.readline()).split()
        if len(first) < 2 or first[1] != b"200":
            raise Unhealthy(f"GET {health.path} is answered with {first[1].decode() if len(first) > 1 else 'nothing'}")
    finally:
        writer.close()
