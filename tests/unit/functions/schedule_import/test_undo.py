"""Undo: every booking back to what it was, as far as nobody has changed it since."""

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.schedule_import.decide.facts import Booking
from functions.schedule_import.decide.undo import (
    REMOVED,
    Reversal,
    Touched,
    booking_row,
    digest,
    first_of_each,
    journal_line,
    read_journal_line,
    removes,
    reverse,
)
from functions.schedule_import.reading.segments import Segment
from shared.dataverse.tables import utc_moment
from tests.unit.functions.schedule_import.planning import (
    BEN,
    CANCELED,
    CSV,
    LUNCH,
    Calendar,
    Imported,
    booking,
    guid,
    in_profile,
    resource_of,
    segment,
)

WEEK = [segment(f"2027-01-{day} 08:00", 8, row=day) for day in range(11, 18)]
EDITED = [
    WEEK[0],
    WEEK[1]._replace(end=WEEK[1].end + timedelta(hours=1)),
    *WEEK[4:],
    segment("2027-01-13 12:00", 2, row=30),
]


def undo(calendar: Calendar, *attempts: list[Touched], newest: bool = True) -> Reversal:
    """Undo an import on the calendar, its journal read back from what is stored."""
    stored = [[read_journal_line(journal_line(line)) for line in attempt] for attempt in attempts]
    reversal = reverse(first_of_each(stored), calendar.bookings, CSV.name, newest=newest)
    for row in reversal.restore:
        restored = _booking(row, calendar.bookings.get(row["bookableresourcebookingid"]))
        calendar.bookings[restored.id] = restored
    for row_id in reversal.remove:
        del calendar.bookings[row_id]
    return reversal


def _booking(row: dict[str, Any], before: Booking | None) -> Booking:
    """A row as it is written, as Dynamics has it then."""

    def target(navigation: str) -> str | None:
        bound = row.get(f"{navigation}@odata.bind")
        return bound.partition("(")[2].rstrip(")") if bound else None

    return Booking(
        row["bookableresourcebookingid"], row["name"], utc_moment(row["starttime"]), utc_moment(row["endtime"]),
        row["duration"], row["msdyn_externalbookingid"], target("Resource"), target("BookingStatus"),
        target("msdyn_shiftplan"), target("msdyn_shiftactivitytype"), target("msdyn_BookingSetupMetadataId"),
        row["bookingtype"], row["msdyn_bookingmethod"], "statecode" in row or before is None or before.active,
    )  # fmt: skip


def played(removal: str = "delete") -> tuple[Calendar, Imported]:
    """A week that was edited by the import that is undone."""
    calendar = Calendar(profile=in_profile(removal=removal))
    calendar.deliver(WEEK)
    return calendar, calendar.deliver(EDITED)


@pytest.mark.parametrize("removal", ["delete", "cancel"])
def test_the_newest_import_is_undone_as_a_whole(removal: str) -> None:
    calendar = Calendar(profile=in_profile(removal=removal))
    calendar.deliver(WEEK)
    before = dict(calendar.bookings)
    made = calendar.deliver(EDITED)
    assert calendar.bookings != before
    reversal = undo(calendar, made.touched)
    assert calendar.bookings == before
    assert (len(reversal.restore), len(reversal.remove), reversal.changed_since) == (3, 1, [])
    again = undo(calendar, made.touched)
    assert (again.restore, again.remove, len(again.unchanged)) == ([], [], 4)


def test_the_newest_import_takes_back_what_was_edited_by_hand_since() -> None:
    calendar, made = played()
    first = calendar.past[0]
    changed = next(line.id for line in made.touched if line.before is not None and line.after != REMOVED)
    calendar.edit(changed, name="Edited", resource=resource_of(BEN).id, active=False)
    reversal = undo(calendar, made.touched)
    assert reversal.changed_since == []
    restored = next(row for row in reversal.restore if row["bookableresourcebookingid"] == changed)
    assert restored["statecode"] == 0
    assert calendar.bookings[changed] == next(line.before for line in made.touched if line.id == changed)
    assert first.changed


EDITS = [
    pytest.param({"name": "Edited"}, id="a name"),
    pytest.param({"name": None}, id="no name"),
    pytest.param({"activity_type": LUNCH.id}, id="a type"),
    pytest.param({"status": CANCELED.id}, id="a status"),
    pytest.param({"active": False}, id="deactivated"),
]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("kind", ["created", "updated"])
def test_an_older_import_touches_only_what_is_as_it_left_it(edit: dict[str, object], kind: str) -> None:
    calendar, made = played()
    lines = [line for line in made.touched if line.after != REMOVED]
    edited = next(line.id for line in lines if (line.before is None) is (kind == "created"))
    calendar.edit(edited, **edit)
    kept = calendar.bookings[edited]
    reversal = undo(calendar, made.touched, newest=False)
    assert reversal.changed_since == [edited]
    assert calendar.bookings[edited] == kept
    assert len(reversal.restore) + len(reversal.remove) == 3, "the others are undone"


def test_an_older_import_does_not_bring_back_over_a_new_booking_nor_what_is_gone() -> None:
    calendar, made = played()
    removed = next(line for line in made.touched if line.after == REMOVED)
    assert removed.before is not None
    calendar.put(removed.before._replace(name="Made again"))
    updated = next(line.id for line in made.touched if line.before is not None and line.after != REMOVED)
    del calendar.bookings[updated]
    reversal = undo(calendar, made.touched, newest=False)
    assert set(reversal.changed_since) == {removed.id, updated}
    assert updated not in calendar.bookings


@pytest.mark.parametrize("newest", [True, False])
@pytest.mark.parametrize("mark", ["", "sb:other:x", "sb:switchboard-csv-2:x", "SB:Switchboard-CSV:x", "their own"])
def test_a_booking_that_is_no_longer_ours_is_left_alone(mark: str, newest: bool) -> None:
    calendar, made = played()
    ours = [line.id for line in made.touched if line.after != REMOVED]
    for row_id in ours:
        calendar.edit(row_id, mark=mark)
    kept = {row_id: calendar.bookings[row_id] for row_id in ours}
    reversal = undo(calendar, made.touched, newest=newest)
    assert set(reversal.changed_since) == set(ours)
    assert {row_id: calendar.bookings[row_id] for row_id in ours} == kept


def test_attempts_are_undone_together() -> None:
    """The first attempt broke off half-way; the second saw what the first had written."""
    calendar = Calendar()
    calendar.deliver(WEEK)
    before = dict(calendar.bookings)
    first = calendar.compare(EDITED)
    first.difference.removals.clear()
    first.difference.creates.clear()
    calendar.apply(first.difference)
    second = calendar.deliver(EDITED)
    assert 0 < len(second.touched) < len(first.touched)
    undo(calendar, first.touched, second.touched)
    assert calendar.bookings == before


def test_of_several_attempts_the_first_saw_what_was_before_and_the_last_says_what_was_meant() -> None:
    before, between = booking(), booking(hours=3)
    lines = first_of_each([[Touched(guid(1), before, "a"), Touched(guid(2), None, "b")],
                           [Touched(guid(1), between, "c"), Touched(guid(3), between, REMOVED)]])  # fmt: skip
    assert lines == {
        guid(1): Touched(guid(1), before, "c"),
        guid(2): Touched(guid(2), None, "b"),
        guid(3): Touched(guid(3), between, REMOVED),
    }


TEXTS = (
    st.none() | st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(["\u2028", "\x85", "a\nb", "😀"])
)


@given(
    name=TEXTS, plan=st.none() | st.just(guid(4)), resource=st.none() | st.just(guid(5)), method=st.none() | st.just(1),
    mark=st.text(st.characters(codec="utf-8"), max_size=20), active=st.booleans(), minutes=st.integers(0, 10**6),
    before=st.booleans(),
)  # fmt: skip
def test_a_line_of_a_journal_is_read_as_it_was_written(
    name: str | None, plan: str | None, resource: str | None, method: int | None, mark: str, active: bool,
    minutes: int, before: bool,
) -> None:  # fmt: skip
    was = booking()._replace(
        name=name, plan=plan, resource=resource, booking_method=method, mark=mark, active=active, minutes=minutes
    )
    touched = Touched(was.id, was if before else None, digest(was))
    line = journal_line(touched)
    assert line.splitlines() == [line], "one line, by anybody's rules"
    assert read_journal_line(line) == touched


@pytest.mark.parametrize("column", Booking._fields)
def test_a_digest_tells_every_column(column: str) -> None:
    one = booking()
    value = getattr(one, column)
    other: Any = value + timedelta(hours=1) if column in {"start", "end"} else 99 if isinstance(value, int) else "other"
    assert digest(one) != digest(one._replace(**{column: other}))


@pytest.mark.parametrize(("removal", "status"), [("delete", None), ("cancel", CANCELED.id)])
def test_a_journal_tells_removals_from_changes(removal: str, status: str | None) -> None:
    _, made = played(removal)
    assert sum(removes(line, status) for line in made.touched) == 2


def test_a_row_is_restored_with_all_that_the_guide_lists() -> None:
    row = booking_row(booking())
    assert row["Resource@odata.bind"].startswith("/bookableresources(")
    assert set(row) == {
        "bookableresourcebookingid", "name", "starttime", "endtime", "duration", "bookingtype", "msdyn_bookingmethod",
        "msdyn_externalbookingid", "Resource@odata.bind", "BookingStatus@odata.bind", "msdyn_shiftplan@odata.bind",
        "msdyn_shiftactivitytype@odata.bind", "msdyn_BookingSetupMetadataId@odata.bind",
    }  # fmt: skip
    assert "statecode" in booking_row(booking(), reactivate=True)
    assert "msdyn_shiftplan@odata.bind" not in booking_row(booking()._replace(plan=None))


ROWS = st.lists(st.tuples(st.integers(11, 17), st.sampled_from([8, 12, 16]), st.sampled_from([2, 4, 6])), unique=True)


@settings(max_examples=100, deadline=None)
@given(files=st.lists(ROWS.filter(len), min_size=2, max_size=4), removal=st.sampled_from(["delete", "cancel"]))
def test_imports_are_undone_one_after_the_other(files: list[list[tuple[int, int, int]]], removal: str) -> None:
    calendar = Calendar(profile=in_profile(removal=removal))
    states, journals = [], []
    for file in files:
        rows: list[Segment] = [segment(f"2027-01-{day} {hour:02}:00", hours) for day, hour, hours in file]
        random.Random(len(rows)).shuffle(rows)  # noqa: S311
        states.append(dict(calendar.bookings))
        journals.append(calendar.deliver(one._replace(row=row) for row, one in enumerate(rows, 2)).touched)
    for before, touched in zip(reversed(states), reversed(journals), strict=True):
        undo(calendar, touched)
        assert calendar.bookings == before
