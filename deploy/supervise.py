"""`python -m deploy.supervise HOME`: the supervisor's process, started by `ioc up`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from deploy.home import hold_supervisor_lock, release_endpoints
from deploy.supervisor import Supervisor


def main() -> int:
    """Exit code 0 after a stop, 3 when another supervisor holds this state directory."""
    home = Path(sys.argv[1])
    with hold_supervisor_lock(home) as held:
        if not held:
            return 3
        asyncio.run(_run(home))
        release_endpoints(home)
    return 0


async def _run(home: Path) -> None:
    await Supervisor(home).run()


if __name__ == "__main__":
    sys.exit(main())
