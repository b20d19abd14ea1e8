"""What a page of tracked changes tells, and what no query may ask."""

from typing import Any

import pytest

from shared.dataverse.errors import UnavailableError
from shared.dataverse.odata import Query
from shared.dataverse.odata.changes import DeltaLink, read_changes, tracked_path
from shared.dataverse.tables import CONTACT

ROW = {"contactid": "11111111-1111-1111-1111-111111111111", "mobilephone": "+358504545641"}
GONE = "2e451703-c27e-e711-811d-000d3a000d3a"
LINK = "https://contoso.crm4.dynamics.com/api/data/v9.2/contacts?$select=mobilephone&$deltatoken=919042%2108%2F22"
CONTEXT = "https://contoso.crm4.dynamics.com/api/data/v9.2/$metadata#contacts/$deletedEntity"


def deletion(row: str) -> dict[str, Any]:
    return {"@odata.context": CONTEXT, "id": row, "reason": "deleted"}


def test_the_last_page_says_where_further_changes_begin() -> None:
    changes = read_changes(CONTACT, {"value": [ROW, deletion(GONE)], "@odata.deltaLink": LINK})
    assert (changes.rows, changes.deleted, changes.then) == ([ROW], [GONE], DeltaLink(CONTACT, LINK))


def test_a_page_before_the_last_has_no_delta_link() -> None:
    page = {"value": [ROW], "@odata.nextLink": "https://x/", "@odata.deltaLink": LINK}
    assert read_changes(CONTACT, page).then is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GONE, id="as Dataverse shows it"),
        pytest.param(GONE.upper(), id="in capitals"),
        pytest.param(f"contacts({GONE})", id="as a relative address"),
        pytest.param(f"https://11111111-1111-1111-1111-111111111111.example/contacts({GONE})", id="as an address"),
    ],
)
def test_a_deleted_row_has_its_id(text: str) -> None:
    assert read_changes(CONTACT, {"value": [deletion(text)], "@odata.deltaLink": LINK}).deleted == [GONE]


@pytest.mark.parametrize(
    "page",
    [
        None,
        [],
        {},
        {"value": None, "@odata.deltaLink": LINK},
        {"value": ["row"], "@odata.deltaLink": LINK},
        {"value": []},
        {"value": [], "@odata.deltaLink": 1},
        {"value": [deletion("which?")], "@odata.deltaLink": LINK},
        {"value": [{"@odata.context": CONTEXT}], "@odata.deltaLink": LINK},
    ],
)
def test_a_page_that_tells_too_little_is_no_answer(page: object) -> None:
    with pytest.raises(UnavailableError):
        read_changes(CONTACT, page)


@pytest.mark.parametrize(
    "more",
    [
        {"where": CONTACT.eq("statecode", 0)},
        {"order_by": ("createdon",)},
        {"top": 1},
        {"expand": (CONTACT.expand("parentcustomerid_contact", Query(table=CONTACT, select=("fullname",))),)},
    ],
    ids=["filter", "order", "top", "expand"],
)
def test_changes_are_tracked_by_columns_alone(more: dict[str, Any]) -> None:
    assert tracked_path(Query(table=CONTACT, select=("fullname",))) == "contacts?$select=fullname"
    with pytest.raises(ValueError, match="contact"):
        tracked_path(Query(table=CONTACT, select=("fullname",), **more))
