"""Who asks: the two users of the store and their passwords in `<home>/passwords.json`, mode 0600."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.store.errors import EngineError

WRITER = "ioc"
READER = "ioc_reader"


@dataclass(frozen=True, slots=True)
class User:
    """A user who has shown the right password; `reader` may read and change settings, nothing else."""

    name: str
    reader: bool


def ensure_passwords(path: Path) -> dict[str, str]:
    """Passwords by user, generated at first and kept; the file is only for its owner (mode 0600)."""
    if path.exists():
        loaded = json.loads(path.read_text("utf-8"))
        os.chmod(path, 0o600)
        if isinstance(loaded, dict) and {WRITER, READER} <= loaded.keys():
            return {str(name): str(word) for name, word in loaded.items()}
    words = {WRITER: secrets.token_urlsafe(24), READER: secrets.token_urlsafe(24)}
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(words, file)
    draft.replace(path)
    return words


def _named(headers: Mapping[str, str], parameters: Mapping[str, str]) -> tuple[str, str]:
    if "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        return headers.get("X-ClickHouse-User", "default"), headers.get("X-ClickHouse-Key", "")
    given = headers.get("Authorization", "")
    if given.lower().startswith("basic "):
        try:
            name, _, word = base64.b64decode(given[6:]).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise EngineError(516, "AUTHENTICATION_FAILED", "Invalid HTTP Basic authentication header") from error
        return name, word
    return parameters.get("user", "default"), parameters.get("password", "")


def authenticate(passwords: Mapping[str, str], headers: Mapping[str, str], parameters: Mapping[str, str]) -> User:
    """The user named by ClickHouse's headers, HTTP Basic or URL parameters; raises EngineError 516 otherwise."""
    name, word = _named(headers, parameters)
    expected = passwords.get(name)
    # Compared even for an unknown name, so that the time taken tells nothing about which names exist.
    matches = hmac.compare_digest((expected or secrets.token_urlsafe(24)).encode(), word.encode())
    if expected is None or not matches:
        raise EngineError(
            516,
            "AUTHENTICATION_FAILED",
            f"{name}: Authentication failed: password is incorrect, or there is no user with such name.",
        )
    return User(name, reader=name == READER)
