"""Agencies and services of the province: codes brought to one form, and their names.

Two spellings of one body must land in one cell, so the fold brings every code to its canonical form first. The
rules are part of docs/lifecycle.md and are repeated in SQL by `ioc verify`: a change here is a change there.
"""

from __future__ import annotations

import re

# The identification code of a body, as national systems write it: `000.00.12.H60`.
AGENCY_ALIAS = re.compile(r"000\.00\.([0-9]{2,3})\.(H[0-9]{2})")
# A service code with the body that offers it: `2.000815.000.00.00.H60`.
SERVICE_ALIAS = re.compile(r"([0-9]+\.[0-9]+)\.[0-9]{3}\.[0-9]{2}\.[0-9]{2,3}\.H[0-9]{2}")


def canonical_agency(code: str) -> str:
    """`000.00.12.H60` becomes `H60.12`; anything else stays as it is. Idempotent."""
    if not code.startswith("000.00."):
        return code
    match = AGENCY_ALIAS.fullmatch(code)
    return f"{match[2]}.{match[1]}" if match else code


def canonical_service(code: str) -> str:
    """`2.000815.000.00.00.H60` becomes `2.000815`; anything else stays as it is. Idempotent."""
    match = SERVICE_ALIAS.fullmatch(code)
    return match[1] if match else code
