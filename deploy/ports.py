"""Free ports on loopback for the local stack's parts."""

from __future__ import annotations

import random
import socket

from ioc.errors import IocError

# Below the range the kernel takes outgoing ports from: a client that reconnects to a part being restarted would
# otherwise now and then be given the part's own port, and keep it.
_RANGE = range(20000, 32000)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port with only closed connections lingering on it is free to a server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose_port(part: str, variable: str, fixed: int | None, preferred: list[int], taken: set[int]) -> int:
    """The port fixed by an operator, else the first free of `preferred`, else any free one; adds it to `taken`.

    Raises IocError when the fixed port is in use.
    """
    if fixed is not None:
        if not is_free(fixed) or fixed in taken:
            raise IocError(f"Port {fixed} for {part} ({variable}) is taken; free it or name another one.")
        candidates = [fixed]
    else:
        candidates = [*preferred, *random.sample(_RANGE, 200)]
    for port in candidates:
        if port not in taken and is_free(port):
            taken.add(port)
            return port
    raise IocError(f"No free port was found for {part}; name one with {variable}.")
