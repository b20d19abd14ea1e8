"""Windows: requests of at most 31 days, and every item once at the seams whatever the API counts as inside."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.enreach.windows import LONGEST_REQUEST, SHORTEST, Window, within

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def asked(window: Window) -> tuple[datetime, datetime]:
    first, last = (
        datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) for text in window.parameters().values()
    )
    return first, last


@pytest.mark.parametrize(
    ("start", "end", "parameters"),
    [
        (START, START + timedelta(minutes=15), ("2026-03-02 07:59:59", "2026-03-02 08:15:01")),
        (
            START + timedelta(seconds=0.9),
            START + timedelta(seconds=1.1),
            ("2026-03-02 07:59:59", "2026-03-02 08:00:03"),
        ),
        (
            START.astimezone(timezone(timedelta(hours=2))),
            START + timedelta(minutes=1),
            ("2026-03-02 07:59:59", "2026-03-02 08:01:01"),
        ),
    ],
)
def test_a_request_asks_for_whole_seconds_in_utc_and_one_more_on_each_side(
    start: datetime, end: datetime, parameters: tuple[str, str]
) -> None:
    assert Window.modified(start, end).parameters() == dict(
        zip(("ModifiedAfter", "ModifiedBefore"), parameters, strict=True)
    )
    assert tuple(Window.started(start, end).parameters()) == ("StartTime", "EndTime")


@pytest.mark.parametrize(
    ("days", "count"), [(0, 0), (1, 1), (30.9, 1), (31, 2), (45, 2), (61.9, 2), (62, 3), (365, 12)]
)
def test_no_request_is_longer_than_the_api_takes(days: float, count: int) -> None:
    window = Window.started(START, START + days * DAY)
    parts = window.parts()
    assert len(parts) == count
    for part in parts:
        first, last = asked(part)
        assert last - first <= LONGEST_REQUEST
    if parts:
        assert (parts[0].start, parts[-1].end) == (window.start, window.end)
        assert all(part.end == following.start for part, following in pairwise(parts))


BOUNDS: list[Callable[[datetime, datetime, datetime], bool]] = [
    lambda first, moment, last: first <= moment <= last,
    lambda first, moment, last: first <= moment < last,
    lambda first, moment, last: first < moment <= last,
    lambda first, moment, last: first < moment < last,
]


@pytest.mark.parametrize("is_inside", BOUNDS, ids=["closed", "start alone", "end alone", "open"])
@given(
    st.lists(st.timedeltas(timedelta(seconds=-3), timedelta(seconds=3)), max_size=30),
    st.timedeltas(timedelta(0), timedelta(seconds=1)),
)
def test_nothing_at_a_seam_is_lost_or_comes_twice(
    is_inside: Callable[[datetime, datetime, datetime], bool], around: list[timedelta], fraction: timedelta
) -> None:
    """Two slices that meet, over an API that counts its ends in any way."""
    seam = START + fraction
    moments = [seam + offset for offset in [timedelta(0), *around]]
    slices = [Window.modified(START - DAY, seam), Window.modified(seam, START + DAY)]
    found: list[int] = []
    for window in slices:
        first, last = asked(window)
        answer = [number for number, moment in enumerate(moments) if is_inside(first, moment, last)]
        found += within(answer, window, moments.__getitem__)
    assert sorted(found) == list(range(len(moments)))


def test_what_cannot_be_placed_is_kept() -> None:
    """No moment, or one that the API sees otherwise than we do: dropping it could lose it for good."""
    window = Window.modified(START, START + DAY)
    kept = [None, START - DAY, START + 2 * DAY, START]
    dropped = [START - timedelta(seconds=0.5), START + DAY, START + DAY + timedelta(seconds=1)]
    assert within([*kept, *dropped], window, lambda moment: moment) == tuple(kept)


def test_halves_end_at_a_minute() -> None:
    window = Window.started(START, START + timedelta(minutes=15, microseconds=1))
    sizes = 0
    while halves := window.halves():
        assert (halves[0].start, halves[1].end) == (window.start, window.end)
        assert halves[0].end == halves[1].start
        window = halves[0]
        sizes += 1
    assert sizes == 3
    assert SHORTEST <= window.span < 2 * SHORTEST


@pytest.mark.parametrize(
    ("start", "end"), [(START, START - DAY), (START.replace(tzinfo=None), START), (START, START.replace(tzinfo=None))]
)
def test_a_window_has_aware_moments_in_order(start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError, match="a window"):
        Window.started(start, end)
