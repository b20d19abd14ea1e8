"""Microsoft's powerplatform-dataverse-client 1.1 as a witness, over TLS: what it sends lands, what it reports is true.

It takes https only; the certificate of the simulator is trusted by REQUESTS_CA_BUNDLE, as any private one would be.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.config import DataverseConfig
from PowerPlatform.Dataverse.core.errors import HttpError, MetadataError
from PowerPlatform.Dataverse.models.filters import col
from PowerPlatform.Dataverse.models.record import QueryResult
from PowerPlatform.Dataverse.models.upsert import UpsertItem

from local.dataverse.seed import SHIFT_SETUP, row_id
from tests.witnesses.control import Control, Landed, Origins, held
from tests.witnesses.credential import SimulatorCredential

ELINA = row_id("contact", "elina.korhonen")
MIKKO = row_id("contact", "mikko.lehtonen")
AURINKO = row_id("account", "Aurinko Energia Oy")
COMMITTED = row_id("bookingstatus", "Committed")
MISSING = "0f0f0f0f-0000-4000-8000-000000000000"
ONE_TRY = DataverseConfig(http_retries=1)


@pytest.fixture
def sdk(origins: Origins, control: Control, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataverseClient]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(origins.certificate))
    with DataverseClient(origins.tls, SimulatorCredential(origins.plain), config=ONE_TRY) as client:
        yield client


def data_requests(control: Control) -> dict[str, int]:
    """The client also asks for definitions of tables, as often as its caches want."""
    return {name: count for name, count in control.counts().requests.items() if "EntityDefinitions" not in name}


def test_plain_http_and_an_unknown_certificate_are_not_spoken_to(
    origins: Origins, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="must use HTTPS"):
        DataverseClient(origins.plain, SimulatorCredential(origins.plain))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    client = DataverseClient(origins.tls, SimulatorCredential(origins.plain), config=ONE_TRY)
    with client, pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        client.records.retrieve("contact", ELINA)
    assert control.counts().requests == {}


def test_the_token_is_for_the_environment_and_is_checked(origins: Origins, control: Control, sdk: Any) -> None:
    assert sdk.records.retrieve("contact", ELINA)["lastname"] == "Korhonen"
    assert sdk.auth.credential.scopes == {f"{origins.tls}/.default"}
    assert control.counts().tokens == 1
    sdk.auth.credential.get_token = lambda *_, **__: type("Token", (), {"token": "foreign"})
    with pytest.raises(HttpError) as refused:
        sdk.records.retrieve("contact", ELINA)
    assert refused.value.status_code == 401


def test_a_create_returns_the_id_of_the_row_that_landed(control: Control, sdk: DataverseClient) -> None:
    contacts = Landed(control, "contacts")
    created = sdk.records.create(
        "contact",
        {"FirstName": "Öykü", "lastname": "O'Neill & Söhne", "mobilephone": "+358401234567", "donotphone": True,
         "parentcustomerid_account@odata.bind": f"/accounts({AURINKO})"},
    )  # fmt: skip
    expected = {"contactid": created, "firstname": "Öykü", "lastname": "O'Neill & Söhne", "donotphone": True,
                "fullname": "Öykü O'Neill & Söhne", "mobilephone": "+358401234567",
                "_parentcustomerid_value": AURINKO}  # fmt: skip
    came, changed, gone = contacts.changes()
    assert [held(row, expected) for row in came.values()] == [expected]
    assert (changed, gone) == ({}, set())
    assert data_requests(control) == {"POST contact": 1}
    assert control.counts().created == {"contact": 1}


def test_labels_become_the_choice_values_that_the_simulator_describes(control: Control, sdk: DataverseClient) -> None:
    case = sdk.records.create(
        "incident",
        {"title": "By label", "caseorigincode": "Phone", "prioritycode": "High",
         "customerid_account@odata.bind": f"/accounts({AURINKO})"},
    )  # fmt: skip
    contact = sdk.records.create("contact", {"lastname": "Gilded", "new_tier": "Gold"})
    expected = {"caseorigincode": 1, "prioritycode": 1, "_customerid_value": AURINKO}
    assert held(control.rows("incidents")[case], expected) == expected
    assert control.rows("contacts")[contact]["new_tier"] == 100_000_000


def test_bookings_land_by_their_case_sensitive_navigation_properties(control: Control, sdk: DataverseClient) -> None:
    (resource,) = control.plant("bookableresources", [{"name": "Åsa", "resourcetype": 3, "timezone": 92}])
    rows = [
        {"name": f"Shift {hour}", "bookingtype": 1, "duration": 60,
         "starttime": f"2026-11-21T{hour:02}:00:00Z", "endtime": f"2026-11-21T{hour + 1:02}:00:00+00:00",
         "Resource@odata.bind": f"/bookableresources({resource})",
         "BookingStatus@odata.bind": f"/bookingstatuses({COMMITTED})",
         "msdyn_BookingSetupMetadataId@odata.bind": f"/msdyn_bookingsetupmetadatas({SHIFT_SETUP})"}
        for hour in range(8, 18)
    ]  # fmt: skip
    ids = sdk.records.create("bookableresourcebooking", rows)
    landed = control.rows("bookableresourcebookings")
    assert list(landed) == ids
    for hour, booking in zip(range(8, 18), ids, strict=True):
        expected = {"name": f"Shift {hour}", "starttime": f"2026-11-21T{hour:02}:00:00Z",
                    "endtime": f"2026-11-21T{hour + 1:02}:00:00Z", "_resource_value": resource,
                    "_bookingstatus_value": COMMITTED,
                    "_msdyn_bookingsetupmetadataid_value": SHIFT_SETUP}  # fmt: skip
        assert held(landed[booking], expected) == expected
    assert control.counts().messages == {"CreateMultiple": 1}
    assert data_requests(control) == {"POST bookableresourcebooking": 1}


def test_one_bad_row_of_a_bulk_create_lands_nothing(control: Control, sdk: DataverseClient) -> None:
    contacts = Landed(control, "contacts")
    with pytest.raises(HttpError) as refused:
        sdk.records.create("contact", [{"lastname": "Good"}, {"lastname": "x" * 51}, {"lastname": "Good too"}])
    assert refused.value.status_code == 400
    assert refused.value.details["service_error_code"] == "0x80044331"
    assert contacts.changes() == ({}, {}, set())


def test_a_single_upsert_creates_first_and_updates_then(control: Control, sdk: DataverseClient) -> None:
    accounts = Landed(control, "accounts")
    control.watch(method="PATCH", pathRegex=r"/accounts\(accountnumber='W-1'\)$")
    sdk.records.upsert("account", [UpsertItem({"accountnumber": "W-1"}, {"name": "First", "telephone1": "1"})])
    sdk.records.upsert("account", [UpsertItem({"accountnumber": "w-1"}, {"name": "Second"})])
    ((_, landed),) = accounts.changes()[0].items()
    expected = {"accountnumber": "W-1", "name": "Second", "telephone1": "1"}
    assert held(landed, expected) == expected
    counts = control.counts()
    assert (counts.created, counts.updated) == ({"account": 1}, {"account": 1})
    assert data_requests(control) == {"PATCH account": 2}
    assert control.watched() == [1]


def test_upsert_multiple_lands_new_and_existing_rows(control: Control, sdk: DataverseClient) -> None:
    (known,) = control.plant("accounts", [{"name": "Known", "accountnumber": "W-1", "telephone1": "1"}])
    accounts = Landed(control, "accounts")
    names = {"W-1": "Renamed", "W-2": "New"}
    sdk.records.upsert("account", [UpsertItem({"accountnumber": key}, {"name": name}) for key, name in names.items()])
    came, changed, gone = accounts.changes()
    kept = {"name": "Renamed", "accountnumber": "W-1", "telephone1": "1"}
    assert held(changed.pop(known), kept) == kept
    assert [(row["name"], row["accountnumber"]) for row in came.values()] == [("New", "W-2")]
    assert (changed, gone) == ({}, set())
    assert control.counts().messages == {"UpsertMultiple": 1}


def test_upsert_multiple_with_one_key_twice_lands_nothing(control: Control, sdk: DataverseClient) -> None:
    control.plant("accounts", [{"name": "Known", "accountnumber": "W-1"}])
    accounts = Landed(control, "accounts")
    with pytest.raises(HttpError) as refused:
        sdk.records.upsert("account", [UpsertItem({"accountnumber": "W-1"}, {"name": name}) for name in ("A", "B")])
    assert refused.value.status_code == 400
    assert accounts.changes() == ({}, {}, set())


def test_an_update_changes_its_columns_and_never_creates(control: Control, sdk: DataverseClient) -> None:
    contacts = Landed(control, "contacts")
    sdk.records.update("contact", ELINA, {"lastname": "Korhonen-Virta", "mobilephone": None})
    came, changed, gone = contacts.changes()
    before, after = contacts.before(ELINA), changed.pop(ELINA)
    differing = {name for name in after if after[name] != before[name]}
    assert differing - {"modifiedon"} == {"lastname", "fullname", "mobilephone", "versionnumber"}
    assert (came, changed, gone) == ({}, {}, set())
    with pytest.raises(HttpError) as refused:
        sdk.records.update("contact", MISSING, {"lastname": "Nobody"})
    assert refused.value.status_code == 404
    assert MISSING not in control.rows("contacts")


@pytest.mark.parametrize(
    ("changes", "landed"),
    [({"jobtitle": "Same"}, ["Same", "Same"]), ([{"jobtitle": "One"}, {"jobtitle": "Two"}], ["One", "Two"])],
    ids=["one change for all", "a change each"],
)
def test_a_bulk_update_lands_on_its_rows(
    control: Control, sdk: DataverseClient, changes: Any, landed: list[str]
) -> None:
    contacts = Landed(control, "contacts")
    sdk.records.update("contact", [ELINA, MIKKO], changes)
    came, changed, gone = contacts.changes()
    assert {key: row["jobtitle"] for key, row in changed.items()} == dict(zip([ELINA, MIKKO], landed, strict=True))
    assert (came, gone) == ({}, set())
    assert control.counts().messages == {"UpdateMultiple": 1}


def test_deletes_take_their_rows_and_no_others(control: Control, sdk: DataverseClient) -> None:
    contacts = Landed(control, "contacts")
    sdk.records.delete("contact", ELINA)
    sdk.records.delete("contact", [MIKKO], use_bulk_delete=False)
    came, _, gone = contacts.changes()
    assert (came, gone) == ({}, {ELINA, MIKKO})
    assert sdk.records.retrieve("contact", ELINA) is None
    with pytest.raises(HttpError) as refused:
        sdk.records.delete("contact", ELINA)
    assert refused.value.details["service_error_code"] == "0x80040217"


def test_pages_bring_every_row_once_in_order(control: Control, sdk: DataverseClient) -> None:
    planted = control.plant("leads", [{"subject": f"Page {number:02}", "lastname": "P"} for number in range(23)])
    pages = list(sdk.records.list_pages("lead", filter="lastname eq 'P'", select=["subject"],
                                        orderby=["subject desc"], page_size=10))  # fmt: skip
    assert [len(page) for page in pages] == [10, 10, 3]
    assert [row["leadid"] for page in pages for row in page] == planted[::-1]
    assert data_requests(control) == {"GET lead": 3}


def test_a_built_query_reads_what_is_stored(control: Control, sdk: DataverseClient) -> None:
    where = col("lastname").in_(["Korhonen", "Lehtonen"]) & (col("mobilephone") == "+358504545641")
    query = sdk.query.builder("contact").select("lastname", "statecode").where(where).order_by("lastname")
    result = query.expand("parentcustomerid_account").include_formatted_values().execute()
    assert isinstance(result, QueryResult)
    (row,) = result
    stored = control.rows("contacts")[ELINA]
    assert (row["contactid"], row["lastname"]) == (ELINA, stored["lastname"])
    assert row["statecode@OData.Community.Display.V1.FormattedValue"] == "Active"
    assert row["parentcustomerid_account"]["name"] == control.rows("accounts")[AURINKO]["name"]
    assert row.etag == f'W/"{stored["versionnumber"]}"'


FETCH = """<fetch count="5"><entity name="lead"><attribute name="subject"/><order attribute="subject"/>
<filter><condition attribute="lastname" operator="eq" value="P"/></filter></entity></fetch>"""


def test_fetchxml_pages_follow_the_cookie_of_the_simulator(control: Control, sdk: DataverseClient) -> None:
    planted = control.plant("leads", [{"subject": f"Page {number:02}", "lastname": "P"} for number in range(13)])
    pages = list(sdk.query.fetchxml(FETCH).execute_pages())
    assert [len(page) for page in pages] == [5, 5, 3]
    assert [row["leadid"] for page in pages for row in page] == planted
    assert data_requests(control) == {"GET lead": 3}


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (col("subject").not_in(["Row 0", "Row 2"]), ["Row 1"]),
        (col("subject").like("Row%") & (col("numberofemployees").between(1, 2)), ["Row 1", "Row 2"]),
        (col("subject").endswith("0") & col("donotphone").is_not_null() & (col("numberofemployees") < 1), ["Row 0"]),
    ],
    ids=["not in", "like and between", "ends with, not null, less than"],
)  # fmt: skip
def test_each_form_of_a_filter_finds_its_rows(
    control: Control, sdk: DataverseClient, where: Any, found: list[str]
) -> None:
    control.plant("leads", [{"subject": f"Row {n}", "lastname": "W", "numberofemployees": n} for n in range(3)])
    rows = sdk.records.list("lead", filter=where & (col("lastname") == "W"), select=["subject"], orderby=["subject"])
    assert [row["subject"] for row in rows] == found


def test_a_batch_lands_its_parts_and_reports_each(control: Control, sdk: DataverseClient) -> None:
    contacts = Landed(control, "contacts")
    batch = sdk.batch.new()
    batch.records.create("contact", {"lastname": "One"})
    batch.records.create("contact", [{"lastname": "Two"}, {"lastname": "Three"}])
    batch.records.update("contact", ELINA, {"jobtitle": "Owner"})
    batch.records.upsert("account", [UpsertItem({"accountnumber": "W-9"}, {"name": "By key"})])
    batch.records.retrieve("contact", ELINA, select=["jobtitle"])
    batch.records.delete("contact", MIKKO)
    result = batch.execute()
    assert [item.status_code for item in result.responses] == [204, 200, 204, 204, 200, 204]
    came, changed, gone = contacts.changes()
    one, bulk, _, _, read, _ = result.responses
    assert bulk.data is not None
    assert read.data is not None
    assert came.pop(str(one.entity_id))["lastname"] == "One"
    assert [came.pop(key)["lastname"] for key in bulk.data["Ids"]] == ["Two", "Three"]
    assert changed[ELINA]["jobtitle"] == read.data["jobtitle"] == "Owner"
    assert (came, gone) == ({}, {MIKKO})
    assert "By key" in {row["name"] for row in control.rows("accounts").values()}
    assert data_requests(control) == {"POST $batch": 1}


@pytest.mark.parametrize(("go_on", "landed"), [(False, ["Before"]), (True, ["Before", "After"])])
def test_a_bad_part_stops_the_batch_or_not(
    control: Control, sdk: DataverseClient, go_on: bool, landed: list[str]
) -> None:
    contacts = Landed(control, "contacts")
    batch = sdk.batch.new()
    for body in ({"lastname": "Before"}, {"nosuch": 1}, {"lastname": "After"}):
        batch.records.create("contact", body)
    result = batch.execute(continue_on_error=go_on)
    assert [item.error_code for item in result.failed] == ["0x80048d19"]
    assert [row["lastname"] for row in contacts.changes()[0].values()] == landed
    assert list(contacts.changes()[0]) == result.entity_ids


def test_a_change_set_lands_as_a_whole_and_refers_to_its_own_rows(control: Control, sdk: DataverseClient) -> None:
    contacts, cases = Landed(control, "contacts"), Landed(control, "incidents")
    batch = sdk.batch.new()
    with batch.changeset() as change_set:
        caller = change_set.records.create("contact", {"lastname": "Caller"})
        change_set.records.create("incident", {"title": "Cold radiator", "customerid_contact@odata.bind": caller})
        change_set.records.update("contact", caller, {"firstname": "Anna"})
        change_set.records.delete("contact", MIKKO)
    result = batch.execute()
    assert [item.status_code for item in result.responses] == [204] * 4
    came, _, gone = contacts.changes()
    ((contact, row),) = came.items()
    ((case, opened),) = cases.changes()[0].items()
    assert (row["fullname"], opened["_customerid_value"], gone) == ("Anna Caller", contact, {MIKKO})
    assert result.entity_ids[:2] == [contact, case]


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "wrapped"])
def test_a_failed_change_set_leaves_nothing(control: Control, sdk: DataverseClient, wrapped: bool) -> None:
    """How the one error of a change set is packed is UNCONFIRMED; the client reads both forms."""
    control.environment(changesetErrorWrapped=wrapped)
    contacts = Landed(control, "contacts")
    batch = sdk.batch.new()
    with batch.changeset() as change_set:
        change_set.records.create("contact", {"lastname": "Undone"})
        change_set.records.update("contact", ELINA, {"lastname": "Undone"})
        change_set.records.delete("contact", MIKKO)
        change_set.records.create("contact", {"lastname": "x" * 51})
    with batch.changeset() as change_set:
        change_set.records.create("contact", {"lastname": "Kept"})
    result = batch.execute(continue_on_error=True)
    assert [(item.status_code, item.error_code) for item in result.responses] == [(400, "0x80044331"), (204, None)]
    came, changed, gone = contacts.changes()
    assert [row["lastname"] for row in came.values()] == ["Kept"]
    assert (changed, gone) == ({}, set())


REFUSALS: dict[str, tuple[Callable[[DataverseClient], Any], tuple[int, str]]] = {
    "a row that is missing": (
        lambda sdk: sdk.records.update("contact", MISSING, {"lastname": "X"}), (404, "0x80040217")),
    "an id that is taken": (
        lambda sdk: sdk.records.create("contact", {"contactid": ELINA, "lastname": "X"}), (412, "0x80040237")),
    "an alternate key that is taken": (
        lambda sdk: sdk.records.create("account", {"name": "X", "accountnumber": "FI-1001"}), (412, "0x80060892")),
    "columns that are no key": (
        lambda sdk: sdk.records.upsert("account", [UpsertItem({"telephone1": "1"}, {"name": "X"})]),
        (400, "0x80060888")),
    "a column that is not there": (
        lambda sdk: sdk.records.create("contact", {"nosuch": 1}), (400, "0x80048d19")),
    "a value of another type": (
        lambda sdk: sdk.records.create("contact", {"donotphone": "yes"}), (400, "0x80048d19")),
    "a text that is too long": (
        lambda sdk: sdk.records.update("contact", ELINA, {"new_voiceid": "x" * 13}), (400, "0x80044331")),
    "a choice that is not there": (
        lambda sdk: sdk.records.update("contact", ELINA, {"new_tier": 7}), (400, "0x8004431a")),
    "a column in $select that is not there": (
        lambda sdk: sdk.records.list("contact", select=["nosuch"]), (400, "0x80060888")),
    "a filter that cannot be read": (
        lambda sdk: sdk.records.list("contact", filter="lastname eq 'x"), (400, "0x80060888")),
    "a row that is still needed": (
        lambda sdk: sdk.records.delete("bookingstatus", COMMITTED), (405, "0x80040227")),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_reaches_the_caller_and_changes_nothing(control: Control, sdk: DataverseClient, case: str) -> None:
    (resource,) = control.plant("bookableresources", [{"name": "Åsa", "resourcetype": 3, "timezone": 92}])
    control.plant("bookableresourcebookings", [{"name": "B", "_resource_value": resource,
                                                "_bookingstatus_value": COMMITTED}])  # fmt: skip
    refused, expected = REFUSALS[case]
    landed = [Landed(control, name) for name in ("contacts", "accounts", "bookingstatuses")]
    with pytest.raises(HttpError) as caught:
        refused(sdk)
    assert (caught.value.status_code, caught.value.details["service_error_code"]) == expected
    assert [table.changes() for table in landed] == [({}, {}, set())] * 3


def test_an_unknown_table_is_refused_before_a_request_for_its_rows(control: Control, sdk: DataverseClient) -> None:
    with pytest.raises(MetadataError):
        sdk.records.list("new_nosuch")
    assert data_requests(control) == {}


def test_a_spent_limit_reaches_the_caller_with_its_wait(control: Control, sdk: DataverseClient) -> None:
    contacts = Landed(control, "contacts")
    sdk.records.create("contact", {"lastname": "In time"})
    control.environment(requestLimit=1)
    with pytest.raises(HttpError) as refused:
        sdk.records.create("contact", {"lastname": "Too late"})
    assert (refused.value.status_code, refused.value.is_transient) == (429, True)
    assert refused.value.details["service_error_code"] == "0x80072322"
    assert 250 < refused.value.details["retry_after"] <= 301
    assert [row["lastname"] for row in contacts.changes()[0].values()] == ["In time"]
    assert control.counts().throttled == 1
