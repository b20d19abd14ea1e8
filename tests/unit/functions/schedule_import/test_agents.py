"""Agents: nobody is guessed, and the same shift is the same whatever stands around it."""

import random

import pytest

from functions.schedule_import.decide.agents import agent_key, match_agents, place_segments, system_user_keys
from functions.schedule_import.decide.facts import User
from functions.schedule_import.reading.agents_csv import NO_DIRECTORY, AgentDirectory, read_agents
from tests.unit.functions.schedule_import.planning import ANNA, ASA, CSV, placed, segment, user
from tests.unit.functions.schedule_import.reading import site_profile

ASA_BEFORE = user(7, "Åsa Lindqvist", disabled=True)
OTHER_ANNA = user(8, "Anna Virtanen")
DIRECTORY = read_agents(b"email,talkdeskId\nasa@x.example,007\nanna@x.example,008\nben@x.example,008\n")


@pytest.mark.parametrize(
    ("users", "code", "may_mean"),
    [
        pytest.param((), "UNKNOWN_AGENT", (), id="nobody"),
        pytest.param((ASA_BEFORE,), "DISABLED_USER", (ASA_BEFORE,), id="a disabled user"),
        pytest.param((ANNA, OTHER_ANNA), "AMBIGUOUS_AGENT", (ANNA, OTHER_ANNA), id="two of one name"),
        pytest.param((ASA, ASA_BEFORE), None, (ASA,), id="one enabled beside a disabled one"),
    ],
)
def test_a_value_means_one_enabled_user_or_nobody(
    users: tuple[User, ...], code: str | None, may_mean: tuple[User, ...]
) -> None:
    key = agent_key("fullname", "Anna Virtanen")
    matching = match_agents([key], {key: users}, NO_DIRECTORY)
    assert matching.users.get(key) == (users[0] if code is None else None)
    assert matching.problems.get(key, (None,))[0] == code
    assert matching.named_by(key) == tuple(one.id for one in may_mean)


@pytest.mark.parametrize(
    ("value", "same"),
    [
        pytest.param("ASA@X.example", True, id="case does not count"),
        pytest.param("  asa@x.example ", True, id="blanks around it do not count"),
        pytest.param("asa@x.example.", False, id="every character counts"),
    ],
)
def test_an_agent_key_folds_case_and_blanks_only(value: str, same: bool) -> None:
    assert (agent_key("email", value) == agent_key("email", "asa@x.example")) is same


def test_leading_zeros_of_an_agents_code_count() -> None:
    assert agent_key("employeeid", "00023") != agent_key("employeeid", "23")


@pytest.mark.parametrize(
    ("scheme", "value", "emails"),
    [
        pytest.param("talkdeskId", "007", {"asa@x.example"}, id="one"),
        pytest.param("talkdeskId", "008", {"anna@x.example", "ben@x.example"}, id="two people share it"),
        pytest.param("talkdeskId", "7", set(), id="zeros count"),
        pytest.param("genesysId", "007", set(), id="another scheme"),
    ],
)
def test_a_vendors_own_id_is_asked_by_its_e_mail_addresses(scheme: str, value: str, emails: set[str]) -> None:
    assert system_user_keys([agent_key(scheme, value)], DIRECTORY) == {("email", email) for email in emails}


def test_a_vendors_own_id_that_stands_for_two_people_is_ambiguous() -> None:
    found = {agent_key("email", "anna@x.example"): (ANNA,), agent_key("email", "ben@x.example"): (OTHER_ANNA,)}
    key = agent_key("talkdeskId", "008")
    assert match_agents([key], found, DIRECTORY).problems[key][0] == "AMBIGUOUS_AGENT"


def test_two_addresses_of_one_user_are_one_user() -> None:
    directory = AgentDirectory({("tvID", "1"): ("a@x.example", "b@x.example")}, frozenset({"tvID"}))
    found = {("email", "a@x.example"): (ASA,), ("email", "b@x.example"): (ASA,)}
    assert match_agents([("tvID", "1")], found, directory).users == {("tvID", "1"): ASA}


def test_the_problem_of_a_vendors_id_names_the_directory() -> None:
    key = agent_key("talkdeskId", "999")
    assert "agents.csv" in match_agents([key], {}, DIRECTORY).problems[key][1]


def test_rows_without_a_user_are_skipped_with_their_column_and_kept_aside() -> None:
    there, _ = placed([segment(agent="nobody", row=7), segment(agent="asa", row=8)])
    assert [(skip.row, skip.code, skip.column) for skip in there.skipped] == [(7, "UNKNOWN_AGENT", "agent")]
    assert [(issue.code, issue.agent) for issue in there.issues] == [("UNKNOWN_AGENT", "nobody")]
    assert [one.row for one in there.by_user[ASA.id]] == [8]
    assert [one.row for segments in there.unmatched.values() for one in segments] == [7]


def test_values_of_one_user_are_one_agent_in_order_of_start() -> None:
    key, other = agent_key("email", "asa"), agent_key("email", "asa@old.example")
    matching = match_agents([key, other], {key: (ASA,), other: (ASA,)}, NO_DIRECTORY)
    rows = [segment("2027-01-12 08:00", row=2), segment("2027-01-11 08:00", agent="asa@old.example", row=3)]
    assert [one.row for one in place_segments(rows, matching, "agent", CSV).by_user[ASA.id]] == [3, 2]


@pytest.mark.parametrize(
    ("second", "is_duplicate"),
    [
        pytest.param(segment(agent="ASA", activity="CHAT"), True, id="in capitals"),
        pytest.param(segment(external_id="E9", plan="other", status="Booked"), True, id="another id, plan, status"),
        pytest.param(segment(hours=9), False, id="longer"),
        pytest.param(segment(activity="Lunch"), False, id="another activity"),
        pytest.param(segment("2027-01-11 09:00", 7), False, id="begins later"),
    ],
)
def test_a_repeated_row_is_written_once_and_reported(second: object, is_duplicate: bool) -> None:
    there, _ = placed([segment(row=2), second._replace(row=3)])  # type: ignore[attr-defined]
    assert len(there.by_user[ASA.id]) == (1 if is_duplicate else 2)
    assert [skip.code for skip in there.skipped] == (["DUPLICATE"] if is_duplicate else [])


def test_words_for_the_same_activity_repeat_each_other() -> None:
    meaning = {"name": "Vacation", "assignable": False}
    profile = site_profile("openschichtplaner5-absences", activities={"Ferien": meaning, "Frei": meaning})
    words = ["Urlaub", "URLAUB", "Ferien", "Vacation", "Krank", "Elternzeit", "elternzeit"]
    _, matching = placed([segment()])
    rows = [segment(activity=word, row=row) for row, word in enumerate(words, 2)]
    there = place_segments(rows, matching, "agent", profile)
    assert {one.activity.casefold() for one in there.by_user[ASA.id]} == {"elternzeit", "krank", "ferien"}
    assert [skip.code for skip in there.skipped] == 4 * ["DUPLICATE"]


def test_of_equal_rows_the_first_is_written() -> None:
    there, _ = placed([segment(row=9), segment(row=4), segment(row=6)])
    assert [one.row for one in there.by_user[ASA.id]] == [4]
    assert sorted(skip.row for skip in there.skipped) == [6, 9]


def test_repeated_rows_of_an_unknown_agent_are_reported_as_both() -> None:
    there, _ = placed([segment(agent="nobody", row=2), segment(agent="nobody", row=3)])
    assert sorted((skip.row, skip.code) for skip in there.skipped) == [(2, "UNKNOWN_AGENT"), (3, "DUPLICATE")]


def test_the_order_of_rows_does_not_matter_whatever_starts_at_once() -> None:
    rows = [
        segment(hours=hours, activity=activity, external_id=external_id, plan=plan)
        for hours in (1, 2)
        for activity in ("Chat", "CHAT", "Lunch")
        for external_id in ("", "E1", "E2")
        for plan in ("", "north")
    ]

    def content(order: int) -> list[tuple[object, ...]]:
        shuffled = random.Random(order).sample(rows, len(rows))  # noqa: S311
        numbered = [one._replace(row=row) for row, one in enumerate(shuffled, 2)]
        return [one[1:] for one in placed(numbered)[0].by_user[ASA.id]]

    assert all(content(order) == content(0) for order in range(1, 20))
