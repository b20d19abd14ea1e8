"""Rows of the agents' clients: which call each is, and that both end as one row wherever a run is cut off."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from functions.call_sync.decide.adoption import (
    Adopt,
    AdoptInstead,
    AlreadyThere,
    ClientRow,
    Decision,
    KeepOurs,
    LeaveBoth,
    LoggedCall,
    Nearness,
    OwnRow,
    Pair,
    RemoveOurs,
    Start,
    adopted_columns,
    completed_columns,
    joined_description,
    match,
    resolve,
    stamped_description,
    start_of,
)
from functions.call_sync.decide.fields import LONGEST_DESCRIPTION
from shared.calls.ids import phone_call_id
from shared.dataverse.tables import PHONE_CALL, JsonRow
from shared.phone_numbers import spellings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NEARNESS = Nearness(timedelta(seconds=15))
NUMBER = "+358401234567"
ANNA = "0a000000-0000-0000-0000-000000000001"
BEN = "0a000000-0000-0000-0000-000000000002"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def call_id(number: int) -> str:
    return str(UUID(int=number + 1))


def a_call(order: int = 0, start: float = 0, talk: float | None = 60, **given: object) -> LoggedCall:
    call = LoggedCall(
        call_id=call_id(order),
        phone_call_id=str(phone_call_id(call_id(order))),
        number=NUMBER,
        owner_id=ANNA,
        outgoing=True,
        started=at(start),
        ended=None if talk is None else at(start + talk),
    )
    return replace(call, **given)  # type: ignore[arg-type]


def a_row(name: str = "row", start: float = 0, **given: object) -> ClientRow:
    row = ClientRow(id=name, number=NUMBER, owner_id=ANNA, outgoing=True, started=at(start), started_is_exact=True)
    return replace(row, **given)  # type: ignore[arg-type]


def created(name: str, seconds: float) -> ClientRow:
    return a_row(name, seconds, started_is_exact=False)


def matched(
    calls: Sequence[LoggedCall], rows: Sequence[ClientRow], region: str | None = "FI", nearness: Nearness = NEARNESS
) -> dict[int, str]:
    """Number of the call -> id of its row."""
    return {UUID(call.call_id).int - 1: row.id for call, row in map(parts, match(calls, rows, nearness, region))}


def parts(pair: Pair) -> tuple[LoggedCall, ClientRow]:
    return pair.call, pair.row


# ------------------------------------------------------------------------------------------ start of a row


def times(scheduled: str | None, actual: str | None, created_on: str = "2026-03-02T12:30:00Z") -> JsonRow:
    return {"scheduledstart": scheduled, "actualstart": actual, "createdon": created_on}


@pytest.mark.parametrize(
    ("row", "start"),
    [
        pytest.param(times("2026-03-02T12:00:00Z", "2026-03-02T12:05:00Z"), Start(NOON, True), id="scheduled first"),
        pytest.param(times(None, "2026-03-02T12:00:00Z"), Start(NOON, True), id="actual with a time of day"),
        pytest.param(times(None, "2026-03-02T00:00:00Z"), Start(at(1800), False), id="a date alone"),
        pytest.param(times(None, "2026-03-01T22:00:00Z"), Start(at(1800), False), id="a date as Helsinki picks it"),
        pytest.param(times(None, "2026-03-02T00:00:01Z"), Start(at(-43199), True), id="a second after midnight"),
        pytest.param(times(None, None), Start(at(1800), False), id="only created"),
        pytest.param(times("2026-03-02T14:00:00+02:00", None), Start(NOON, True), id="with an offset"),
    ],
)
def test_start_of_a_row(row: JsonRow, start: Start) -> None:
    assert start_of(row, ZoneInfo("Europe/Helsinki")) == start


def test_start_needs_all_three_columns() -> None:
    with pytest.raises(KeyError):
        start_of({"scheduledstart": "2026-03-02T12:00:00Z", "createdon": "2026-03-02T12:00:00Z"})


# ------------------------------------------------------------------------------------------------ matching


@pytest.mark.parametrize(
    ("row", "is_the_call"),
    [
        pytest.param(a_row(), True, id="same start"),
        pytest.param(a_row(start=45), True, id="margin and skew late"),
        pytest.param(a_row(start=-45), True, id="margin and skew early"),
        pytest.param(a_row(start=45.001), False, id="too late"),
        pytest.param(a_row(start=-45.001), False, id="too early"),
        pytest.param(a_row(number="040 123 4567"), True, id="number as dialled at home"),
        pytest.param(a_row(number="00358 (0)40-1234567"), True, id="number with the prefix of abroad"),
        pytest.param(a_row(number="358401234567"), True, id="number without plus"),
        pytest.param(a_row(number="+358401234568"), False, id="other number"),
        pytest.param(a_row(number=""), False, id="no number"),
        pytest.param(a_row(owner_id=BEN), False, id="other owner"),
        pytest.param(a_row(outgoing=False), False, id="other direction"),
        pytest.param(a_row(stamp=call_id(7)), False, id="another call's already"),
        pytest.param(a_row(stamp=call_id(0), start=9000, number="", owner_id=BEN), True, id="stamped, then changed"),
        pytest.param(created("row", -15), True, id="created just before"),
        pytest.param(created("row", -16), False, id="created before the call"),
        pytest.param(created("row", 60 + 86400), True, id="logged by hand after 24 h"),
        pytest.param(created("row", 61 + 86400), False, id="logged later still"),
    ],
)
def test_a_row_is_the_call(row: ClientRow, is_the_call: bool) -> None:
    assert matched([a_call()], [row]) == ({0: "row"} if is_the_call else {})


def test_every_spelling_of_the_number_is_the_number() -> None:
    texts = spellings(NUMBER, "FI")
    assert len(texts) > 50
    assert [text for text in texts if not matched([a_call()], [a_row(number=text)])] == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10022", "10022", True),
        ("100 22", "10022", True),
        ("10022", "10023", False),
        ("", "", False),
        ("-", "-", False),
    ],
)
def test_numbers_that_the_world_does_not_know(one: str, other: str, same: bool) -> None:
    assert bool(matched([a_call(number=one)], [a_row(number=other)])) is same


@pytest.mark.parametrize(
    ("margin", "seconds", "near"),
    [(0, 30, True), (0, 31, False), (15, 45, True), (15, 46, False), (300, 330, True), (300, 331, False)],
)
def test_the_setting_moves_the_reach(margin: int, seconds: float, near: bool) -> None:
    found = matched([a_call()], [a_row(start=seconds)], nearness=Nearness(timedelta(seconds=margin)))
    assert bool(found) is near


def test_a_start_told_while_the_caller_waited_in_the_queue() -> None:
    waited = a_call(talk=400, reached_owner=at(300))
    assert matched([waited], [a_row(start=290)]) == {0: "row"}
    assert matched([waited], [a_row(start=345)]) == {0: "row"}
    assert matched([waited], [a_row(start=346)]) == {}


@pytest.mark.parametrize(
    ("starts", "rows", "found"),
    [
        pytest.param([0, 10], [("b", 10)], {1: "b"}, id="two calls, one row: the nearer call's"),
        pytest.param([0, 10], [("b", 10), ("a", 0)], {0: "a", 1: "b"}, id="two calls, two rows"),
        pytest.param([0], [("a", 2), ("b", 9)], {0: "a"}, id="one call, two rows: the nearer"),
        pytest.param([0, 20], [("a", 30), ("b", 50)], {0: "a", 1: "b"}, id="a clock 30 s fast"),
        pytest.param([0, 20], [("a", -30), ("b", -10)], {0: "a", 1: "b"}, id="a clock 30 s slow"),
        pytest.param([0, 50], [("a", 45), ("b", 95)], {0: "a", 1: "b"}, id="more pairs before nearer ones"),
        pytest.param([0, 20, 40], [("b", 21), ("c", 38)], {1: "b", 2: "c"}, id="the first without a row"),
    ],
)
def test_redials(starts: list[float], rows: list[tuple[str, float]], found: dict[int, str]) -> None:
    calls = [a_call(number, start, talk=5) for number, start in enumerate(starts)]
    assert matched(calls, [a_row(name, start) for name, start in rows]) == found


def test_the_row_of_a_call_that_gets_none_is_not_a_redials() -> None:
    calls = [a_call(0, 0, talk=3, gets_a_row=False), a_call(1, 10)]
    assert matched(calls, [a_row("a", 0)]) == {0: "a"}
    assert matched(calls[1:], [a_row("a", 0)]) == {1: "a"}
    assert resolve(match(calls, [a_row("a", 0)], NEARNESS), {}) == {}


def test_a_redial_whose_row_was_taken_gets_the_row_that_is_left() -> None:
    """The second call was reported late; the first took its row, and the first one's own is out of its reach."""
    calls = [a_call(0, 0, talk=5), a_call(1, 20, talk=5)]
    rows = [a_row("b", 40, stamp=call_id(0)), a_row("a", -30)]
    assert matched(calls, rows) == {0: "b", 1: "a"}
    assert matched(calls[:1], rows) == {0: "b"}
    assert matched([calls[0], a_call(1, 90)], rows) == {0: "b"}, "no chain leads there"


def test_a_chain_of_redials_that_took_each_the_row_of_the_next() -> None:
    calls = [a_call(0, 0, talk=5), a_call(1, 20, talk=5), a_call(2, 80, talk=5)]
    taken = [a_row("b", 30, stamp=call_id(0)), a_row("c", 60, stamp=call_id(1))]
    assert matched(calls, [*taken, a_row("a", -30)]) == {0: "b", 1: "c", 2: "a"}


def test_of_several_rows_with_one_stamp_the_nearest_is_the_calls() -> None:
    rows = [a_row("far", 8, stamp=call_id(0)), a_row("near", 2, stamp=call_id(0)), a_row("free", 0)]
    assert matched([a_call()], rows) == {0: "near"}
    assert matched([a_call()], rows[::-1]) == {0: "near"}


def test_any_moment_of_the_call_is_as_near_for_a_row_created_during_it() -> None:
    apart = [NEARNESS.apart(created("row", seconds), a_call()) for seconds in (-5, 0, 30, 60, 70)]
    assert apart == [timedelta(seconds=seconds) for seconds in (5, 0, 0, 0, 10)]


def test_a_row_created_during_the_call() -> None:
    calls = [a_call(0, 0, talk=600), a_call(1, 1000, talk=600)]
    assert matched(calls, [created("b", 1590)]) == {1: "b"}
    assert matched(calls, [created("a", 615)]) == {0: "a"}
    assert matched(calls, [created("b", 1590), created("a", 590)]) == {0: "a", 1: "b"}


def test_a_row_logged_by_hand_is_a_calls_when_one_alone_comes_into_question() -> None:
    calls = [a_call(0, 0), a_call(1, 3600)]
    assert matched(calls, [created("row", 1800)]) == {0: "row"}, "the other call came later"
    assert matched(calls, [created("row", 7200)]) == {}, "either"
    assert matched(calls, [created("row", 7200), a_row("b", 3600)]) == {0: "row", 1: "b"}
    assert matched(calls[:1], [created("x", 7200), created("y", 7300)]) == {0: "x"}


def test_exact_and_created_rows_among_each_other() -> None:
    """The client's clock makes the order of the rows that of no calls: neither stays alone for it."""
    calls = [a_call(0, 0, talk=600), a_call(1, 610, talk=60)]
    rows = [a_row("b", 575), created("a", 590)]
    assert matched(calls, rows) == {0: "a", 1: "b"}


def total_apart(calls: Sequence[LoggedCall], rows: Sequence[ClientRow]) -> tuple[int, timedelta]:
    """By trying everything: how many pairs are possible, and the least time between that many."""
    few, many, apart = (rows, calls, NEARNESS.apart) if len(rows) <= len(calls) else (calls, rows, flipped)
    best = (0, timedelta(0))
    for chosen in itertools.permutations(many, len(few)):
        gaps = [gap for one, other in zip(few, chosen, strict=True) if (gap := apart(one, other)) is not None]  # type: ignore[arg-type]
        best = min(best, (-len(gaps), sum(gaps, timedelta(0))))
    return best


def flipped(call: LoggedCall, row: ClientRow) -> timedelta | None:
    return NEARNESS.apart(row, call)


moments = st.lists(st.integers(0, 200), max_size=5)


@given(moments, moments, st.randoms())
@settings(deadline=None)
def test_as_many_pairs_as_possible_and_these_the_nearest(starts: list[int], told: list[int], chance: object) -> None:
    calls = [a_call(number, start, talk=0) for number, start in enumerate(starts)]
    rows = [a_row(f"row {number}", start) for number, start in enumerate(told)]
    pairs = match(calls, rows, NEARNESS)
    gaps = [NEARNESS.apart(pair.row, pair.call) for pair in pairs]
    assert None not in gaps
    assert (-len(pairs), sum((gap for gap in gaps if gap), timedelta(0))) == total_apart(calls, rows)
    assert len({pair.row.id for pair in pairs}) == len({pair.call.call_id for pair in pairs}) == len(pairs)
    chance.shuffle(calls)  # type: ignore[attr-defined]
    chance.shuffle(rows)  # type: ignore[attr-defined]
    assert match(calls, rows, NEARNESS) == pairs, "whatever order they come in"


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.data())
@settings(deadline=None)
def test_with_a_small_skew_each_row_is_its_own_calls(gaps: list[int], data: st.DataObject) -> None:
    """Clocks wrong by less than half the time between redials."""
    starts = list(itertools.accumulate(gaps, initial=0))
    most = min(gaps) / 2 - 0.001
    skews = data.draw(st.lists(st.none() | st.floats(-most, most), min_size=len(starts), max_size=len(starts)))
    calls = [a_call(number, start, talk=1) for number, start in enumerate(starts)]
    rows = {n: a_row(f"row {n}", starts[n] + skew) for n, skew in enumerate(skews) if skew is not None}
    assert matched(calls, list(rows.values())) == {number: row.id for number, row in rows.items()}


def test_a_day_of_calls_to_one_number_stays_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """4,000 calls and rows: each row is compared to the few calls that can be its own."""
    compared = 0
    apart = Nearness.apart

    def counted(self: Nearness, row: ClientRow, call: LoggedCall) -> timedelta | None:
        nonlocal compared
        compared += 1
        return apart(self, row, call)

    monkeypatch.setattr(Nearness, "apart", counted)
    calls = [a_call(number, number * 120) for number in range(4000)]
    assert len(matched(calls, [a_row(f"row {number}", number * 120 + 3) for number in range(4000)])) == 4000
    assert compared < 20_000


# ----------------------------------------------------------------------------------------------- resolving

OWN = OwnRow(id="own", description=f"Leg 1\nCallId is {call_id(0)}")
FREE, STAMPED = a_row(description="typed"), a_row(stamp=call_id(0), description=f"typed\nCallId is {call_id(0)}")
JOINED = f"typed\nLeg 1\nCallId is {call_id(0)}"


@pytest.mark.parametrize(
    ("row", "own", "decision"),
    [
        pytest.param(FREE, None, Adopt(call_id(0), "row"), id="the client's alone"),
        pytest.param(STAMPED, None, AlreadyThere(call_id(0), "row"), id="the client's, stamped"),
        pytest.param(FREE, OWN, AdoptInstead(call_id(0), "row", "own"), id="ours untouched"),
        pytest.param(STAMPED, OWN, RemoveOurs(call_id(0), "own", "row"), id="ours untouched, killed in between"),
        pytest.param(
            FREE, replace(OWN, changed_by_user=True), KeepOurs(call_id(0), "own", "row", JOINED), id="ours changed"
        ),
        pytest.param(
            FREE, replace(OWN, has_dependents=True), KeepOurs(call_id(0), "own", "row", JOINED), id="ours has a case"
        ),
        pytest.param(
            STAMPED,
            replace(OWN, changed_by_user=True),
            KeepOurs(call_id(0), "own", "row", JOINED),
            id="ours changed, killed in between",
        ),
        pytest.param(
            FREE,
            replace(OWN, changed_by_user=True, description=JOINED),
            KeepOurs(call_id(0), "own", "row", None),
            id="description there already",
        ),
        pytest.param(
            replace(FREE, has_dependents=True),
            OWN,
            AdoptInstead(call_id(0), "row", "own"),
            id="notes on the client's stay with it",
        ),
        pytest.param(
            replace(FREE, has_dependents=True),
            replace(OWN, changed_by_user=True),
            LeaveBoth(call_id(0), "own", "row"),
            id="people work with both",
        ),
    ],
)
def test_decisions(row: ClientRow, own: OwnRow | None, decision: Decision) -> None:
    assert resolve([Pair(a_call(), row)], {call_id(0): own} if own else {}) == {call_id(0): decision}


# ------------------------------------------------------------------------------------------------- columns

EMPTY: JsonRow = {
    "activityid": "row",
    "subject": None,
    "description": None,
    "phonenumber": NUMBER,
    "directioncode": False,
    "scheduledstart": None,
    "actualend": None,
    "actualdurationminutes": None,
    "_regardingobjectid_value": None,
    "_ownerid_value": ANNA,
}
AUDIT = f"CallId is {call_id(0)}"
CONTACT = UUID(int=77)
WANTED = PHONE_CALL.row(
    UUID(int=5),
    {
        "subject": "Outgoing direct call",
        "description": f"Leg 1\n{AUDIT}",
        "phonenumber": NUMBER,
        "directioncode": True,
        "scheduledstart": NOON,
        "actualend": at(300),
        "actualdurationminutes": 5,
        "statecode": 1,
        "statuscode": 2,
    },
    {"regardingobjectid_contact_phonecall": CONTACT, "ownerid": UUID(BEN)},
    {"phonecall_activity_parties": []},
)
FILLED = {
    "subject": "Outgoing direct call",
    "description": f"Leg 1\n{AUDIT}",
    "scheduledstart": "2026-03-02T12:00:00Z",
    "actualend": "2026-03-02T12:05:00Z",
    "actualdurationminutes": 5,
    "regardingobjectid_contact_phonecall@odata.bind": f"/contacts({CONTACT})",
}


def without(columns: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in columns.items() if name not in names}


@pytest.mark.parametrize(
    ("row", "filled"),
    [
        pytest.param({}, FILLED, id="what is empty"),
        pytest.param({"subject": "Mine"}, without(FILLED, "subject"), id="not what the agent typed"),
        pytest.param({"subject": "  "}, FILLED, id="blank is empty"),
        pytest.param({"actualdurationminutes": 0}, without(FILLED, "actualdurationminutes"), id="0 is a value"),
        pytest.param(
            {"_regardingobjectid_value": "an incident"},
            without(FILLED, "regardingobjectid_contact_phonecall@odata.bind"),
            id="regarding a case",
        ),
    ],
)
def test_only_empty_columns_are_filled(row: JsonRow, filled: dict[str, object]) -> None:
    assert completed_columns(EMPTY | row, WANTED) == filled


def test_columns_that_were_not_read_are_not_taken_for_empty() -> None:
    with pytest.raises(KeyError):
        completed_columns(without(EMPTY, "subject"), WANTED)


@pytest.mark.parametrize(
    ("text", "description"),
    [
        pytest.param(None, f"Leg 1\n{AUDIT}", id="empty: all of ours"),
        pytest.param("He calls again.", f"He calls again.\n{AUDIT}", id="the agent's text stays in front"),
        pytest.param(f"He calls.\n{AUDIT}", None, id="stamped already"),
        pytest.param(f"He calls.\n{AUDIT.upper().replace('CALLID IS', 'CallId is')}", None, id="in capitals"),
        pytest.param("CallId is unknown", f"CallId is unknown\n{AUDIT}", id="words that are no stamp"),
    ],
)
def test_the_stamp_is_the_last_line(text: str | None, description: str | None) -> None:
    adopted = adopted_columns(EMPTY | {"description": text}, WANTED, AUDIT)
    assert adopted == (without(FILLED, "description") | ({"description": description} if description else {}))


def test_the_stamp_in_a_column_of_its_own() -> None:
    wanted = {"description": "Leg 1", "new_audit": AUDIT}
    row: JsonRow = {"description": "typed", "new_audit": "something"}
    assert adopted_columns(row, wanted, AUDIT, "new_audit") == {"new_audit": AUDIT}
    assert adopted_columns(row | {"description": None}, wanted, AUDIT, "new_audit") == {
        "description": "Leg 1",
        "new_audit": AUDIT,
    }
    assert adopted_columns(row | {"new_audit": AUDIT}, wanted, AUDIT, "new_audit") == {}


LONG_AUDIT = f"{AUDIT}, {'received ' * 200}"


@pytest.mark.parametrize(
    ("text", "audit", "stamped"),
    [
        pytest.param("x" * 1000, LONG_AUDIT, f"{'x' * 1000}\n{LONG_AUDIT[:999]}", id="the audit text gives way"),
        pytest.param("x" * 1990, LONG_AUDIT, f"{'x' * 1953}\n{AUDIT}", id="but not the call id"),
        pytest.param("x" * 2000, AUDIT, f"{'x' * 1953}\n{AUDIT}", id="for that the end of the text"),
        pytest.param("😀" * 1000, AUDIT, f"{'😀' * 976}\n{AUDIT}", id="no half signs"),
    ],
)
def test_what_is_too_long(text: str, audit: str, stamped: str) -> None:
    assert stamped_description(text, audit) == stamped


@pytest.mark.parametrize(
    ("clients", "ours", "joined"),
    [
        pytest.param("typed", f"Leg 1\n{AUDIT}", f"typed\nLeg 1\n{AUDIT}", id="in front"),
        pytest.param(f"typed\n{AUDIT}", f"Leg 1\n{AUDIT}", f"typed\nLeg 1\n{AUDIT}", id="without its stamp"),
        pytest.param("typed", AUDIT, f"typed\n{AUDIT}", id="ours is the stamp alone"),
        pytest.param("typed", "Leg 1", "typed\nLeg 1", id="stamped in another column"),
        pytest.param("typed", "", "typed", id="ours is empty"),
        pytest.param("", f"Leg 1\n{AUDIT}", f"Leg 1\n{AUDIT}", id="nothing typed"),
        pytest.param("z" * 2000, f" {AUDIT}", f"{'z' * 1953}\n{AUDIT}", id="stamp moved by a blank"),
        pytest.param("typed", f"Leg 1\n{AUDIT}\nbelow", f"typed\nLeg 1\nbelow\n{AUDIT}", id="typed below the stamp"),
        pytest.param("typed\r\n" + AUDIT, f"Leg 1\r\n{AUDIT}", f"typed\nLeg 1\n{AUDIT}", id="Windows' line ends"),
        pytest.param("a\r\nb", f"a\nb\nLeg 1\n{AUDIT}", f"a\nb\nLeg 1\n{AUDIT}", id="there with other line ends"),
        pytest.param("x" * 2000, f"Leg 1\n{AUDIT}", f"{'x' * 1953}\n{AUDIT}", id="too long"),
    ],
)
def test_joined_descriptions(clients: str, ours: str, joined: str) -> None:
    assert joined_description(clients, ours) == joined


texts = st.text(st.sampled_from("ab \n\r😀"), max_size=20) | st.integers(900, 2000).map(lambda length: "y" * length)


@given(texts, texts, st.booleans())
def test_texts_are_joined_once_and_fit(clients: str, ours: str, is_stamped: bool) -> None:
    assume(len(ours) < 1900)
    before = stamped_description(ours, AUDIT) if is_stamped else ours
    once = joined_description(clients, before)
    assert joined_description(clients, once) == once
    assert len(once.encode("utf-16-le")) // 2 <= LONGEST_DESCRIPTION
    assert once.endswith(AUDIT) or not is_stamped


# ------------------------------------------------------------------------------------- runs that are cut off


@dataclass(slots=True)
class Stored:
    """A phone call in a Dynamics of the test."""

    start: datetime
    is_exact: bool = True
    stamp: str | None = None
    texts: tuple[str, ...] = ()
    """What people typed into it."""
    touched: bool = False


@dataclass(slots=True)
class Dynamics:
    is_atomic: bool = True
    """Whether the writes of one decision travel as a change set."""
    rows: dict[str, Stored] = field(default_factory=dict)

    def steps(self, calls: Sequence[LoggedCall]) -> list[Callable[[], None]]:
        """What a run would write now, one atomic request each."""
        own_ids = {call.phone_call_id for call in calls}
        clients = [self._client_row(id_, row) for id_, row in self.rows.items() if id_ not in own_ids]
        own = {call.call_id: self._own_row(call) for call in calls if call.phone_call_id in self.rows}
        decisions = resolve(match(calls, clients, NEARNESS), own)
        steps: list[Callable[[], None]] = []
        for call in calls:
            decision = decisions.get(call.call_id)
            if decision is not None:
                writes = self._writes_of(decision)
                steps += [change_set(writes)] if writes and self.is_atomic else writes
            elif call.call_id not in own:
                steps.append(lambda call=call: self._create(call))  # type: ignore[misc]
        return steps

    def _client_row(self, id_: str, row: Stored) -> ClientRow:
        return a_row(
            id_, started=row.start, started_is_exact=row.is_exact, stamp=row.stamp, description="\n".join(row.texts)
        )

    def _own_row(self, call: LoggedCall) -> OwnRow:
        row = self.rows[call.phone_call_id]
        description = "\n".join((*row.texts, f"CallId is {call.call_id}"))
        return OwnRow(id=call.phone_call_id, description=description, changed_by_user=row.touched)

    def _writes_of(self, decision: Decision) -> list[Callable[[], None]]:
        match decision:
            case Adopt(call_id=id_, row_id=row):
                return [lambda: self._stamp(row, id_)]
            case AdoptInstead(call_id=id_, row_id=row, own_id=own):
                return [lambda: self._stamp(row, id_), lambda: self._delete(own)]
            case KeepOurs(own_id=own, row_id=row, description=description):
                write = [] if description is None else [lambda: self._describe(own, description)]
                return [*write, lambda: self._delete(row)]
            case RemoveOurs(own_id=own):
                return [lambda: self._delete(own)]
            case AlreadyThere() | LeaveBoth():
                return []
            case _:
                assert_never(decision)

    def _create(self, call: LoggedCall) -> None:
        assert call.phone_call_id not in self.rows
        self.rows[call.phone_call_id] = Stored(call.started, stamp=call.call_id)

    def _stamp(self, row: str, call_id: str) -> None:
        assert self.rows[row].stamp is None
        self.rows[row].stamp = call_id

    def _delete(self, row: str) -> None:
        del self.rows[row]

    def _describe(self, row: str, description: str) -> None:
        *texts, stamp = description.split("\n")
        assert stamp == f"CallId is {self.rows[row].stamp}"
        self.rows[row].texts = tuple(texts)


def change_set(writes: Sequence[Callable[[], None]]) -> Callable[[], None]:
    def write_all() -> None:
        for write in writes:
            write()

    return write_all


def run(dynamics: Dynamics, calls: Sequence[LoggedCall], stop_after: int | None = None) -> int:
    """One run, killed after so many writes; how many there were."""
    steps = dynamics.steps(calls)[:stop_after]
    for step in steps:
        step()
    return len(steps)


def assert_one_row_each(dynamics: Dynamics, calls: Sequence[LoggedCall], typed: frozenset[str]) -> None:
    assert sorted(row.stamp or "none" for row in dynamics.rows.values()) == sorted(call.call_id for call in calls)
    kept = [text for row in dynamics.rows.values() for text in row.texts]
    assert set(kept) == typed, "nobody's text is gone"
    assert len(kept) == len(typed) or not dynamics.is_atomic, "each text once"
    assert run(dynamics, calls) == 0, "nothing is left to do"


@pytest.mark.parametrize("touched", [False, True])
@pytest.mark.parametrize("first", ["ours", "client"])
@pytest.mark.parametrize("edited_in_between", [False, True])
def test_killed_after_each_write(touched: bool, first: str, edited_in_between: bool) -> None:
    call = a_call()
    ends = []
    for stop_after in range(4):
        dynamics = Dynamics(is_atomic=False)
        typed = {"typed"}
        if first == "ours":
            run(dynamics, [call])
            dynamics.rows[call.phone_call_id].touched = touched
        dynamics.rows["row"] = Stored(at(3), texts=("typed",))
        run(dynamics, [call], stop_after)
        if edited_in_between and call.phone_call_id in dynamics.rows:
            own = dynamics.rows[call.phone_call_id]
            own.touched, own.texts = True, (*own.texts, "edited")
            typed.add("edited")
        for _ in range(3):
            run(dynamics, [call])
        assert_one_row_each(dynamics, [call], frozenset(typed))
        ends.append(set(dynamics.rows))
    if not edited_in_between:
        assert all(end == ends[0] for end in ends)
        assert ends[0] == ({call.phone_call_id} if touched and first == "ours" else {"row"})


@dataclass(frozen=True, slots=True)
class Redials:
    """Calls of one agent to one number, the rows that the client made of some, and the order in which all appear."""

    starts: tuple[int, ...]
    skews: tuple[int | None, ...]
    """None: the client made no row of this call."""
    order: tuple[tuple[str, int], ...]
    kills: tuple[int | None, ...]
    """After so many writes of the run that follows each appearance; None: it goes through."""
    touched: frozenset[int]
    """Appearances after whose run a user edits the newest row of ours."""


@st.composite
def redials(draw: st.DrawFn) -> Redials:
    gaps = draw(st.lists(st.integers(1, 20), max_size=5))
    starts = tuple(itertools.accumulate(gaps, initial=0))
    skews = tuple(draw(st.none() | st.integers(-30, 30)) for _ in starts)
    events = [("call", number) for number in range(len(starts))]
    events += [("row", number) for number, skew in enumerate(skews) if skew is not None]
    order = tuple(draw(st.permutations(events)))
    kills = tuple(draw(st.none() | st.integers(0, 4)) for _ in order)
    touched = draw(st.frozensets(st.integers(0, len(order) - 1), max_size=3))
    return Redials(starts, skews, order, kills, touched)


@given(redials(), st.booleans())
@example(
    Redials(
        starts=(0, 20),
        skews=(-30, 20),
        order=(("call", 0), ("row", 1), ("call", 1), ("row", 0)),
        kills=(None, None, None, None),
        touched=frozenset(),
    ),
    True,
)
@settings(max_examples=400, deadline=None)
def test_as_many_rows_as_calls(world: Redials, is_atomic: bool) -> None:
    """Redials 1 to 20 s apart, clocks wrong by up to 30 s either way, rows and calls that appear in any order, runs
    that end after any write, users who edit: in the end rows = calls, and nothing that anybody typed is gone."""
    dynamics, calls, typed = Dynamics(is_atomic), list[LoggedCall](), set[str]()
    all_calls = [a_call(number, start, talk=0.5) for number, start in enumerate(world.starts)]
    for at_event, ((kind, number), kill) in enumerate(zip(world.order, world.kills, strict=True)):
        if kind == "call":
            calls.append(all_calls[number])
        else:
            skew = world.skews[number]
            assert skew is not None
            typed.add(f"typed {number}")
            dynamics.rows[f"row {number}"] = Stored(at(world.starts[number] + skew), texts=(f"typed {number}",))
        run(dynamics, calls, kill)
        ours = [row for call in calls if (row := dynamics.rows.get(call.phone_call_id))]
        if at_event in world.touched and ours:
            ours[-1].touched, ours[-1].texts = True, (*ours[-1].texts, f"edited {at_event}")
            typed.add(f"edited {at_event}")
    for _ in range(3):
        run(dynamics, calls)
    assert_one_row_each(dynamics, all_calls, frozenset(typed))
