"""The commands `ioc simulate` and `ioc import`."""

from __future__ import annotations

from producers.import_command import import_
from producers.simulate_command import simulate

__all__ = ["import_", "simulate"]
