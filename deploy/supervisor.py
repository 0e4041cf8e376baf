"""The supervisor: keeps the wanted parts running, asks after their health, writes down their state.

It is told what to run by files: `<home>/parts/<name>.json` appears, changes or disappears, and the part is started,
started anew or stopped. It holds `<home>/supervisor.lock` as long as it lives, which is how others know that it does;
a process id alone could be somebody else's by now.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from deploy.health import Unhealthy, ask
from deploy.logs import BoundedLog
from deploy.parts import Part, PartState, SupervisorState, read_parts, write_atomically
from deploy.ports import is_free
from deploy.processes import signal_group, start

_LOOK_SECONDS = 0.2
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class _Kept:
    """A part being kept, by the task that keeps it."""

    part: Part
    state: PartState
    task: asyncio.Task[None]
    stop: asyncio.Event


class Supervisor:
    """Runs in the main thread of its process until told to stop. All its files are under `home`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._parts_directory = home / "parts"
        self._kept: dict[str, _Kept] = {}
        self._state = SupervisorState(pid=os.getpid(), started_at=time.time())
        self._log = BoundedLog(home / "logs" / "supervisor.log")
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Supervises until SIGTERM or SIGINT; every part is stopped when this returns."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._ended.set)
        # A terminal that closes must not take a stack down that was started to stay.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: None)
        self._say(f"supervisor {os.getpid()} for {self._home}")
        try:
            while not self._ended.is_set():
                await self._reconcile()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), _LOOK_SECONDS)
        finally:
            await self._stop([kept for kept in self._kept.values() if not kept.part.base])
            await self._stop(list(self._kept.values()))
            self._say("supervisor stopped")
            self._log.close()

    async def _reconcile(self) -> None:
        wanted = read_parts(self._parts_directory)
        await self._stop([kept for name, kept in self._kept.items() if wanted.get(name) != kept.part])
        for name, part in wanted.items():
            if name not in self._kept:
                state = PartState(name=name, address=part.health.address, since=time.time())
                stop = asyncio.Event()
                self._kept[name] = _Kept(part, state, asyncio.create_task(self._keep(part, state, stop)), stop)
                self._publish()

    async def _stop(self, kept: list[_Kept]) -> None:
        for one in kept:
            one.stop.set()
        for one in kept:
            await one.task
            self._kept.pop(one.part.name, None)
        if kept:
            self._publish()

    async def _keep(self, part: Part, state: PartState, stop: asyncio.Event) -> None:
        """Starts the part again and again until `stop`."""
        delay = part.restart.first_seconds
        log = BoundedLog(self._home / "logs" / f"{part.name}.log")
        try:
            while not stop.is_set():
                began = time.monotonic()
                reason = await self._one_life(part, state, stop, log)
                if stop.is_set():
                    break
                steady = time.monotonic() - began >= part.restart.steady_seconds
                delay = part.restart.first_seconds if steady else min(2 * delay, part.restart.longest_seconds)
                state.restarts += 1
                self._change(state, "restarting", reason)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), delay)
        finally:
            log.close()

    async def _one_life(self, part: Part, state: PartState, stop: asyncio.Event, log: BoundedLog) -> str:
        """From start to end of one process; returns why it ended. The process is gone when this returns."""
        if part.health.kind != "alive" and not is_free(part.health.port, part.health.host):
            # Whoever listens there would answer for the part, and be given its data.
            return f"port {part.health.port} is taken by another program; `ioc down` and `ioc up` choose another"
        reader, writer = os.pipe()
        try:
            process = start(part.command, {**os.environ, **part.environment}, writer, self._home)
        except OSError as error:
            os.close(reader)
            return f"it cannot be started: {error}"
        finally:
            os.close(writer)
        pump = asyncio.create_task(_pump(reader, log))
        state.pid = process.pid
        if state.state != "restarting":
            self._change(state, "starting", "")
        try:
            return await self._watch(part, state, stop, process)
        finally:
            if stop.is_set():
                self._change(state, "stopping", "")
            await _end(process, part.stop_seconds)
            state.pid = None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(pump, 1)

    async def _watch(self, part: Part, state: PartState, stop: asyncio.Event, process: subprocess.Popen[bytes]) -> str:
        deadline = time.monotonic() + part.start_seconds
        strikes, up, next_question = 0, False, 0.0
        while not stop.is_set():
            if process.poll() is not None:
                return f"it ended with {_ending(process.returncode)}"
            if time.monotonic() >= next_question:
                try:
                    await ask(part.health)
                    strikes = 0
                    if not up:
                        up = True
                        self._change(state, "up", "")
                except Unhealthy as error:
                    strikes += up
                    if strikes >= part.health.strikes or (not up and time.monotonic() > deadline):
                        return f"it does not answer: {error}"
                next_question = time.monotonic() + (part.health.interval_seconds if up else 0.1)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _POLL_SECONDS)
        return "stopped"

    def _change(self, state: PartState, to: str, remark: str) -> None:
        state.state, state.remark, state.since = to, remark, time.time()
        self._say(f"{state.name}: {to}{f' ({remark})' if remark else ''} pid={state.pid} restarts={state.restarts}")
        self._publish()

    def _publish(self) -> None:
        self._state.parts = [kept.state for kept in self._kept.values()]
        write_atomically(self._home / "status.json", self._state)

    def _say(self, text: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        self._log.write(f"{stamp} {text}\n".encode())


async def _pump(descriptor: int, log: BoundedLog) -> None:
    """Copies a part's output to its log until every process that holds the pipe has closed it."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        while data := await reader.read(65536):
            log.write(data)
    finally:
        transport.close()


async def _end(process: subprocess.Popen[bytes], grace_seconds: float) -> None:
    """SIGTERM to the part and what it started, SIGKILL after the grace; returns when the part is reaped."""
    deadline = time.monotonic() + grace_seconds
    if process.poll() is None:
        signal_group(process, signal.SIGTERM)
    while process.poll() is None and time.monotonic() < deadline:
        await asyncio.sleep(_POLL_SECONDS)
    # Also after a clean end: a part's own children would otherwise live on.
    signal_group(process, signal.SIGKILL)
    while process.poll() is None:
        await asyncio.sleep(_POLL_SECONDS)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"
