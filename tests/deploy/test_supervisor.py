"""The supervisor with small parts of its own: restarts, health, additions, and nothing left behind."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.control import remove_parts, start_supervisor, stop_supervisor, wait_until_up
from deploy.home import read_state, supervisor_pid
from deploy.parts import Health, Part, PartState, Restart, write_part
from deploy.ports import choose_port
from ioc.errors import IocError

SLEEPER = "import time; print('sleeping', flush=True); time.sleep(600)"
# Answers once, then holds its port and says no more.
FALLS_SILENT = """
import http.server, sys, time
class Once(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'ok'); self.wfile.flush()
        self.close_connection = True
server = http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Once)
server.handle_request()
time.sleep(600)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)\n" + (
    "while True: time.sleep(1)"
)
WITH_CHILD = "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True); sys.stdin.read()\n" + (
    "import time; time.sleep(600)"
)


def python_part(name: str, code: str, *arguments: str, health: Health | None = None, stop: float = 5) -> Part:
    return Part(
        name=name,
        command=(sys.executable, "-c", code, *arguments),
        health=health or Health(kind="alive"),
        restart=Restart(first_seconds=0.05, longest_seconds=0.2),
        stop_seconds=stop,
    )


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def part(home: Path, name: str) -> PartState | None:
    state = read_state(home)
    return next((one for one in state.parts if one.name == name), None) if state else None


def pid(home: Path, name: str) -> int:
    state = part(home, name)
    assert state is not None
    assert state.pid is not None
    return state.pid


def gone(number: int) -> bool:
    """Whether the process has ended; one that only waits to be reaped has."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def content(path: Path) -> bytes:
    """What a log holds; nothing in the instant between two of its files."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def begin(home: Path, *parts: Part) -> subprocess.Popen[bytes]:
    started = start_supervisor(home, parts, {}, attached=True)
    wait_until_up(home, [one.name for one in parts], lambda _: None, started, seconds=20)
    return started


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop_supervisor(tmp_path)


def test_a_killed_part_is_started_again(home: Path) -> None:
    begin(home, python_part("a", SLEEPER), python_part("b", SLEEPER))
    first, other = pid(home, "a"), pid(home, "b")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: (state := part(home, "a")) is not None and state.state == "up" and state.restarts == 1)
    assert pid(home, "a") != first
    assert pid(home, "b") == other


def test_a_part_that_falls_silent_is_started_again(home: Path) -> None:
    port = choose_port("a test", "none", None, [], set())
    health = Health(kind="http", port=port, timeout_seconds=0.3, interval_seconds=0.1, strikes=2)
    begin(home, python_part("web", FALLS_SILENT, str(port), health=health))
    wait_for(lambda: (state := part(home, "web")) is not None and state.restarts >= 1)


def test_a_part_that_cannot_start_is_named_with_its_last_words(home: Path) -> None:
    broken = python_part("broken", "import sys; sys.exit('no such thing as luck')")
    health = Health(kind="http", port=9)
    with pytest.raises(IocError, match=r"broken does not start: it ended with exit code 1.*no such thing as luck"):
        begin(home, Part(name="broken", command=broken.command, health=health, restart=broken.restart))


def test_a_stranger_on_the_port_does_not_answer_for_the_part(home: Path) -> None:
    """Else a stack would take another's broker for its own, and give it its data."""
    stranger = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=stranger.serve_forever, daemon=True)
    thread.start()
    try:
        health = Health(kind="http", port=stranger.server_port)
        with pytest.raises(IocError, match=f"port {stranger.server_port} is taken by another program"):
            begin(home, python_part("web", SLEEPER, health=health))
    finally:
        stranger.shutdown()
        stranger.server_close()


def test_parts_come_and_go_while_it_runs(home: Path) -> None:
    begin(home, python_part("a", SLEEPER))
    write_part(home / "parts", python_part("b", SLEEPER))
    wait_until_up(home, ["a", "b"], lambda _: None)
    first, second = pid(home, "a"), pid(home, "b")
    remove_parts(home, ["b"])
    assert gone(second)
    assert pid(home, "a") == first
    write_part(home / "parts", python_part("a", SLEEPER + " # changed"))
    wait_for(lambda: (state := part(home, "a")) is not None and state.pid not in {None, first})
    assert gone(first)


def test_stopping_leaves_no_process_behind(home: Path) -> None:
    begin(home, python_part("deaf", STUBBORN, stop=0.3), python_part("parent", WITH_CHILD), python_part("a", SLEEPER))
    log = home / "logs" / "parent.log"
    wait_for(lambda: log.exists() and log.read_text().strip().isdigit())
    numbers = [pid(home, name) for name in ("deaf", "parent", "a")] + [int(log.read_text())]
    assert stop_supervisor(home)
    assert all(gone(number) for number in numbers)
    assert supervisor_pid(home) is None
    assert not stop_supervisor(home)


def test_a_killed_supervisor_takes_its_parts_along(home: Path) -> None:
    started = begin(home, python_part("a", SLEEPER), python_part("deaf", STUBBORN))
    numbers = [pid(home, "a"), pid(home, "deaf")]
    started.kill()
    started.wait()
    wait_for(lambda: all(gone(number) for number in numbers))
    assert supervisor_pid(home) is None
    assert read_state(home) is None
    begin(home, python_part("a", SLEEPER))
    assert part(home, "a") is not None


def test_a_supervisor_ends_with_the_one_it_is_bound_to(home: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from deploy.control import start_supervisor, wait_until_up; "
        "from deploy.parts import Part, Health; home = Path(sys.argv[1]); "
        f"part = Part(name='a', command=(sys.executable, '-c', {SLEEPER!r}), health=Health(kind='alive')); "
        "started = start_supervisor(home, [part], {}, attached=True); "
        "wait_until_up(home, ['a'], lambda _: None, started); print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE) as bound:
        assert bound.stdout is not None
        assert bound.stdout.readline() == b"up\n"
        number = pid(home, "a")
        bound.kill()
    wait_for(lambda: supervisor_pid(home) is None)
    assert gone(number)


def test_two_supervisors_never_share_a_directory(home: Path) -> None:
    begin(home, python_part("a", SLEEPER))
    second = subprocess.run([sys.executable, "-m", "deploy.supervise", str(home)], timeout=30)
    assert second.returncode == 3
    assert part(home, "a") is not None


def test_logs_hold_what_parts_say_and_stay_bounded(home: Path) -> None:
    chatter = "for i in range(150000): print('line', i, 'x' * 80, flush=i == 149999)\nimport time; time.sleep(600)"
    begin(home, python_part("a", SLEEPER), python_part("loud", chatter))
    wait_for(lambda: b"sleeping" in content(home / "logs" / "a.log"))
    wait_for(lambda: b"line 149999" in content(home / "logs" / "loud.log"))
    sizes = [path.stat().st_size for path in (home / "logs").glob("loud.log*")]
    assert len(sizes) == 2
    assert max(sizes) <= 6 << 20
