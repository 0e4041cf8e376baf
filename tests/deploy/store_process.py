"""A store process of a test's own: started, killed and started again on the same directory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import clickhouse_connect

from deploy.ports import choose_port
from deploy.processes import dies_with_parent


class StoreProcess:
    """`python -m deploy.store` on `home`; `client` gives clickhouse-connect's ordinary client."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = choose_port("a test's store", "none", None, [], set())
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def password(self, user: str) -> str:
        return str(json.loads((self.home / "passwords.json").read_text("utf-8"))[user])

    def start(self) -> None:
        """Returns when the engine answers."""
        with (self.home / "store.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.store", "--home", str(self.home), "--port", str(self.port)],
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=dies_with_parent(os.getpid()),
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                assert self.process.poll() is None, (self.home / "store.log").read_text("utf-8")
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Sends `number` and gives the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def client(self, user: str = "ioc", **options: Any) -> Any:
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, username=user, password=self.password(user), **options
        )
