"""Texts as instants, by the formats and the zone that a mapping file names."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


class MomentReader:
    """Reads a text by the first format that fits: `iso`, `epoch_ms`, or a pattern of strptime.

    A text without an offset is in `zone`; of an hour that occurs twice the first is meant, and a time within a skipped
    hour moves forward, as the zone's rules have it.
    """

    def __init__(self, formats: list[str], zone: str) -> None:
        self._formats = list(formats)
        self._zone = ZoneInfo(zone)

    def read(self, text: str) -> datetime:
        """The instant in UTC. Raises ValueError saying what was tried."""
        for pattern in self._formats:
            moment = self._try(text, pattern)
            if moment is not None:
                return moment
        raise ValueError(f"{text!r} fits no time format ({', '.join(self._formats)})")

    def _try(self, text: str, pattern: str) -> datetime | None:
        try:
            if pattern == "iso":
                moment = datetime.fromisoformat(text)
            elif pattern == "epoch_ms":
                moment = datetime.fromtimestamp(int(text) / 1000, UTC)
            else:
                moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is put in below
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=self._zone)
            return moment.astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            return None
