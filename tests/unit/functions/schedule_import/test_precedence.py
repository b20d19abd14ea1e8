"""Which import speaks last: what is older, what says nothing new, what is suspicious beside the one before."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from functions.schedule_import.decide.edges import digests
from functions.schedule_import.decide.precedence import (
    ImportState,
    PastImport,
    already_applied,
    displaced,
    followed_by,
    is_beginning,
    latest_change,
    latest_of,
    overruled_by,
    perhaps_cut,
    shape,
    speak_for_the_same,
)
from functions.schedule_import.reading.segments import Segment
from tests.unit.functions.schedule_import.planning import ANNA, ASA, CSV, HELSINKI, at, in_profile, moved, segment

JANUARY = at("2027-01-11 00:00"), at("2027-01-18 00:00")
FEBRUARY = at("2027-02-01 00:00"), at("2027-02-08 00:00")
APPLIED, UNDO, UNDONE, HELD, FAILED = (
    ImportState.APPLIED, ImportState.UNDO, ImportState.UNDONE, ImportState.HELD, ImportState.FAILED,
)  # fmt: skip
DAY = timedelta(days=1)
NOW = at("2027-01-12 12:00")


def past(sequence: int, content: str = "A", **more: Any) -> PastImport:
    """An import of the week in January for one agent; its age grows with its number."""
    values: dict[str, Any] = {
        "import_id": f"import {sequence}", "state": APPLIED, "file": f"{content}.csv", "sha256": content,
        "sequence": sequence, "profile_digest": "p", "age": at("2027-01-01 08:00") + sequence * DAY,
        "window": JANUARY, "agents": digests([ASA.id]), "clean": True, "changed": True,
    }  # fmt: skip
    return PastImport(**values | more)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        pytest.param({}, True, id="the same scope"),
        pytest.param({"window": FEBRUARY}, False, id="another week"),
        pytest.param({"window": (JANUARY[1], FEBRUARY[0])}, False, id="the week after it"),
        pytest.param({"window": (JANUARY[1] - DAY, FEBRUARY[0])}, True, id="a day in common"),
        pytest.param({"agents": digests([ANNA.id])}, False, id="another agent"),
        pytest.param({"agents": digests([ANNA.id, ASA.id])}, True, id="an agent in common"),
        pytest.param({"agents": b""}, False, id="no agent"),
        pytest.param({"window": None}, False, id="no day"),
    ],
)
def test_two_imports_speak_for_the_same(other: dict[str, Any], same: bool) -> None:
    one = past(1)
    assert speak_for_the_same(one, replace(one, **other)) is same
    assert speak_for_the_same(replace(one, **other), one) is same


@pytest.mark.parametrize(
    ("others", "newer"),
    [
        pytest.param([], None, id="nothing before"),
        pytest.param([past(1, "B")], None, id="an older one"),
        pytest.param([past(7, "B"), past(9, "C"), past(8, "D")], 9, id="the newest of several"),
        pytest.param([past(9, "B", window=FEBRUARY)], None, id="a newer one of another week"),
        pytest.param([past(9, "B", agents=digests([ANNA.id]))], None, id="a newer one of other agents"),
        pytest.param([past(9, "B", state=UNDONE)], None, id="a newer one that was undone"),
        pytest.param([past(9, "B", state=UNDO)], None, id="an undo is no file"),
        pytest.param([past(9, "B", state=HELD)], None, id="a newer one that is held"),
        pytest.param([past(9, "B", age=None)], None, id="one of unknown age"),
        pytest.param([past(9, "B", age=past(5).age)], None, id="one of the same age"),
        pytest.param([past(5, "B", age=past(9).age)], None, id="itself, as it is remembered"),
    ],
)
def test_a_file_that_comes_too_late(others: list[PastImport], newer: int | None) -> None:
    found = overruled_by(past(5), others)
    assert (found.sequence if found else None) == newer


@pytest.mark.parametrize(
    ("this_stamp", "other_stamp", "is_older"),
    [
        pytest.param(2, 3, True, id="stamps count before uploads"),
        pytest.param(3, 2, False, id="uploaded first, made last"),
        pytest.param(None, 2, False, id="one without a stamp: uploads count"),
    ],
)
def test_files_that_say_when_they_were_made(this_stamp: int | None, other_stamp: int | None, is_older: bool) -> None:
    def stamp(day: int | None) -> datetime | None:
        return at(f"2027-01-0{day} 06:00") if day else None

    this, other = past(9, stamp=stamp(this_stamp)), past(5, "B", stamp=stamp(other_stamp))
    assert (overruled_by(this, [other]) is not None) is is_older


@pytest.mark.parametrize(
    ("later", "shortcut"),
    [
        pytest.param([], True, id="it is the latest"),
        pytest.param([past(2, "B")], False, id="A, B, A: what B wrote has to be changed"),
        pytest.param([past(2, "B", window=FEBRUARY)], True, id="another week came since"),
        pytest.param([past(2, "B", agents=digests([ANNA.id]))], True, id="other agents came since"),
        pytest.param([past(2, "B", state=UNDONE), past(3, "", state=UNDO)], False, id="B, and B was undone"),
        pytest.param([past(2, "B", state=UNDONE)], True, id="what was undone says nothing"),
        pytest.param([past(2, "B", state=HELD, changed=False)], True, id="what is held has written nothing"),
        pytest.param([past(2, "B", state=FAILED, changed=False)], True, id="what broke off before its first booking"),
        pytest.param([past(2, "B", state=FAILED)], False, id="what broke off in the middle may have written"),
        pytest.param([past(2, "B", state=ImportState.REJECTED)], False, id="and so if a person has rejected it then"),
        pytest.param([past(2, "B"), past(3)], True, id="A, B, A, and A again"),
    ],
)
def test_the_same_content_again(later: list[PastImport], shortcut: bool) -> None:
    for some in permutations([past(1), *later]):
        assert (already_applied("A", "p", some) is not None) is shortcut


@pytest.mark.parametrize(
    "values",
    [{"clean": False}, {"profile_digest": "q"}, {"sha256": "B"}, {"state": HELD}, {"state": UNDONE}],
    ids=repr,
)
def test_what_the_same_content_may_not_skip(values: dict[str, Any]) -> None:
    assert already_applied("A", "p", [past(1, **values)]) is None


@pytest.mark.parametrize(
    ("name", "others", "found"),
    [
        pytest.param("A.csv", [past(1), past(3), past(2, "B")], 3, id="the latest of a name"),
        pytest.param("import 1", [past(1), past(3)], 1, id="an import id"),
        pytest.param("A.csv", [past(1), past(3, changed=False)], 1, id="the latest that changed anything"),
        pytest.param("A.csv", [past(1), past(3, state=UNDONE)], 1, id="not what was undone already"),
        pytest.param("A.csv", [past(1), past(3, state=UNDO)], 1, id="not the undo itself"),
        pytest.param("A.csv", [past(1), past(3, state=FAILED)], 3, id="what broke off in the middle"),
        pytest.param("A.csv", [past(1), past(3, state=HELD, changed=False)], 1, id="not what is held"),
        pytest.param("C.csv", [past(1)], None, id="an unknown name"),
    ],
)
def test_what_an_undo_speaks_of(name: str, others: list[PastImport], found: int | None) -> None:
    import_ = latest_change(name, others)
    assert (import_.sequence if import_ else None) == found


def test_what_a_force_speaks_of() -> None:
    others = [past(1), past(3, changed=False), past(4, state=HELD), past(5, state=FAILED), past(6, state=UNDONE)]
    found = latest_of("A.csv", others)
    assert found is not None
    assert found.sequence == 3
    assert latest_of("import 1", others) == others[0]
    assert latest_of("other.csv", others) is None


def test_the_newest_import_of_a_scope_is_followed_by_none() -> None:
    others = [past(1), past(2, window=FEBRUARY), past(3), past(4, state=UNDONE)]
    assert [followed_by(one, others) for one in others] == [True, False, False, False]


# --------------------------------------------------------------------------------------------------- displaced

ROWS = [segment(f"2027-03-{day} 08:00", 8, zone=HELSINKI, row=day) for day in range(15, 22)]
NIGHTS = [segment(f"2027-03-{day} 22:00", 8, zone=HELSINKI, row=day) for day in range(15, 22)]


@pytest.mark.parametrize("days", [7, 14, -7, 28])
@pytest.mark.parametrize("rows", [ROWS, NIGHTS], ids=["days", "nights"])
def test_a_schedule_that_is_moved_keeps_its_shape_over_a_clock_change(rows: list[Segment], days: int) -> None:
    """The night of the change is in the week of the 22nd."""
    form, first = shape(rows, HELSINKI)
    assert shape(moved(rows, days), HELSINKI) == (form, first + timedelta(days=days) if first else None)
    assert shape(list(reversed(rows)), HELSINKI) == (form, first)
    renumbered = [one._replace(row=one.row + 1, external_id=f"E{one.row}", plan="new") for one in rows]
    assert shape(renumbered, HELSINKI)[0] == form


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda rows: rows[1:], id="the first row less"),
        pytest.param(lambda rows: rows[:-1], id="the last row less"),
        pytest.param(lambda rows: [*rows, rows[0]], id="a row twice"),
        pytest.param(lambda rows: [rows[0]._replace(activity="Lunch"), *rows[1:]], id="an activity"),
        pytest.param(lambda rows: [rows[0]._replace(agent="anna"), *rows[1:]], id="an agent"),
        pytest.param(lambda rows: [rows[0]._replace(end=rows[0].end + timedelta(minutes=5)), *rows[1:]], id="an end"),
        pytest.param(lambda rows: [*rows[:3], *moved(rows[3:4], 1), *rows[4:]], id="a day"),
    ],
)
def test_an_edit_changes_the_shape(edit: Any) -> None:
    assert shape(edit(ROWS), HELSINKI)[0] != shape(ROWS, HELSINKI)[0]


def test_an_empty_file_has_no_shape() -> None:
    assert shape([], HELSINKI) == ("", None)


@pytest.mark.parametrize(
    ("this", "others", "held"),
    [
        pytest.param({}, [{}], True, id="moved by a week"),
        pytest.param({"first_day": date(2027, 1, 4)}, [{}], True, id="moved back"),
        pytest.param({"first_day": date(2027, 1, 14)}, [{}], False, id="not by whole weeks"),
        pytest.param({"shape": "y"}, [{}], False, id="another plan"),
        pytest.param({"rows": 3}, [{}], False, id="a handful of rows"),
        pytest.param({"first_day": None, "shape": ""}, [{"shape": "", "first_day": None}], False, id="no row"),
        pytest.param({}, [{"window": (JANUARY[0] - 30 * DAY, NOW)}], False, id="the other is over"),
        pytest.param({}, [{"state": UNDONE}], False, id="the other was undone"),
        pytest.param({}, [{"state": HELD}], False, id="the other is held itself"),
        pytest.param({}, [{}, {"first_day": date(2027, 1, 18), "window": FEBRUARY}], False, id="approved before"),
        pytest.param({}, [], False, id="nothing before"),
    ],
)
def test_a_file_that_is_displaced(this: dict[str, Any], others: list[dict[str, Any]], held: bool) -> None:
    form: dict[str, Any] = {"shape": "x", "rows": 40}
    before = [past(number, **form | {"first_day": date(2027, 1, 11)} | one) for number, one in enumerate(others)]
    now = past(9, **form | {"first_day": date(2027, 1, 18)} | this)
    reason = displaced(now, before, CSV, NOW)
    assert (reason is not None and reason.code == "SHIFTED") is held
    assert displaced(now, before, in_profile(hold={"maxRemovedShare": 1}), NOW) is None


# --------------------------------------------------------------------------------------------------------- cut


@pytest.mark.parametrize(
    ("rows", "limit", "perhaps"),
    [
        pytest.param(100, 0.3, False, id="as many"),
        pytest.param(97, 0.3, False, id="a few less"),
        pytest.param(90, 0.3, False, id="a tenth less"),
        pytest.param(89, 0.3, True, id="more than a tenth less"),
        pytest.param(50, 0.3, True, id="half"),
        pytest.param(97, 0.02, True, id="where a profile allows less"),
        pytest.param(1, 1, False, id="where a profile allows all"),
        pytest.param(150, 0.3, False, id="more"),
    ],
)
def test_a_file_with_fewer_rows_may_be_cut(rows: int, limit: float, perhaps: bool) -> None:
    profile = in_profile(hold={"maxRemovedShare": limit})
    one_day = JANUARY[0] + DAY, JANUARY[0] + 2 * DAY
    before = [past(3, rows=100), past(1, rows=1000), past(4, rows=1, window=FEBRUARY), past(5, rows=0, state=HELD),
              past(6, rows=1, window=one_day)]  # fmt: skip
    found = perhaps_cut(past(9, rows=rows), before, profile)
    assert (found.sequence if found else None) == (3 if perhaps else None)


def lines(*numbers: int, head: str = "a,b", end: str = "\n") -> list[bytes]:
    return [f"{head}{end}".encode(), *(f"row {number}{end}".encode() for number in numbers)]


HUNDRED = lines(*range(100))


@pytest.mark.parametrize(
    ("new", "is_cut"),
    [
        pytest.param(lines(*range(50)), True, id="half of it"),
        pytest.param(lines(*range(50), head="made at noon"), True, id="half of it, under another head"),
        pytest.param(lines(*range(50), end="\r\n"), True, id="other line ends"),
        pytest.param([*lines(*range(50)), b"\n", b" \n"], True, id="empty lines at its end"),
        pytest.param(lines(*range(80)), True, id="four fifths of it"),
        pytest.param(lines(*range(80), head="made at noon"), False, id="four fifths, and something else"),
        pytest.param(lines(*range(97)), False, id="the last rows taken away by a planner"),
        pytest.param(lines(*range(100)), False, id="all of it"),
        pytest.param(lines(*range(120)), False, id="more than all of it"),
        pytest.param(lines(*range(0, 100, 2)), False, id="every second row"),
        pytest.param(lines(*range(50, 100)), False, id="the second half"),
        pytest.param(lines(*(number + (number % 4 == 0) * 1000 for number in range(50))), False, id="half, edited"),
        pytest.param(lines(), False, id="a header alone has its own reason"),
        pytest.param([], False, id="nothing"),
    ],
)
def test_a_file_that_was_cut_at_the_end_of_a_row(new: list[bytes], is_cut: bool) -> None:
    assert is_beginning(new, HUNDRED) is is_cut


def test_empty_lines_in_the_middle_do_not_matter() -> None:
    loose = [part for line in HUNDRED for part in (line, b"\n")]
    assert is_beginning(lines(*range(40)), loose)
    assert is_beginning(loose[:80], HUNDRED)
    assert not is_beginning(HUNDRED, [*HUNDRED, b"\n", b"\n"])
