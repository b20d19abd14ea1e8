"""Child processes: each in its own group, its output kept and passed on, known to the reaper until it ended."""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from local.stack import reaper

STOP_SECONDS = 8.0  # the functions host itself waits 5 s for what runs
_KEPT_LINES = 25


class Reaper:
    """The process that stops our children if we cannot."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> "Reaper":
        command = (sys.executable, "-I", "-S", reaper.__file__)
        return cls(
            await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, start_new_session=True)
        )

    async def tell(self, sign: str, group: int) -> None:
        """The reaper knows (`+`) or forgets (`-`) this group."""
        assert self._process.stdin is not None
        with suppress(ConnectionError):
            self._process.stdin.write(f"{sign}{group}\n".encode())
            await self._process.stdin.drain()

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


class Child:
    def __init__(self, name: str, process: asyncio.subprocess.Process, echo_as: str | None, reaper_: Reaper) -> None:
        self.name = name
        self._process = process
        self._reaper = reaper_
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._reading = asyncio.create_task(self._read(echo_as))

    @classmethod
    async def start(
        cls,
        name: str,
        command: tuple[str, ...],
        environ: Mapping[str, str],
        cwd: Path,
        echo_as: str | None,
        reaper_: Reaper,
    ) -> "Child":
        """The process runs. Its output goes to our stdout after `echo_as`, or nowhere when that is None."""
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environ),
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        await reaper_.tell("+", process.pid)
        return cls(name, process, echo_as, reaper_)

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    async def ended(self) -> None:
        """The process has ended by itself."""
        await self._process.wait()

    async def last_words(self) -> str:
        """How it ended and what it said last."""
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._reading), 1)
        code = self._process.returncode
        end = f"was ended by signal {-code}" if code is not None and code < 0 else f"stopped with exit code {code}"
        lines = "\n".join(f"    {line}" for line in self._last_lines)
        return f"The {self.name} {end}. Its last lines:\n{lines or '    (none)'}"

    async def stop(self) -> None:
        """Neither the process nor anything it started is left."""
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            print(f"The {self.name} did not stop within {STOP_SECONDS:.0f} s and was killed.", file=sys.stderr)
        self._signal(signal.SIGKILL)
        await self._process.wait()
        await self._reaper.tell("-", self._process.pid)
        await self._reading

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def _read(self, echo_as: str | None) -> None:
        assert self._process.stdout is not None
        rest = b""
        while chunk := await self._process.stdout.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._take(line.decode(errors="replace").rstrip(), echo_as)
        if rest:
            self._take(rest.decode(errors="replace").rstrip(), echo_as)

    def _take(self, line: str, echo_as: str | None) -> None:
        self._last_lines.append(line)
        if echo_as is not None:
            with suppress(OSError):  # nobody reads our output any more; the parts go on
                print(f"{echo_as} | {line}", flush=True)
