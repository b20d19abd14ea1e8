"""`python -m local.stack`: start every part, stay until Ctrl-C or SIGTERM, leave nothing behind."""

import argparse
import asyncio
import os
import signal
import sys
from itertools import groupby
from pathlib import Path

import httpx

from local.stack.parts import ROOT, Part
from local.stack.plan import Plan, make_plan
from local.stack.ports import ADDRESS
from local.stack.processes import Child, Reaper
from local.stack.running import RUNNING_LINE


class PartFailedError(Exception):
    """A part did not start or ended by itself; the text names it."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.stack", description="Runs Switchboard on this machine.")
    parser.add_argument("--app", type=Path, default=ROOT, help="folder of the functions app")
    app_dir = parser.parse_args(arguments).app.resolve()
    plan = make_plan(app_dir, os.environ)
    if plan.problems:
        print("Switchboard cannot start:", *(f"- {problem}" for problem in plan.problems), sep="\n", file=sys.stderr)
        return 2
    return asyncio.run(_run(plan))


async def _run(plan: Plan) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    reaper = await Reaper.start()
    children: list[Child] = []
    try:
        for _, together in groupby(plan.parts, key=lambda part: part.after_all_others):
            if not stop.is_set():
                await _start(list(together), children, reaper, stop)
        if not stop.is_set():
            _announce(plan)
            await _stay(children, stop)
    except PartFailedError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        for child in reversed(children):
            await child.stop()
        await reaper.close()
    return 0


async def _start(parts: list[Part], children: list[Child], reaper: Reaper, stop: asyncio.Event) -> None:
    """The parts are ready, or the stack is stopping."""
    started = [await _launch(part, children, reaper) for part in parts]
    waiting = [asyncio.create_task(_ready(part, child, stop)) for part, child in zip(parts, started, strict=True)]
    try:
        await asyncio.gather(*waiting)
    finally:
        for task in waiting:
            task.cancel()


async def _launch(part: Part, children: list[Child], reaper: Reaper) -> Child:
    environ = {**os.environ, "PYTHONUNBUFFERED": "1", **part.environment}
    try:
        child = await Child.start(part.name, part.command, environ, part.cwd, part.echo_as, reaper)
    except OSError as error:
        raise PartFailedError(f"The {part.name} could not be started: {error}") from error
    children.append(child)
    return child


async def _ready(part: Part, child: Child, stop: asyncio.Event) -> None:
    """The part is ready, or the stack is stopping."""
    deadline = asyncio.get_running_loop().time() + part.start_seconds
    async with httpx.AsyncClient(trust_env=False, timeout=5, verify=False) as client:  # noqa: S501 - plain HTTP alone
        while not stop.is_set() and not await _is_ready(part, client):
            if child.has_ended:
                raise PartFailedError(await child.last_words())
            if asyncio.get_running_loop().time() > deadline:
                raise PartFailedError(f"The {part.name} was not ready within {part.start_seconds:.0f} s.")
            await asyncio.sleep(0.05)
    # An answer on the port may come from another process that was quicker than our child.
    if child.has_ended:
        raise PartFailedError(await child.last_words())
    if not stop.is_set():
        await part.once_ready()


async def _is_ready(part: Part, client: httpx.AsyncClient) -> bool:
    for port in part.ports:
        try:
            _reader, writer = await asyncio.open_connection(ADDRESS, port)
        except OSError:
            return False
        writer.close()
    if part.health is None:
        return True
    try:
        answer = await client.get(part.health)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK and '"Initialized"' not in answer.text


def _announce(plan: Plan) -> None:
    print()
    for part in plan.parts:
        for name, url in part.urls:
            print(f"{name:26} {url}")
    print(RUNNING_LINE, flush=True)


async def _stay(children: list[Child], stop: asyncio.Event) -> None:
    stopping = asyncio.create_task(stop.wait())
    ends = [asyncio.create_task(child.ended()) for child in children]
    await asyncio.wait([stopping, *ends], return_when=asyncio.FIRST_COMPLETED)
    for task in (stopping, *ends):
        task.cancel()
    dead = [child for child in children if child.has_ended]
    if dead and not stop.is_set():
        raise PartFailedError(await dead[0].last_words())


if __name__ == "__main__":
    raise SystemExit(main())
