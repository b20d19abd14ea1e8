"""Which time a run looks at."""

from datetime import datetime, timedelta

import pytest

from functions.callback_sync.decide.moments import (
    AHEAD,
    LONGEST_SLICE,
    SAFETY,
    grouped,
    is_asked,
    reached,
    read_from,
    slices,
    tried_again_from,
)
from tests.unit.functions.callback_sync.examples import NOW


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


@pytest.mark.parametrize(
    ("checkpoint", "age", "start"),
    [
        pytest.param(None, timedelta(minutes=10), ago(minutes=10), id="the first run: the age"),
        pytest.param(ago(seconds=90), timedelta(minutes=10), ago(minutes=10), id="each minute: the age"),
        pytest.param(ago(seconds=90), timedelta(minutes=1), ago(seconds=390), id="never less than the overlap"),
        pytest.param(ago(days=3), timedelta(minutes=10), ago(days=3, minutes=5), id="three days of outage"),
        pytest.param(ago(hours=1), timedelta(days=2), ago(days=2), id="a long age"),
        pytest.param(NOW + timedelta(days=1), timedelta(minutes=10), ago(minutes=10), id="a clock that was wrong"),
    ],
)
def test_where_a_run_starts(checkpoint: datetime | None, age: timedelta, start: datetime) -> None:
    assert read_from(checkpoint, NOW, age) == start


@pytest.mark.parametrize(
    ("span", "count"), [(timedelta(minutes=10), 1), (timedelta(days=7), 2), (timedelta(days=60), 9)]
)
def test_slices_follow_each_other(span: timedelta, count: int) -> None:
    found = slices(NOW - span, NOW)
    seams = [NOW - span, *(each.end for each in found)]
    assert [each.start for each in found] == seams[:-1]
    assert (len(found), seams[-1]) == (count, NOW + AHEAD)
    assert all(each.span <= LONGEST_SLICE for each in found)


def test_the_checkpoint_stays_behind_the_clock() -> None:
    first, last = slices(NOW - timedelta(days=8), NOW)
    assert reached(first, NOW) == first.end
    assert reached(last, NOW) == NOW - SAFETY


@pytest.mark.parametrize(
    ("asked", "answered", "due"),
    [(None, None, False), (NOW, None, True), (NOW, ago(seconds=1), True), (NOW, NOW, False), (None, NOW, False)],
)
def test_whether_an_event_waits(asked: datetime | None, answered: datetime | None, due: bool) -> None:
    assert is_asked(asked, answered) == due


def test_who_reads_the_same_time_is_asked_for_together() -> None:
    starts = [("a", NOW), ("b", ago(days=1)), ("c", NOW)]
    assert grouped(starts) == {NOW: ["a", "c"], ago(days=1): ["b"]}


@pytest.mark.parametrize(
    ("now", "start"),
    [
        pytest.param(NOW.replace(minute=7), NOW.replace(minute=7) - timedelta(hours=3, minutes=5), id="each minute"),
        pytest.param(NOW.replace(minute=10), NOW.replace(minute=10) - timedelta(days=9, minutes=5), id="each ten"),
    ],
)
def test_what_is_tried_again(now: datetime, start: datetime) -> None:
    assert tried_again_from([now - timedelta(days=9), now - timedelta(hours=3), now], now) == start


def test_nothing_is_tried_again_where_nothing_waits() -> None:
    assert tried_again_from([], NOW) is None
    assert tried_again_from([ago(days=9)], NOW.replace(minute=1)) is None
