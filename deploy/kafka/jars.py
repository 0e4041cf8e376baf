"""Kafka's jars: resolved by Maven once into a cache that is whole or absent, and checked before each start.

`<cache>/kafka-<version>/libs/*.jar` with `jars.json` beside them: name, size and SHA-256 of each. The directory is
filled under another name and renamed, so an interrupted resolve leaves nothing that looks complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from deploy.kafka.java import find_maven
from ioc.errors import IocError

POM = Path(__file__).with_name("pom.xml")
_RESOLVE_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Jars:
    """A complete, checked set of jars in `libs`."""

    version: str
    libs: Path

    @property
    def classpath(self) -> str:
        """Every jar by name: a class archive is bound to their order, which `libs/*` would leave to the disk."""
        return ":".join(str(jar) for jar in sorted(self.libs.glob("*.jar")))


def kafka_version() -> str:
    """The version named in pom.xml."""
    found = ElementTree.parse(POM).getroot().find(".//{*}properties/{*}kafka.version")
    if found is None or not found.text:
        raise IocError(f"{POM} names no kafka.version; restore the file.")
    return found.text


def cached_jars(cache: Path) -> Jars | None:
    """The cached set when every jar is there with its recorded size; None otherwise."""
    version = kafka_version()
    directory = cache / f"kafka-{version}"
    try:
        listed = json.loads((directory / "jars.json").read_text("utf-8"))
        # The pom is part of the key: other dependencies of the same Kafka are another set.
        whole = listed["pom"] == _digest(POM) and all(
            (directory / "libs" / jar["name"]).stat().st_size == jar["bytes"] for jar in listed["jars"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Jars(version, directory / "libs") if whole else None


def verify_digests(jars: Jars) -> list[str]:
    """Names of jars whose SHA-256 is not the recorded one; reads all of them, so it is for `ioc doctor`."""
    listed = json.loads((jars.libs.parent / "jars.json").read_text("utf-8"))
    return [jar["name"] for jar in listed["jars"] if _digest(jars.libs / jar["name"]) != jar["sha256"]]


def resolve_jars(cache: Path) -> Jars:
    """The cached set, resolved through Maven when it is absent or incomplete (about 45 MB, minutes at worst).

    Raises IocError when Maven is missing or fails, or the cache cannot be written.
    """
    ready = cached_jars(cache)
    if ready is not None:
        return ready
    maven = find_maven()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".kafka-", dir=cache))
    except OSError as error:
        raise IocError(f"The cache {cache} cannot be written ({error.strerror}); set XDG_CACHE_HOME.") from error
    try:
        _copy_dependencies(maven, draft / "libs")
        _record(draft)
        directory = cache / f"kafka-{kafka_version()}"
        shutil.rmtree(directory, ignore_errors=True)
        try:
            draft.rename(directory)
        except OSError as error:
            # Another process resolved the same set in the meantime; its own is as good.
            if cached_jars(cache) is None:
                raise IocError(f"{directory} cannot be put in place ({error.strerror}); remove it.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    ready = cached_jars(cache)
    if ready is None:
        raise IocError(f"Kafka's jars in {cache} are not complete after resolving; remove it and try again.")
    return ready


def _copy_dependencies(maven: str, libs: Path) -> None:
    command = [maven, "-B", "-q", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={libs}"]
    try:
        done = subprocess.run(
            [*command, "-DincludeScope=runtime"], capture_output=True, text=True, timeout=_RESOLVE_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise IocError(
            f"Maven did not resolve Kafka within {_RESOLVE_SECONDS // 60} minutes; check the network and try again."
        ) from error
    if done.returncode != 0 or not any(libs.glob("kafka_2.13-*.jar")):
        told = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
        reason = told[0].replace("[ERROR]", "").strip()[:300] if told else f"exit code {done.returncode}"
        raise IocError(f"Maven could not resolve Kafka: {reason} - check the network or a mirror in settings.xml.")


def _record(draft: Path) -> None:
    jars = [
        {"name": jar.name, "bytes": jar.stat().st_size, "sha256": _digest(jar)}
        for jar in sorted((draft / "libs").glob("*.jar"))
    ]
    with (draft / "jars.json").open("w", encoding="utf-8") as file:
        json.dump({"pom": _digest(POM), "jars": jars}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
