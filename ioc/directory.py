"""Agencies and services of the province: codes brought to one form, and their names.

Two spellings of one body must land in one cell, so the fold brings every code to its canonical form first. The
rules are part of docs/lifecycle.md and are repeated in SQL by `ioc verify`: a change here is a change there.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from ioc.errors import IocError
from ioc.measures import UNKNOWN

# The identification code of a body, as national systems write it: `000.00.12.H60`.
AGENCY_ALIAS = re.compile(r"000\.00\.([0-9]{2,3})\.(H[0-9]{2})")
# A service code with the body that offers it: `2.000815.000.00.00.H60`.
SERVICE_ALIAS = re.compile(r"([0-9]+\.[0-9]+)\.[0-9]{3}\.[0-9]{2}\.[0-9]{2,3}\.H[0-9]{2}")

Level = Literal["province", "department", "commune"]


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


@dataclass(frozen=True, slots=True)
class Agency:
    """A body. `unit_code` is the national commune code, empty for a department; `parent` is empty for the province."""

    id: str
    name_vi: str
    name_en: str
    level: Level
    parent: str
    unit_code: str

    def name(self, lang: str) -> str:
        return self.name_en if lang == "en" and self.name_en else self.name_vi


@dataclass(frozen=True, slots=True)
class Service:
    """A procedure. `days` is its time limit in working days, None where the catalogue states none in that unit.

    `agency` is the department that handles a provincial procedure; empty for communal ones and where any may.
    """

    code: str
    name_vi: str
    level: Literal["province", "commune"]
    field: str
    days: int | None
    agency: str


@dataclass(frozen=True, slots=True)
class Directory:
    """Agencies by id and services by code; look-ups take any spelling of a code."""

    agencies: Mapping[str, Agency]
    services: Mapping[str, Service]

    def agency(self, code: str) -> Agency | None:
        return self.agencies.get(canonical_agency(code))

    def service(self, code: str) -> Service | None:
        return self.services.get(canonical_service(code))

    def agency_label(self, code: str, lang: str = "vi") -> str:
        """A name to show; a code the directory does not know is shown as such, never dropped."""
        found = self.agency(code)
        return found.name(lang) if found else _unlisted(code, lang)

    def service_label(self, code: str, lang: str = "vi") -> str:
        """As `agency_label`; procedure names exist in Vietnamese only."""
        found = self.service(code)
        return found.name_vi if found else _unlisted(code, lang)


def _unlisted(code: str, lang: str) -> str:
    if code == UNKNOWN:
        return "Not stated" if lang == "en" else "Không rõ"
    return f"{code} ({'not in the directory' if lang == 'en' else 'chưa có trong danh mục'})"


def _rows(name: str, folder: Path | None) -> list[dict[str, str]]:
    source = (folder or files("ioc").joinpath("data")).joinpath(name)
    try:
        text = source.read_text("utf-8")
    except OSError as error:
        raise IocError(f"{source} cannot be read ({error.strerror}); install the package anew.") from error
    return list(csv.DictReader(text.splitlines()))


def load_directory(folder: Path | None = None) -> Directory:
    """Reads `agencies.csv` and `services.csv` of `folder`, or those shipped with the package.

    Reads on every call: a caller that needs it often keeps the result. Raises IocError for a missing or wrong file.
    """
    try:
        agencies = [Agency(**row) for row in _rows("agencies.csv", folder)]  # type: ignore[arg-type]
        services = [
            Service(**{**row, "days": int(row["days"]) if row["days"] else None})  # type: ignore[arg-type]
            for row in _rows("services.csv", folder)
        ]
    except (TypeError, KeyError, ValueError) as error:
        raise IocError(f"The directory's files do not have the expected columns ({error}); see ioc/data.") from error
    return Directory({one.id: one for one in agencies}, {one.code: one for one in services})
