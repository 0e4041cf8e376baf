"""How often things happen in a simulated province."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shares:
    """How often things happen, of the cases they can happen to."""

    online: float = 0.68
    postal: float = 0.02
    no_channel: float = 0.03
    no_submission: float = 0.05
    agency_told_late: float = 0.03
    alias_codes: float = 0.10
    refused: float = 0.025
    withdrawn_early: float = 0.008
    no_due: float = 0.03
    due_at_submission: float = 0.30
    synced: float = 0.90
    digitised: float = 0.55
    payment: float = 0.75
    paid_online: float = 0.55
    gateway_failure: float = 0.06
    supplement: float = 0.09
    paused: float = 0.015
    transferred: float = 0.02
    rescheduled: float = 0.03
    withdrawn_late: float = 0.006
    never_finished: float = 0.02
    late: float = 0.09
    early: float = 0.62
    e_result: float = 0.65
    returned: float = 0.85
    rated: float = 0.18
    satisfied: float = 0.94
    after_end: float = 0.008
    accepted_after_end: float = 0.002
