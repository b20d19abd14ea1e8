"""Change tracking over HTTP against the simulator: everything once, then what changed since, and the way back."""

from contextlib import aclosing
from itertools import batched
from uuid import UUID, uuid5

import httpx
import pytest

from shared import retry
from shared.dataverse.client import DataverseClient
from shared.dataverse.errors import DeltaExpiredError, DeniedError, UnavailableError
from shared.dataverse.meter import count_requests
from shared.dataverse.odata import Query
from shared.dataverse.odata.changes import DeltaLink
from shared.dataverse.tables import ACCOUNT, CONTACT, LEAD, JsonRow

CONTACTS = Query(table=CONTACT, select=("contactid", "mobilephone"))
ACCOUNTS = Query(table=ACCOUNT, select=("accountid", "telephone1"))
LEADS = Query(table=LEAD, select=("leadid", "mobilephone"))
COUNT = 11_000


@pytest.fixture(autouse=True)
def quick_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_BACKOFF", 0.01)


def contact_id(number: int) -> str:
    return str(uuid5(UUID(int=0), str(number)))


def plant(control: httpx.Client, count: int) -> None:
    for numbers in batched(range(count), 5000, strict=False):
        rows = [{"contactid": contact_id(number), "mobilephone": f"+3585{number:08}"} for number in numbers]
        control.post("rows", json={"contacts": rows}).raise_for_status()


async def changes(
    dataverse: DataverseClient, *tracked: Query | DeltaLink
) -> tuple[list[JsonRow], list[str], list[DeltaLink]]:
    rows: list[JsonRow] = []
    deleted: list[str] = []
    links: list[DeltaLink] = []
    async with aclosing(dataverse.changes(*tracked)) as pages:
        async for page in pages:
            rows += page.rows
            deleted += page.deleted
            links += [page.then] if page.then else []
    return rows, deleted, links


def environment(control: httpx.Client, **switches: object) -> None:
    control.post("environment", json=switches).raise_for_status()


def fault(control: httpx.Client, **rule: object) -> None:
    control.post("faults", json=[rule]).raise_for_status()


def calm(control: httpx.Client) -> None:
    control.delete("faults").raise_for_status()


def requests_seen(control: httpx.Client) -> int:
    return int(control.get("stats").json()["requests"]["total"])


def send(control: httpx.Client, method: str, path: str, body: JsonRow | None = None) -> None:
    base = str(control.base_url).removesuffix("/__sim/")
    headers = {"Authorization": "Bearer t"}
    httpx.request(
        method, f"{base}/api/data/v9.2/{path}", json=body, headers=headers, trust_env=False
    ).raise_for_status()


async def test_all_rows_of_three_tables_come_in_as_many_requests_as_the_longest_has_pages(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    plant(control, COUNT)
    with count_requests() as meter:
        rows, deleted, links = await changes(dataverse, CONTACTS, ACCOUNTS, LEADS)
    assert meter.requests == 3
    ids = [row["contactid"] for row in rows if "contactid" in row]
    assert len(ids) == len(set(ids)) >= COUNT
    assert deleted == []
    assert {link.table.logical_name for link in links} == {"contact", "account", "lead"}


async def test_a_link_tells_what_changed_since_and_gives_the_next(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    plant(control, 10)
    _, _, links = await changes(dataverse, CONTACTS, ACCOUNTS)
    send(control, "PATCH", f"contacts({contact_id(1)})", {"mobilephone": "050 1"})
    send(control, "DELETE", f"contacts({contact_id(2)})")
    with count_requests() as meter:
        rows, deleted, further = await changes(dataverse, *links)
    assert [(row["contactid"], row["mobilephone"]) for row in rows] == [(contact_id(1), "050 1")]
    assert deleted == [contact_id(2)]
    assert meter.requests == 1
    again, gone_again, _ = await changes(dataverse, *links)
    assert (again, gone_again) == (rows, deleted)
    assert (await changes(dataverse, *further))[:2] == ([], [])


async def test_many_changes_come_in_pages(dataverse: DataverseClient, control: httpx.Client) -> None:
    _, _, links = await changes(dataverse, CONTACTS)
    plant(control, COUNT)
    rows, _, _ = await changes(dataverse, *links)
    assert {row["contactid"] for row in rows} == {contact_id(number) for number in range(COUNT)}


@pytest.mark.parametrize("status", [400, 410])
async def test_an_expired_link_can_be_told_from_other_failures(
    dataverse: DataverseClient, control: httpx.Client, status: int
) -> None:
    _, _, links = await changes(dataverse, CONTACTS, ACCOUNTS)
    environment(control, deltaTokenDays=0, expiredDeltaStatus=status)
    try:
        with pytest.raises(DeltaExpiredError, match="0x80044352") as raised:
            await changes(dataverse, *links)
        assert raised.value.status == status
    finally:
        environment(control, deltaTokenDays=7, expiredDeltaStatus=400)


@pytest.mark.parametrize("status", [400, 404, 410, 412])
async def test_whatever_is_said_against_a_link_it_is_no_longer_good(
    dataverse: DataverseClient, control: httpx.Client, status: int
) -> None:
    _, _, links = await changes(dataverse, CONTACTS)
    fault(control, match={"path": "deltatoken"}, scope="part", action={"status": status})
    with pytest.raises(DeltaExpiredError):
        await changes(dataverse, *links)


@pytest.mark.parametrize(("status", "kind"), [(403, DeniedError), (503, UnavailableError)])
async def test_other_failures_leave_the_link_as_good_as_it_was(
    dataverse: DataverseClient, control: httpx.Client, status: int, kind: type[Exception]
) -> None:
    _, _, links = await changes(dataverse, CONTACTS)
    fault(control, match={"path": "batch"}, action={"status": status})
    with pytest.raises(kind):
        await changes(dataverse, *links)
    calm(control)
    assert (await changes(dataverse, *links))[:2] == ([], [])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/api/data/v9.2/contacts?$deltatoken=1",
        "https://evil.example/api/data/v9.2/contacts?$deltatoken=1",
        "{base}/other/contacts?$deltatoken=1",
        "{base}@evil.example/api/data/v9.2/contacts?$deltatoken=1",
    ],
)
async def test_a_link_to_elsewhere_is_never_followed(
    dataverse: DataverseClient, control: httpx.Client, url: str
) -> None:
    base = str(control.base_url).removesuffix("/__sim/")
    before = requests_seen(control)
    with pytest.raises(DeltaExpiredError, match="outside"):
        await changes(dataverse, DeltaLink(CONTACT, url.format(base=base)))
    assert requests_seen(control) == before
