"""What the tests of one folder share and nobody else needs: a process that polls storage takes time from others."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest


class Lent[T]:
    """Opened for the first test that asks for it, and closed after the last one of its folder."""

    def __init__(self, opened: Callable[[], AbstractContextManager[T]]) -> None:
        self._opened = opened
        self._open = ExitStack()
        self._value: T | None = None

    def get(self) -> T:
        """It, open."""
        if self._value is None:
            self._value = self._open.enter_context(self._opened())
        return self._value

    def close(self) -> None:
        """It is closed. Who asks again gets another one."""
        self._value = None
        self._open.close()

    def close_unless_next(self, folder: Path, nextitem: pytest.Item | None) -> None:
        """For `pytest_runtest_teardown`: it stays open for another test of this folder."""
        if nextitem is None or folder not in nextitem.path.parents:
            self.close()
