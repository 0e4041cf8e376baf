"""Runs a coroutine on an event loop of its own, also while Playwright's runs in the thread of the test."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run_alone(coroutine: Coroutine[Any, Any, None]) -> None:
    """Runs `coroutine` to its end; raises what it raises."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()
