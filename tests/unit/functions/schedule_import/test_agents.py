"""Agents and keys: nobody is guessed, and the same shift has the same key whatever stands around it."""

import random
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from functions.schedule_import.decide.agents import place_segments
from functions.schedule_import.decide.facts import User
from functions.schedule_import.decide.record_ids import booking_mark
from functions.schedule_import.reading.segments import Segment

ASA = User(UUID(int=1), "Åsa Lindqvist", disabled=False)
ASA_BEFORE = User(UUID(int=2), "Åsa Lindqvist", disabled=True)
ANNA = User(UUID(int=3), "Anna Virtanen", disabled=False)
OTHER_ANNA = User(UUID(int=4), "Anna Virtanen", disabled=False)
EIGHT = datetime(2027, 1, 11, 8, tzinfo=UTC)


def segment(agent: str = "asa", row: int = 2, start: datetime = EIGHT, hours: int = 1, **more: str) -> Segment:
    said = {"activity": "Chat", "time_zone": "UTC"} | more
    return Segment(
        row=row, agent=agent, start=start, end=start + timedelta(hours=hours), shift_date=date(2027, 1, 11), **said
    )  # fmt: skip


@pytest.mark.parametrize(
    ("users", "code"),
    [
        pytest.param((), "UNKNOWN_AGENT", id="nobody"),
        pytest.param((ASA_BEFORE,), "DISABLED_USER", id="a disabled user"),
        pytest.param((ANNA, OTHER_ANNA), "AMBIGUOUS_AGENT", id="two of one name"),
        pytest.param((ASA, ASA_BEFORE), None, id="one enabled beside a disabled one"),
    ],
)
def test_matching(users: tuple[User, ...], code: str | None) -> None:
    placement = place_segments([segment("ASA")], {"asa": users}, profile="p", agent_column="who")
    if code is None:
        assert [item.user for item in placement.placed] == [ASA]
    else:
        assert [(skip.row, skip.code, skip.column) for skip in placement.skipped] == [(2, code, "who")]
        assert [(issue.code, issue.agent) for issue in placement.issues] == [(code, "ASA")]
        assert placement.placed == []


def test_a_repeated_row_is_written_once_and_reported() -> None:
    rows = [segment(row=2), segment("Asa", row=3, activity="CHAT"), segment(row=4, activity="Lunch")]
    placement = place_segments(rows, {"asa": (ASA,)}, profile="p", agent_column="who")
    assert [item.segment.row for item in placement.placed] == [2, 4]
    assert [(skip.row, skip.code) for skip in placement.skipped] == [(3, "DUPLICATE")]


def keys(rows: list[Segment], profile: str = "p") -> dict[int, UUID]:
    placed = place_segments(rows, {"asa": (ASA,), "anna": (ANNA,)}, profile=profile, agent_column="who").placed
    return {item.segment.row: item.booking_id for item in placed}


def test_keys_do_not_depend_on_the_order_of_rows() -> None:
    rows = [segment(row=row, hours=hours) for row, hours in enumerate((3, 1, 2), 2)]
    rows += [segment(row=row, external_id="E7", start=EIGHT + timedelta(days=row)) for row in (9, 8)]
    shuffled = random.Random(7).sample(rows, len(rows))  # noqa: S311
    assert keys(shuffled) == keys(rows)
    assert len(set(keys(rows).values())) == len(rows)


def test_a_key_is_a_function_of_profile_agent_and_source_key_alone() -> None:
    assert keys([segment(row=2)])[2] == keys([segment(row=99, plan="other", status="Booked", hours=3)])[99]
    assert keys([segment(row=2)])[2] != keys([segment("anna", row=2)])[2]
    assert keys([segment(row=2)])[2] != keys([segment(row=2)], profile="q")[2]
    moved = segment(row=2, external_id="E1", start=EIGHT + timedelta(hours=5), activity="Lunch")
    assert keys([segment(row=2, external_id="E1")])[2] == keys([moved])[2], "a source's own id survives a move"


def test_a_key_never_changes_between_releases() -> None:
    assert keys([segment()])[2] == UUID("68be8177-30d6-5bda-bbf7-06b984ba2145")
    assert keys([segment(external_id="E1")])[2] == UUID("eb43788a-25f3-56c5-a784-2f99d00db030")


@pytest.mark.parametrize("external_id", ["", "E-1", "x" * 99, "ö" * 200, "😀" * 60])
def test_a_mark_fits_its_column_and_names_the_profile(external_id: str) -> None:
    mark = booking_mark("nice-iex", external_id, "natural")
    assert mark.startswith("sb:nice-iex:")
    assert len(mark.encode("utf-16-le")) <= 200
    assert mark == booking_mark("nice-iex", external_id, "natural")
    assert mark != booking_mark("nice-iex", external_id + "!", "natural!")
