"""Which time a run looks at, and the moments of the nights, as examples and as invariants."""

import itertools
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from functions.call_sync.decide.moments import (
    LONGEST_SLICE,
    OVERLAP,
    SAFETY,
    Turn,
    debug_windows,
    look_back,
    look_back_due,
    nightly_moment,
    nightly_slices,
    nightly_turn,
    sliced,
    slices,
)
from shared.enreach.windows import By, Window

NOW = datetime(2026, 3, 2, 8, 0, 17, tzinfo=UTC)
HOURS_2 = timedelta(minutes=120)
DAYS = [date(2026, 2, 27) + timedelta(days=number) for number in range(30)]  # over the end of a month
SITES = [f"site-{number}" for number in range(200)]


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def is_seamless(windows: list[Window], start: datetime, end: datetime, by: By) -> bool:
    """Whether these follow each other from one moment to the other, none longer than a slice and none empty."""
    seams = [start, *(window.end for window in windows)]
    return (
        [window.start for window in windows] == seams[:-1]
        and seams[-1] == end
        and all(timedelta(0) < window.span <= LONGEST_SLICE and window.by is by for window in windows)
    )


@pytest.mark.parametrize(
    ("checkpoint", "start", "count"),
    [
        pytest.param(ago(seconds=90), ago(seconds=390), 1, id="each minute: one slice with the five minutes before"),
        pytest.param(ago(minutes=10), ago(minutes=15), 1, id="a slice that is nearly full"),
        pytest.param(ago(minutes=10, seconds=31), ago(minutes=15, seconds=31), 2, id="a second one of a second"),
        pytest.param(ago(minutes=1440), ago(minutes=1445), 97, id="a day of missed ticks"),
        pytest.param(None, ago(minutes=120), 8, id="the first run: ExecutionInterval"),
    ],
)
def test_a_run_starts_where_the_checkpoint_stands(checkpoint: datetime | None, start: datetime, count: int) -> None:
    found = slices(checkpoint, NOW, HOURS_2)
    assert is_seamless(found, start, NOW - SAFETY, By.CHANGE)
    assert len(found) == count


@pytest.mark.parametrize("missed", [1, 2, 5, 14, 15, 16, 60, 719, 1440])
def test_however_many_ticks_are_missed_nothing_is_left_out(missed: int) -> None:
    last = slices(ago(minutes=missed + 1), ago(minutes=missed), HOURS_2)[-1].end
    found = slices(last, NOW, HOURS_2)
    assert is_seamless(found, last - OVERLAP, NOW - SAFETY, By.CHANGE)


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(minutes=4, seconds=30), timedelta(days=1)])
def test_a_checkpoint_in_the_future_gives_nothing_or_the_overlap(ahead: timedelta) -> None:
    found = slices(NOW + ahead, NOW, HOURS_2)
    assert sum((window.span for window in found), timedelta(0)) == max(timedelta(0), OVERLAP - SAFETY - ahead)


def test_the_look_back_goes_by_the_start_of_calls() -> None:
    assert is_seamless(look_back(NOW, HOURS_2), NOW - HOURS_2, NOW - SAFETY, By.START)
    assert is_seamless(nightly_slices(NOW), NOW - timedelta(hours=24), NOW - SAFETY, By.START)


LOOK_BACKS = [
    pytest.param(None, ago(seconds=90), True, id="never done"),
    pytest.param(ago(minutes=1), None, True, id="no checkpoint"),
    pytest.param(ago(minutes=14, seconds=59), ago(seconds=90), False, id="done lately"),
    pytest.param(ago(minutes=15), ago(seconds=90), True, id="after 15 minutes"),
    pytest.param(ago(minutes=8), ago(minutes=7), True, id="after a gap"),
    pytest.param(ago(minutes=8), ago(minutes=5), True, id="five minutes are a gap"),
    pytest.param(ago(minutes=2), ago(minutes=7), False, id="done five minutes behind a checkpoint that stands still"),
    pytest.param(NOW, ago(seconds=90), False, id="done just now"),
    pytest.param(ago(minutes=5), ago(minutes=4, seconds=59), False, id="a minute or two late is no gap"),
    pytest.param(ago(minutes=1), ago(minutes=7), False, id="done while it catches up"),
    pytest.param(NOW + timedelta(minutes=1), ago(seconds=90), True, id="done in the future: a clock was wrong"),
]


@pytest.mark.parametrize(("last_done", "checkpoint", "due"), LOOK_BACKS)
def test_when_the_look_back_is_due(last_done: datetime | None, checkpoint: datetime | None, due: bool) -> None:
    assert look_back_due(last_done, checkpoint, NOW) is due


def test_a_day_of_ticks_looks_back_every_quarter_of_an_hour() -> None:
    done: datetime | None = None
    count = 0
    for minute in range(1440):
        now = NOW + timedelta(minutes=minute)
        if look_back_due(done, now - timedelta(seconds=90), now):
            done, count = now, count + 1
    assert count == 96


def test_debug_mode_reads_45_days_in_requests_of_31_at_most() -> None:
    windows = debug_windows(NOW)
    assert (windows[0].start, windows[-1].end) == (NOW - timedelta(days=45), NOW)
    assert len(windows) == 2
    assert all(one.end == other.start for one, other in itertools.pairwise(windows))
    assert all(window.span <= timedelta(days=31) and window.by is By.START for window in windows)
    assert is_seamless([part for window in windows for part in sliced(window)], windows[0].start, NOW, By.START)


# ------------------------------------------------------------------------------------------------------ nights


def evening(day: date, hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)


def test_the_nights_of_many_sites_fill_every_ten_minutes_between_ten_and_half_past_eleven() -> None:
    seen = set()
    for day, site in itertools.product(DAYS, SITES):
        moment = nightly_moment(site, day)
        assert evening(day, 22, 0) <= moment < evening(day, 23, 30)
        seen.add(int((moment - evening(day, 22, 0)).total_seconds() // 600))
    assert seen == set(range(9))


@pytest.mark.parametrize("day", DAYS[::7])
def test_on_one_day_too_the_sites_are_spread(day: date) -> None:
    minutes = [int((nightly_moment(site, day) - evening(day, 22, 0)).total_seconds() // 600) for site in SITES]
    assert set(minutes) == set(range(9))
    assert max(minutes.count(each) for each in range(9)) < len(SITES) / 4


def test_a_site_has_another_moment_each_day_and_the_same_one_each_time_it_asks() -> None:
    moments = [nightly_moment("site-1", day).timetz() for day in DAYS]
    assert len(set(moments)) > 25
    assert nightly_moment("site-1", DAYS[0]) == nightly_moment("site-1", DAYS[0])
    # Of every installation's data: it may never change, or a night would come twice or not at all.
    assert nightly_moment("switchboard", date(2026, 3, 2)) == evening(date(2026, 3, 2), 22, 2, 21)


TONIGHT, YESTERDAY = date(2026, 3, 2), date(2026, 3, 1)


@pytest.mark.parametrize("site", SITES[:12])
@pytest.mark.parametrize("down", [0, 3, 34])
def test_each_night_comes_once_though_the_app_is_down_for_minutes(site: str, down: int) -> None:
    """Ticks of each minute of two hours; the app is down from its moment on for some minutes."""
    done: date | None = None
    runs = []
    for day in DAYS:
        back = nightly_moment(site, day) + timedelta(minutes=down)
        for minute in range(120):
            now = evening(day, 22, 0) + timedelta(minutes=minute, milliseconds=13)
            is_down = nightly_moment(site, day) <= now < back
            if not is_down and nightly_turn(now, site, done) is Turn.NIGHT:
                runs.append(day)
                done = day
    assert runs == DAYS


TURNS = [
    pytest.param(evening(TONIGHT, 21, 59, 59), YESTERDAY, Turn.EXTRA, id="before the window: by hand"),
    pytest.param(evening(TONIGHT, 12, 0), TONIGHT, Turn.EXTRA, id="by hand, though the night was done"),
    pytest.param(evening(TONIGHT, 0, 0), YESTERDAY, Turn.EXTRA, id="after midnight: by hand"),
    pytest.param(evening(TONIGHT, 22, 0), YESTERDAY, Turn.WAIT, id="the moment has not come"),
    pytest.param(evening(TONIGHT, 22, 2, 20), YESTERDAY, Turn.WAIT, id="a second before the moment"),
    pytest.param(evening(TONIGHT, 22, 2, 21), YESTERDAY, Turn.NIGHT, id="the very moment"),
    pytest.param(evening(TONIGHT, 23, 29), YESTERDAY, Turn.NIGHT, id="the moment has come"),
    pytest.param(evening(TONIGHT, 23, 29), None, Turn.NIGHT, id="the first night"),
    pytest.param(evening(TONIGHT, 23, 29), TONIGHT, Turn.WAIT, id="done"),
    pytest.param(evening(TONIGHT, 23, 45), YESTERDAY, Turn.NIGHT, id="made up for"),
    pytest.param(evening(TONIGHT, 23, 45), TONIGHT, Turn.WAIT, id="nothing to make up for"),
    pytest.param(evening(TONIGHT, 23, 29).astimezone(timezone(timedelta(hours=2))), YESTERDAY, Turn.NIGHT,
                 id="a clock in Helsinki, where it is tomorrow"),
]  # fmt: skip


@pytest.mark.parametrize(("now", "last_done", "turn"), TURNS)
def test_what_a_tick_is_for(now: datetime, last_done: date | None, turn: Turn) -> None:
    assert nightly_moment("switchboard", TONIGHT) > evening(TONIGHT, 22, 0)
    assert nightly_turn(now, "switchboard", last_done) is turn
