"""Java and Maven on this machine, found and checked, with one sentence each when they are not there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from ioc.errors import IocError

NEEDED_JAVA = 17


def find_java(java_home: str | None) -> str:
    """Path of a `java` of version 17 or newer, from JAVA_HOME first; raises IocError when there is none."""
    named = Path(java_home) / "bin" / "java" if java_home else None
    if named is not None and not named.is_file():
        raise IocError(f"JAVA_HOME={java_home} holds no bin/java; point it at a Java {NEEDED_JAVA} or unset it.")
    java = str(named) if named else shutil.which("java")
    if java is None:
        raise IocError(
            f"Java is not installed; install Java {NEEDED_JAVA} or newer (Debian: openjdk-17-jre-headless), or set "
            "IOC_KAFKA to a running cluster."
        )
    version = java_version(java)
    if version < NEEDED_JAVA:
        raise IocError(
            f"{java} is Java {version}, Kafka needs {NEEDED_JAVA} or newer; install it and set JAVA_HOME, or set "
            "IOC_KAFKA to a running cluster."
        )
    return java


def java_version(java: str) -> int:
    """Major version that `java` reports (8 for 1.8); raises IocError when it does not run."""
    try:
        shown = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise IocError(f"{java} does not run ({error}); install Java {NEEDED_JAVA} or set JAVA_HOME.") from error
    match = re.search(r'version "(\d+)(?:\.(\d+))?', shown.stderr + shown.stdout)
    if match is None:
        raise IocError(f"{java} does not tell its version; install Java {NEEDED_JAVA} or set JAVA_HOME.")
    major, minor = int(match.group(1)), int(match.group(2) or 0)
    return minor if major == 1 else major


def find_maven() -> str:
    """Path of `mvn`; raises IocError when it is not installed."""
    maven = shutil.which("mvn")
    if maven is None:
        raise IocError(
            "Maven (mvn) is not installed and Kafka's jars are not cached yet; install it (Debian: maven), or set "
            "IOC_KAFKA to a running cluster."
        )
    return maven
