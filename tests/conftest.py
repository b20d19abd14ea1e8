"""What tests of several folders share. A worker starts it once."""

import gc
import os
import sys
from collections.abc import Iterator

import pytest

from tests.azurite import Azurite, running_azurite
from tests.dealing import dealt


def pytest_xdist_auto_num_workers() -> int:
    """Of `-n auto`: a third of the time tests wait, for processes to start and for clocks."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return cores + max(1, cores // 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long begins first: the other workers would wait for it at the end."""
    if (worker := getattr(config, "workerinput", None)) is not None:
        items[:] = dealt(items, worker["workercount"])


def pytest_collection() -> None:
    """All that is imported now stays: each search of the collector through it would find nothing."""
    gc.disable()


def pytest_collection_finish() -> None:
    """A search of the collector through all that is imported by now takes 0.3 s, in the middle of some test that
    measures how quick the app is."""
    gc.enable()
    _leave_out_what_is_there()


@pytest.fixture(scope="module", autouse=True)
def short_searches() -> None:
    """Each import ends with a search: it is not to go through what other tests have loaded and left, too."""
    _leave_out_what_is_there()


def _leave_out_what_is_there() -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    with running_azurite() as emulator:
        yield emulator
