"""Waits grow to 45 minutes, a little shorter by chance, and never end."""

from datetime import timedelta

import pytest

from functions.ticket_creation.decide.delays import delay


@pytest.mark.parametrize(
    ("attempts", "chance", "longest", "seconds"),
    [
        (1, 0, None, 30),
        (2, 0, None, 60),
        (3, 0, None, 120),
        (7, 0, None, 1_920),
        (8, 0, None, 2_700),
        (9, 0, None, 2_700),
        (10**9, 0, None, 2_700),
        (0, 0, None, 30),
        (1, 0.5, None, 27),
        (8, 0.999_999, None, 2_160),
        (8, 0, 60, 60),
        (8, 0.5, 60, 54),
        (1, 0, 60, 30),
    ],
)
def test_a_wait(attempts: int, chance: float, longest: float | None, seconds: float) -> None:
    limit = None if longest is None else timedelta(seconds=longest)
    assert delay(attempts, chance, limit).total_seconds() == pytest.approx(seconds, abs=0.01)
