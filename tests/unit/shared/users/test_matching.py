"""Who is who: every rule as a row. Enreach users are `id:login`, Dynamics users `name email/override =id`."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from shared.users.matching import Assignment, DynamicsUser, User, assign, canonical_id, plain_email, user_map


@dataclass(frozen=True)
class Listed:
    id: str
    user_name: str


def guid(name: str) -> str:
    """A readable GUID: `7` is 77777777-7777-7777-7777-777777777777."""
    return canonical_id((name * 32)[:32])


def listed(*texts: str) -> list[Listed]:
    return [Listed(guid(id_), login) for id_, login in (text.split(":") for text in texts)]


def person(text: str) -> DynamicsUser:
    """`ann ann@x/override@x =7`: a user of Dynamics by its name, e-mail, override e-mail and id."""
    name, *rest = text.split()
    emails = next((part for part in rest if not part.startswith("=")), "")
    email, _, override = emails.partition("/")
    held = next((guid(part[1:]) for part in rest if part.startswith("=")), "")
    return DynamicsUser(name, plain_email(email), plain_email(override), held)


def names(ids: Mapping[str, str]) -> str:
    return " ".join(sorted(f"{id_[0]}>{user_id}" for id_, user_id in ids.items()))


def outcome(found: Assignment) -> dict[str, str]:
    told = {
        "matched": names(found.matched),
        "kept": names(found.kept),
        "ambiguous here": " ".join(sorted(found.ambiguous_in_dynamics)),
        "ambiguous there": " ".join(sorted(id_[0] for id_ in found.ambiguous_in_enreach)),
        "missing here": " ".join(sorted(id_[0] for id_ in found.missing_in_dynamics)),
        "missing there": " ".join(sorted(found.missing_in_enreach)),
    }
    return {name: text for name, text in told.items() if text}


ANN = "ann ann@x"

BY_EMAIL = [
    pytest.param([ANN], ["1:ann@x"], {"matched": "1>ann"}, id="by the primary e-mail"),
    pytest.param(["ann ANN@X"], ["1: Ann@x "], {"matched": "1>ann"}, id="whatever the case and the white space"),
    pytest.param(["ann wei\u00df@x"], ["1:weiss@x"], {"missing here": "1"}, id="but not whatever the letter"),
    pytest.param(["ann a@crm/ann@x"], ["1:ann@x"], {"matched": "1>ann"}, id="by the override"),
    pytest.param(["ann ann@x/a@voice"], ["1:ann@x", "2:a@voice"], {"matched": "2>ann", "missing here": "1"},
                 id="the override comes first"),
    pytest.param(["ann ann@x/nobody@x"], ["1:ann@x"], {"matched": "1>ann"},
                 id="the primary where the override is not known"),
    pytest.param([ANN], ["1:bob@x"], {"missing here": "1"}, id="nobody in Dynamics; nobody misses Ann in Enreach"),
    pytest.param(["ann /ann@x"], ["1:bob@x"], {"missing here": "1", "missing there": "ann"},
                 id="an override is a promise that Enreach has the user"),
    pytest.param(["ann"], ["1:"], {"missing here": "1"}, id="no e-mail is not an e-mail"),
    pytest.param([ANN, "bot ann@x"], ["1:ann@x"], {"ambiguous here": "ann bot"}, id="two users of one e-mail"),
    pytest.param([ANN, "bot ann@x"], ["1:bob@x"], {"missing here": "1"},
                 id="two users of an e-mail that Enreach lacks"),
    pytest.param([ANN, "bob b@x/ann@x"], ["1:ann@x"], {"ambiguous here": "ann bob"},
                 id="an override that is the primary e-mail of another"),
    pytest.param([ANN], ["1:ann@x", "2:ANN@x"], {"ambiguous here": "ann", "ambiguous there": "1 2"},
                 id="two Enreach users of one login"),
    pytest.param([], ["1:ann@x", "2:ann@x"], {"ambiguous there": "1 2"}, id="the same, for nobody"),
    pytest.param([ANN, "bob bob@x"], ["1:ann@x", "1:bob@x"], {"ambiguous here": "ann bob", "ambiguous there": "1"},
                 id="one Enreach user with two logins"),
    pytest.param([ANN], ["1:ann@x", "1:Ann@x"], {"matched": "1>ann"}, id="one Enreach user listed twice"),
    pytest.param([ANN, "bob bob@x", "bot bob@x"], ["1:ann@x", "2:bob@x"],
                 {"matched": "1>ann", "ambiguous here": "bob bot"}, id="ambiguous for some is nothing to others"),
]  # fmt: skip


@pytest.mark.parametrize(("people", "enreach", "wanted"), BY_EMAIL)
def test_users_are_matched_by_e_mail(people: list[str], enreach: list[str], wanted: dict[str, str]) -> None:
    assert outcome(assign([person(text) for text in people], listed(*enreach), None)) == wanted


IN_THE_COLUMN = [
    pytest.param(["ann a@crm =7"], [], {"kept": "7>ann", "missing there": "ann"}, id="the Enreach user is gone"),
    pytest.param(["ann a@crm =7"], ["7:ann@x"], {"kept": "7>ann"}, id="typed by hand, of a user with another e-mail"),
    pytest.param(["ann ann@x =7"], ["1:ann@x"], {"matched": "1>ann"}, id="the e-mail says more than an old id"),
    pytest.param(["ann ann@x =7"], ["1:ann@x", "7:old@x"], {"matched": "1>ann", "missing here": "7"},
                 id="an old id of a matched user is nobody's"),
    pytest.param(["ann ann@x", "bob b@crm =1"], ["1:ann@x"], {"matched": "1>ann"}, id="an id on somebody else"),
    pytest.param(["ann ann@x =1", "bot ann@x"], ["1:ann@x"], {"kept": "1>ann", "ambiguous here": "ann bot"},
                 id="who becomes ambiguous keeps the id"),
    pytest.param(["ann ann@x =2"], ["1:ann@x", "2:ann@x"],
                 {"kept": "2>ann", "ambiguous here": "ann", "ambiguous there": "1 2"}, id="on the other side too"),
    pytest.param(["ann =7", "bob =7"], ["7:ann@x"], {"ambiguous here": "ann bob"}, id="one id typed on two users"),
    pytest.param(["ann =7", "bob bob@x =7"], ["1:bob@x", "7:c@x"], {"matched": "1>bob", "kept": "7>ann"},
                 id="the other one has an id of its own"),
]  # fmt: skip


@pytest.mark.parametrize(("people", "enreach", "wanted"), IN_THE_COLUMN)
def test_ids_of_the_column_stand_where_no_e_mail_speaks(
    people: list[str], enreach: list[str], wanted: dict[str, str]
) -> None:
    assert outcome(assign([person(text) for text in people], listed(*enreach), None)) == wanted


WITHOUT_A_COLUMN = [
    pytest.param([ANN], [], "7>ann", {"kept": "7>ann", "missing there": "ann"}, id="the Enreach user is gone"),
    pytest.param([ANN], ["1:ann@x"], "7>ann", {"matched": "1>ann"}, id="another id by e-mail"),
    pytest.param([ANN], ["7:new@x"], "7>ann", {"kept": "7>ann"}, id="the Enreach user has another login now"),
    pytest.param([ANN, "bob new@x"], ["7:new@x"], "7>ann", {"matched": "7>bob"}, id="which is somebody else's"),
    pytest.param([ANN], ["7:new@x"], "7>gone", {"missing here": "7"}, id="the Dynamics user is gone"),
    pytest.param([ANN, "bot ann@x"], ["7:ann@x"], "7>ann", {"kept": "7>ann", "ambiguous here": "ann bot"},
                 id="who becomes ambiguous keeps the id"),
]  # fmt: skip


@pytest.mark.parametrize(("people", "enreach", "known", "wanted"), WITHOUT_A_COLUMN)
def test_the_map_remembers_where_no_e_mail_speaks(
    people: list[str], enreach: list[str], known: str, wanted: dict[str, str]
) -> None:
    id_, _, user_id = known.partition(">")
    found = assign([person(text) for text in people], listed(*enreach), {guid(id_): user_id})
    assert outcome(found) == wanted


def test_a_voice_user_without_an_enreach_user_is_missed() -> None:
    people = [person(text) for text in ("ann ann@x", "bob bob@x", "bot ann@x", "eve e@crm =7")]
    everybody = frozenset({"ann", "bob", "bot", "eve", "gone"})
    found = assign(people, listed("1:ann@x", "7:eve@x"), None, everybody)
    assert found.missing_in_enreach == {"bob"}, "the ambiguous and those with an id are not missing"


def test_ambiguities_count_once_however_many_share_them() -> None:
    people = [person(text) for text in ("ann ann@x", "bot ann@x", "cat ann@x", "dan =7", "eve =7")]
    assert assign(people, listed("1:ann@x", "2:ann@x", "3:bob@x"), None).ambiguities == 2


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{FB423F50-74F9-E911-80E0-00505689257E}", "fb423f50-74f9-e911-80e0-00505689257e"),
        (" fb423f5074f9e91180e000505689257e\n", "fb423f50-74f9-e911-80e0-00505689257e"),
        # As the guide's own figure has it: one digit short.
        ("fb423f5-74f9-e911-80e0-00505689257e", ""),
        ("", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_an_id_has_one_spelling(text: object, wanted: str) -> None:
    assert canonical_id(text) == wanted


# ---------------------------------------------------------------------------------------------- the map

PHONE, OTHER_PHONE = "+358505550017", "+358505550018"


def owner(name: str, mobile: str, *, is_disabled: bool = False) -> DynamicsUser:
    return DynamicsUser(name, is_disabled=is_disabled, mobile=mobile)


NUMBERS = [
    pytest.param([owner("ann", "050 5550017")], {PHONE: "ann"}, id="as people write it"),
    pytest.param([owner("ann", PHONE), owner("bob", PHONE)], {}, id="of two users: nobody's"),
    pytest.param([owner("ann", PHONE, is_disabled=True), owner("bob", PHONE)], {PHONE: "bob"}, id="handed on"),
    pytest.param([owner("ann", PHONE, is_disabled=True)], {PHONE: "ann"}, id="of a disabled user"),
    pytest.param([owner("ann", "ask reception"), owner("bob", "")], {}, id="no number"),
]


@pytest.mark.parametrize(("people", "wanted"), NUMBERS)
def test_a_mobile_number_is_of_one_user(people: list[DynamicsUser], wanted: dict[str, str]) -> None:
    found = user_map({}, people, "FI")
    assert {number: user.user_id for number, user in found.mobile_numbers.items()} == wanted


def test_the_map_is_asked_by_any_spelling_and_tells_who_is_disabled() -> None:
    people = [owner("ann", PHONE, is_disabled=True), owner("bob", "")]
    found = user_map({guid("a"): "ann", guid("2"): "gone"}, people, None)
    assert found.by_enreach_id("{" + guid("a").upper() + "}") == User("ann", is_disabled=True)
    assert found.by_enreach_id(guid("2")) is None, "a user whom Dynamics no longer has owns nothing"
    assert found.by_enreach_id("no id") is None
    assert found.by_mobile_number(PHONE) == User("ann", is_disabled=True)
    assert found.by_mobile_number(OTHER_PHONE) is None
