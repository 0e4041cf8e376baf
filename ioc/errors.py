"""Errors a person reads: one sentence that says what happened and what to do."""

from __future__ import annotations


class IocError(Exception):
    """Something the operator can mend. The message is one sentence naming the thing and the remedy.

    `exit_code` is the process exit code: 1 found wrong, 2 bad use or a part that cannot be had.
    """

    exit_code = 2


class FoundWrong(IocError):
    """A check ran to its end and found a difference."""

    exit_code = 1


class Unreachable(IocError):
    """A part (Kafka, ClickHouse, …) does not answer; the message names its address."""
