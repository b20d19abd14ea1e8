"""Where the bench keeps things, and which processor core runs what."""

import os
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks"
BUILD = ROOT / "build" / "benchmarks"
PEERS_SOURCE = FOLDER / "peers"
PEERS_PYTHON = BUILD / "peers" / ".venv" / "bin" / "python"
PEERS_NODE = BUILD / "peers" / "node_modules"

_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
CORE_COUNT = len(_CORES) or (os.cpu_count() or 1)
SIMULATOR_CORE = 0
CLIENT_CORE = 1


def cores() -> list[int]:
    """The processor cores that this process may use; empty where the system does not tell."""
    return _CORES


def on_core(number: int) -> Callable[[], None] | None:
    """Ties a process that starts to one core, so that simulator and client do not take each other's time."""
    if len(_CORES) < 2:
        return None
    core = _CORES[number]
    return lambda: os.sched_setaffinity(0, {core})
