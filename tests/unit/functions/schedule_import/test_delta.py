"""Rows that speak for themselves: each finds its own booking, and nobody else's is overwritten."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.schedule_import.decide.agents import Matching, agent_key
from functions.schedule_import.decide.delta import (
    KeyGroup,
    bookings_to_remove,
    choose_numbers,
    ids_to_look_for,
    key_groups,
)
from functions.schedule_import.decide.facts import Booking
from functions.schedule_import.decide.record_ids import booking_id
from functions.schedule_import.reading.segments import Segment
from tests.unit.functions.schedule_import.planning import ANNA, ASA, CHAT, CSV, LUNCH, booking, placed, segment

NAME = CSV.name
GROUP: KeyGroup = (ASA.id, "E7")
MATCHING = Matching({agent_key("email", "asa"): ASA, agent_key("email", "anna"): ANNA})


def looked_up(
    groups: Mapping[KeyGroup, Sequence[Segment]], there: Mapping[KeyGroup, Mapping[int, Booking]]
) -> dict[KeyGroup, dict[int, Booking | None]]:
    """What the look-ups find, round by round, as the story asks them."""
    known: dict[KeyGroup, dict[int, Booking | None]] = {}
    while asked := list(ids_to_look_for(groups, known, NAME)):
        for group, number, key in asked:
            assert key == booking_id(NAME, group[0], group[1], number)
            known.setdefault(group, {})[number] = there.get(group, {}).get(number)
        groups = {group: groups[group] for group, _, _ in asked}
    return known


def numbers(rows: Sequence[Segment], there: Mapping[int, Booking], *, adding_only: bool = False) -> list[int]:
    known = looked_up({GROUP: rows}, {GROUP: there})
    return choose_numbers(rows, known.get(GROUP, {}), CSV, adding_only=adding_only)


def row(start: str, hours: float = 8, **more: Any) -> Segment:
    return segment(f"2027-01-{start}:00", hours, external_id="E7", **more)


def at(start: str, hours: float = 8, **more: Any) -> Booking:
    return booking(f"2027-01-{start}:00", hours, **more)


@pytest.mark.parametrize(
    ("rows", "there", "chosen", "adding"),
    [
        pytest.param([row("11 08")], {}, [0], [0], id="nothing there"),
        pytest.param([row("11 08"), row("12 08")], {}, [0, 1], [0, 1], id="two, nothing there"),
        pytest.param([row("11 08")], {0: at("11 08")}, [0], [0], id="the same again"),
        pytest.param([row("11 08", activity="CHAT")], {0: at("11 08")}, [0], [0], id="the same, in capitals"),
        pytest.param([row("11 08")], {3: at("11 08")}, [3], [3], id="the same under a later number"),
        pytest.param([row("13 08")], {0: at("11 08")}, [0], [1], id="one id, one row: it has moved"),
        pytest.param([row("11 08", 4)], {0: at("11 08"), 1: at("12 08")}, [0], [2], id="shorter"),
        pytest.param([row("12 10")], {0: at("11 08"), 1: at("12 08")}, [1], [2], id="an hour or two later"),
        pytest.param([row("13 08")], {0: at("11 08"), 1: at("12 08")}, [2], [2], id="of a shared id another day"),
        pytest.param(
            [row("11 08", activity="Lunch")], {0: at("11 08"), 1: at("11 08", kind=LUNCH)}, [1], [1], id="its activity"
        ),
        pytest.param([row("11 08", activity="Lunch")], {0: at("11 08")}, [0], [1], id="another activity"),
        pytest.param([row("12 08"), row("11 08")], {0: at("11 08"), 1: at("12 08")}, [1, 0], [1, 0], id="both"),
        pytest.param([row("13 08"), row("14 08")], {0: at("01 08"), 2: at("02 08"), 3: at("03 08")}, [1, 4], [1, 4],
                     id="numbers with a hole, and one in use behind it"),
    ],
)  # fmt: skip
def test_which_booking_a_row_means(
    rows: list[Segment], there: dict[int, Booking], chosen: list[int], adding: list[int]
) -> None:
    assert numbers(rows, there) == chosen
    assert numbers(rows, there, adding_only=True) == adding


def test_rows_are_grouped_by_user_and_key_in_order_of_start() -> None:
    rows = [
        row("12 08"),
        row("11 08", agent="ASA"),
        row("11 08", agent="anna"),
        segment(activity="Lunch"),
        row("01 08", agent="who"),
    ]
    there, _ = placed(rows)
    removed = [row("13 08"), segment("2027-01-20 08:00", external_id="E9"), row("01 08", agent="nobody")]
    groups = key_groups(there, removed, MATCHING)
    assert {key: [one.start.day for one in some] for key, some in groups.items()} == {
        (ASA.id, "E7"): [11, 12],
        (ASA.id, "2027-01-11T08:00:00Z|lunch"): [11],
        (ANNA.id, "E7"): [11],
        (ASA.id, "E9"): [],
    }


@pytest.mark.parametrize(("external_id", "numbers"), [("", 1), ("E1", 4)])
def test_a_first_delta_asks_for_few_numbers(external_id: str, numbers: int) -> None:
    groups = {(ASA.id, f"key {number}"): [segment(external_id=external_id)] for number in range(50)}
    assert sum(map(len, looked_up(groups, {}).values())) == 50 * numbers


@pytest.mark.parametrize(
    ("gone", "there", "leaves"),
    [
        pytest.param([row("11 08")], {0: at("11 08"), 1: at("12 08")}, [0], id="the one at its time"),
        pytest.param([row("12 08")], {1: at("12 08")}, [1], id="the first number is gone already"),
        pytest.param([row("14 08")], {3: at("14 08")}, [3], id="several are"),
        pytest.param([row("13 08")], {0: at("11 08")}, [0], id="moved, but the only one of this id"),
        pytest.param([row("13 08")], {0: at("11 08"), 1: at("12 08")}, [], id="of a shared id none is meant"),
        pytest.param([row("11 08", 4)], {0: at("11 08", 4), 1: at("11 08")}, [0], id="of two starts the same length"),
        pytest.param([row("11 08", 5)], {0: at("11 08", 4), 1: at("12 08")}, [0], id="a length that has changed"),
        pytest.param([row("11 08", agent="anna")], {0: at("11 08")}, [], id="somebody else's"),
    ],
)
def test_a_row_that_is_marked_as_deleted(gone: list[Segment], there: dict[int, Booking], leaves: list[int]) -> None:
    groups = key_groups(placed([])[0], gone, MATCHING)
    known = looked_up(groups, {GROUP: there})
    removed = list(bookings_to_remove(gone, MATCHING, known))
    assert [found for _, found, _ in removed] == [there[number] for number in leaves]
    assert {user for user, _, _ in removed} <= {ASA.id}


def test_natural_keys_are_only_removed_at_their_own_start() -> None:
    gone = segment()
    known = {(ASA.id, "2027-01-11T08:00:00Z|chat"): {0: booking("2027-01-12 08:00")}}
    assert list(bookings_to_remove([gone], MATCHING, known)) == []


STRETCHES = st.tuples(st.integers(1, 6), st.integers(0, 20), st.sampled_from([1, 2, 8]), st.sampled_from([CHAT, LUNCH]))


@settings(max_examples=200, deadline=None)
@given(
    there=st.dictionaries(st.integers(0, 12), STRETCHES, max_size=8),
    rows=st.lists(STRETCHES, max_size=6, unique=True),
    adding_only=st.booleans(),
)
def test_numbers_never_collide_nor_overwrite_and_a_repetition_changes_nothing(
    there: dict[int, tuple[Any, ...]], rows: list[tuple[Any, ...]], adding_only: bool
) -> None:
    bookings = {
        number: at(f"{day:02} {hour:02}", hours, kind=kind) for number, (day, hour, hours, kind) in there.items()
    }
    # Holes are not longer than what is looked at beyond the last number in use.
    used = sorted(bookings)
    if any(after - before > 4 for before, after in zip([-1, *used], used, strict=False)) or (used and used[0] > 0):
        bookings = dict(enumerate(bookings.values()))
    segments = sorted(
        (row(f"{day:02} {hour:02}", hours, activity=kind.name) for day, hour, hours, kind in rows),
        key=lambda one: (one.start, one.end, one.activity),
    )
    chosen = numbers(segments, bookings, adding_only=adding_only)
    assert len(chosen) == len(segments)
    assert len(set(chosen)) == len(chosen)
    for one, number in zip(segments, chosen, strict=True):
        found = bookings.get(number)
        if adding_only and found is not None:
            assert (found.start, found.end, found.name) == (one.start, one.end, one.activity)
    kinds = {"Chat": CHAT, "Lunch": LUNCH}
    written = bookings | {
        number: booking(one.start, (one.end - one.start) / timedelta(hours=1), kind=kinds[one.activity])
        for one, number in zip(segments, chosen, strict=True)
    }
    again = numbers(segments, written, adding_only=adding_only)
    said = [(written[number].start, written[number].end, written[number].name) for number in again]
    assert said == [(one.start, one.end, one.activity) for one in segments]
