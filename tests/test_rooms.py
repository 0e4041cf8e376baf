"""The rooms and who may import whom, as docs and DESIGN have it: the contract in the middle, no circles."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED: dict[str, set[str]] = {
    "ioc": set(),
    "sinks": {"ioc"},
    "streams": {"ioc", "sinks"},
    "producers": {"ioc", "sinks"},
    "dashboards": {"ioc", "sinks"},
    "deploy": {"ioc"},
}
ROOMS = set(ALLOWED) | {"benchmarks", "tests"}
# Pure rooms of the fold: no I/O, no clock, no Kafka, no ClickHouse.
PURE = [
    "streams/steps.py",
    "streams/lifecycle.py",
    "streams/stocks.py",
    "streams/partition.py",
    "streams/dimensions.py",
    "ioc/facts.py",
]
IMPURE = {
    "time",
    "socket",
    "asyncio",
    "threading",
    "subprocess",
    "faust",
    "kafka",
    "clickhouse_connect",
    "os",
    "random",
}


def imported(path: Path) -> set[str]:
    """First parts of the names a module imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_stands_before_it(room: str) -> None:
    modules = list((ROOT / room).rglob("*.py"))
    assert modules
    for path in modules:
        strange = imported(path) & ROOMS - ALLOWED[room] - {room}
        assert not strange, f"{path.relative_to(ROOT)} imports {strange}"


@pytest.mark.parametrize("module", PURE)
def test_the_centre_is_pure(module: str) -> None:
    assert not imported(ROOT / module) & IMPURE


def test_only_settings_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for room in ALLOWED
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    }
    # The command line sets IOC_LANG from --lang; what starts processes passes the environment on.
    passing_on = {name for name in readers if name.startswith("deploy/")}
    assert readers - passing_on <= {"ioc/settings.py", "ioc/cli.py"}


def test_nothing_names_this_machine() -> None:
    """No registry host, no path of a machine, in anything that is committed."""
    forbidden = ["/work/" + "main", "/work/" + ".library", "pypi" + ".org/simple", "repo" + ".maven.apache.org"]
    for path in ROOT.rglob("*"):
        relative = path.relative_to(ROOT)
        if path.is_dir() or relative.parts[0].startswith(".") or path.suffix in {".png", ".pyc"}:
            continue
        text = path.read_text("utf-8", errors="ignore")
        assert not [one for one in forbidden if one in text], relative
