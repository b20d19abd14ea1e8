"""What a query asks, and that a name which no table has never travels."""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest

from shared.dataverse.odata import Query, Reference, all_of, eq, fits_url
from shared.dataverse.odata.parts import LONGEST_URL, LONGEST_URL_IN_BATCH
from shared.dataverse.tables import ACCOUNT, ACTIVITY_PARTY, BOOKING, CONTACT, PHONE_CALL, Table, UnknownNameError

ROW_ID = UUID(int=1)


def test_a_query_with_everything() -> None:
    parent = ACCOUNT.expand("parentaccountid", Query(table=ACCOUNT, select=("name",)))
    account = CONTACT.expand(
        "parentcustomerid_account", Query(table=ACCOUNT, select=("accountid", "name"), expand=(parent,))
    )
    query = Query(
        table=CONTACT, select=("fullname", "_parentcustomerid_value"),
        where=all_of(CONTACT.ge("statecode", 0), CONTACT.lt("statecode", 2)),
        order_by=(CONTACT.descending("createdon"), "contactid"), top=3, expand=(account,),
    )  # fmt: skip
    assert urlsplit(query.path()).path == "contacts"
    assert parse_qsl(urlsplit(query.path()).query) == [
        ("$select", "fullname,_parentcustomerid_value"), ("$filter", "(statecode ge 0) and (statecode lt 2)"),
        ("$orderby", "createdon desc,contactid"), ("$top", "3"),
        ("$expand", "parentcustomerid_account($select=accountid,name;$expand=parentaccountid($select=name))"),
    ]  # fmt: skip


def test_equal_shapes_differ_in_their_values_alone() -> None:
    paths = [Query(table=CONTACT, select=("fullname",), where=eq("telephone1", text)).path() for text in ("1", "2")]
    assert paths == [f"contacts?$select=fullname&$filter=telephone1%20eq%20'{text}'" for text in ("1", "2")]


def by_configuration(name: str) -> Table[str, str, str, str]:
    """A table whose names are known at run time only, as those of a document are."""
    tables: dict[str, Table] = {"contact": CONTACT, "booking": BOOKING, "call": PHONE_CALL}
    return tables[name].with_columns([])


@pytest.mark.parametrize(
    "build",
    [
        lambda: Query(table=by_configuration("contact"), select=("fulname",)).path(),
        lambda: Query(table=by_configuration("contact"), select=("fullname",), where=eq("phone", "1")).path(),
        lambda: Query(table=by_configuration("contact"), select=("fullname",), order_by=("nope",)).path(),
        lambda: by_configuration("contact").expand("Parentcustomerid_Account", Query(table=ACCOUNT, select=("name",))),
        lambda: by_configuration("contact").expand("parentcustomerid_account", Query(table=BOOKING, select=("name",))),
        lambda: by_configuration("booking").row(ROW_ID, {"subject": 1}),
        lambda: by_configuration("booking").row(ROW_ID, {"_resource_value": ROW_ID}),
        lambda: by_configuration("booking").row(ROW_ID, {}, {"resource": ROW_ID}),
        lambda: by_configuration("call").row(ROW_ID, {}, nested={"phonecall_parties": []}),
        lambda: by_configuration("contact").row(ROW_ID, {"createdon": None}),
        lambda: by_configuration("contact").with_columns(["new_vip", "x&$top=1"]),
        lambda: by_configuration("contact").with_columns(["new_vip\n"]),
        lambda: by_configuration("contact").with_columns(["New_Vip"]),
    ],
)
def test_a_name_that_the_table_lacks_never_travels(build: Callable[[], object]) -> None:
    with pytest.raises(UnknownNameError):
        build()


def test_a_query_without_columns_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="selects no column"):
        Query(table=CONTACT, select=()).path()


def test_an_expanded_row_is_neither_filtered_nor_cut() -> None:
    inner = Query(table=ACCOUNT, select=("name",), top=1)
    with pytest.raises(ValueError, match="columns alone"):
        Query(table=CONTACT, select=("fullname",), expand=(CONTACT.expand("parentcustomerid_account", inner),)).path()


def test_an_administrators_column_can_be_asked_for_and_written() -> None:
    table = CONTACT.with_columns(["new_vip"])
    assert Query(table=table, select=("new_vip",)).path() == "contacts?$select=new_vip"
    assert table.row(ROW_ID, {"new_vip": True}) == {"contactid": str(ROW_ID), "new_vip": True}


def test_a_row_has_its_columns_binds_and_nested_rows() -> None:
    caller = ACTIVITY_PARTY.part_of_row({"participationtypemask": 1}, {"partyid_contact": str(UUID(int=10)).upper()})
    row = PHONE_CALL.row(
        "{" + str(ROW_ID).upper() + "}",
        {"subject": "O'Neill & 50%", "directioncode": False},
        {"regardingobjectid_contact_phonecall": UUID(int=10), "ownerid": Reference(3)},
        {"phonecall_activity_parties": [caller]},
    )
    assert row == {
        "activityid": str(ROW_ID),
        "subject": "O'Neill & 50%",
        "directioncode": False,
        "regardingobjectid_contact_phonecall@odata.bind": "/contacts(00000000-0000-0000-0000-00000000000a)",
        "ownerid@odata.bind": "$3",
        "phonecall_activity_parties": [
            {
                "participationtypemask": 1,
                "partyid_contact@odata.bind": "/contacts(00000000-0000-0000-0000-00000000000a)",
            }
        ],
    }


@pytest.mark.parametrize("target", ["", "1", "x')/name", f"{ROW_ID})\r\n"])
def test_a_row_binds_to_ids_alone(target: str) -> None:
    with pytest.raises(ValueError, match=r"^Resource takes a GUID$"):
        BOOKING.row(ROW_ID, {}, {"Resource": target})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_never_travels(number: float) -> None:
    with pytest.raises(ValueError, match=r"^duration takes a number$"):
        BOOKING.row(ROW_ID, {"duration": number})


def test_the_limits_of_a_url_leave_room_for_any_host() -> None:
    longest_base = len("https://") + 255 + len("/api/data/v9.2/")
    for limit, in_batch in ((LONGEST_URL, False), (LONGEST_URL_IN_BATCH, True)):
        assert fits_url("x" * (limit - longest_base), in_batch=in_batch)
        assert not fits_url("x" * (limit - longest_base + 1), in_batch=in_batch)
