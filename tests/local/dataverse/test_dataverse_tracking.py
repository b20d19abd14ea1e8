"""Change tracking, and pages of related rows. Facts: `dataverse-webapi.md` sections 2, 4 and 11."""

from typing import Any

import pytest

TRACK = "odata.track-changes"


def follow(dataverse: Any, link: str, prefer: str = "") -> dict[str, Any]:
    response = dataverse.http.get(link, headers={"Prefer": prefer} if prefer else {})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def start(dataverse: Any, entity_set: str = "leads") -> str:
    response = dataverse.get(entity_set, TRACK, select="subject")
    assert response.headers["Preference-Applied"] == TRACK
    answer = response.json()
    assert answer["value"]
    return str(answer["@odata.deltaLink"])


def test_a_delta_link_tells_what_was_created_changed_and_deleted_since(dataverse: Any) -> None:
    kept, changed, gone = (dataverse.create("leads", {"subject": name}) for name in ("kept", "changed", "gone"))
    link = start(dataverse)
    assert "$select=subject" in link.replace("%24", "$")
    assert follow(dataverse, link)["value"] == []
    dataverse.send("PATCH", f"leads({changed})", {"subject": "other"})
    dataverse.send("DELETE", f"leads({gone})")
    made = dataverse.create("leads", {"subject": "new"})
    brief = dataverse.create("leads", {"subject": "brief"})
    dataverse.send("DELETE", f"leads({brief})")
    answer = follow(dataverse, link)
    assert answer["@odata.context"].endswith("$metadata#leads(subject)/$delta")
    rows = {row["leadid"]: row["subject"] for row in answer["value"] if "leadid" in row}
    assert rows == {changed: "other", made: "new"}
    deleted = [row for row in answer["value"] if "reason" in row]
    assert {row["id"] for row in deleted} == {gone, brief}
    assert deleted[0]["@odata.context"].endswith("/$metadata#leads/$deletedEntity")
    assert deleted[0]["reason"] == "deleted"
    assert kept not in rows
    assert follow(dataverse, answer["@odata.deltaLink"])["value"] == []


def test_a_delete_that_was_rolled_back_is_none(dataverse: Any) -> None:
    row_id = dataverse.create("leads", {"subject": "kept"})
    link = start(dataverse)
    part = dataverse.part("DELETE", f"leads({row_id})", content_id="1")
    bad = dataverse.part("DELETE", "leads(11111111-1111-1111-1111-111111111111)", content_id="2")
    dataverse.run_batch([dataverse.change_set([part, bad])])
    assert follow(dataverse, link)["value"] == []


def test_the_delta_link_stands_on_the_last_page_and_counts_from_the_first(dataverse: Any) -> None:
    for number in range(5):
        dataverse.create("leads", {"subject": f"L{number}"})
    prefer = f"{TRACK},odata.maxpagesize=2"
    page = dataverse.get("leads", prefer, select="subject").json()
    late = dataverse.create("leads", {"subject": "late"})
    seen = len(page["value"])
    while "@odata.nextLink" in page:
        assert "@odata.deltaLink" not in page
        page = follow(dataverse, page["@odata.nextLink"], prefer)
        seen += len(page["value"])
    assert seen == len(dataverse.rows("leads")) - 1
    assert [row["leadid"] for row in follow(dataverse, page["@odata.deltaLink"])["value"]] == [late]


@pytest.mark.parametrize("status", [400, 410])
def test_an_old_token_asks_for_a_full_load(dataverse: Any, status: int) -> None:
    link = start(dataverse)
    dataverse.environment(deltaTokenDays=0, expiredDeltaStatus=status)
    response = dataverse.http.get(link)
    assert (response.status_code, response.json()["error"]["code"]) == (status, "0x80044352")


@pytest.mark.parametrize("options", [{"filter": "subject eq 'x'"}, {"orderby": "subject"}, {"top": "1"}])
def test_changes_are_tracked_on_plain_queries_only(dataverse: Any, options: dict[str, str]) -> None:
    assert dataverse.get("leads", TRACK, **options).status_code == 400


@pytest.mark.parametrize("token", ["x", "1!x", "99999999!01/01/2026 00:00:00", "1!13/45/2026 00:00:00"])
def test_a_token_that_no_query_returned_is_refused(dataverse: Any, token: str) -> None:
    assert dataverse.get("leads", deltatoken=token).status_code == 400


def test_related_rows_come_in_pages(dataverse: Any) -> None:
    account = dataverse.create("accounts", {"name": "Large"})
    bind = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    names = [f"N{number}" for number in range(7)]
    for name in names:
        dataverse.create("contacts", {"lastname": name, **bind})
    dataverse.create("contacts", {"lastname": "Foreign"})
    path = f"accounts({account})/contact_customer_accounts"
    prefer = "odata.maxpagesize=3"
    page = dataverse.get(path, prefer, select="lastname", orderby="lastname", count="true").json()
    assert page["@odata.count"] == 7
    seen = [row["lastname"] for row in page["value"]]
    assert len(seen) == 3
    while "@odata.nextLink" in page:
        assert path in page["@odata.nextLink"]
        page = follow(dataverse, page["@odata.nextLink"], prefer)
        seen += [row["lastname"] for row in page["value"]]
    assert seen == names
