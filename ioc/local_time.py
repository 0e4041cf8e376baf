"""Local time is Asia/Ho_Chi_Minh in every window, label and deadline: UTC+7, no summer time since 1975."""

from __future__ import annotations

from zoneinfo import ZoneInfo

LOCAL_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_OFFSET_MS = 7 * HOUR_MS


def hour_of(time: int) -> int:
    """Hours since 1970 UTC of the local hour that holds `time` (ms). The offset is whole hours, so both begin alike."""
    return time // HOUR_MS


def day_of(time: int) -> int:
    """Local days since 1 January 1970 of `time` (ms since 1970 UTC)."""
    return (time + _OFFSET_MS) // DAY_MS
