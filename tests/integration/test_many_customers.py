"""Thousands of numbers at once, asked of the simulator through our client: the answers are those of one at a time."""

import random
from collections.abc import Iterable, Mapping
from itertools import batched
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.customers import (
    NOBODY,
    CustomerColumns,
    CustomerMatching,
    Match,
    MatchKind,
    find_customer,
)
from shared.customers.many import find_customers
from shared.dataverse.client import DataverseClient
from shared.dataverse.errors import DataverseError, DeniedError, RejectedError
from tests.unit.shared.stored_numbers import Stored, stored_numbers

OWN_LINE = "+358912345678"
KINDS = {
    "contacts": ("contactid", ("mobilephone", "telephone1", "telephone2", "telephone3")),
    "accounts": ("accountid", ("telephone1", "telephone2", "telephone3")),
    "leads": ("leadid", ("mobilephone", "telephone1", "telephone2", "telephone3")),
}
NOTHING_MORE = CustomerColumns()
MUCH = CustomerColumns(
    contact=frozenset({"jobtitle"}),
    account=frozenset({"customertypecode"}),
    lead=frozenset({"leadqualitycode"}),
    parent_account=True,
    parent_levels=1,
    primary_contact=True,
    lead_customer=True,
)


def matching(**keys: Any) -> CustomerMatching:
    return CustomerMatching.model_validate({"defaultRegion": "FI", "ownNumbers": [OWN_LINE], **keys}, strict=False)


def row_id(kind: str, number: int) -> str:
    return str(UUID(int=({"contacts": 1, "accounts": 2, "leads": 3}.get(kind, 4) << 96) + number))


def plant(control: httpx.Client, **rows: Iterable[Mapping[str, Any]]) -> None:
    for table, each in rows.items():
        for some in batched(each, 10_000, strict=False):
            answer = control.post("rows", json={table: some}, timeout=120)
            assert answer.is_success, answer.text


def fault(control: httpx.Client, rule: Mapping[str, Any]) -> None:
    assert control.post("faults", json=[rule]).is_success


def requests(control: httpx.Client) -> int:
    """Requests to the Web API by the simulator's own count; a `$batch` is one."""
    return int(control.get("stats").json()["requests"]["total"])


# ------------------------------------------------------------------------------------ the same as one at a time


class Directory:
    """Customers of every kind who share numbers, in whatever format somebody may have typed them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.by_number: dict[str, list[Stored]] = {}
        for each in stored_numbers():
            self.by_number.setdefault(each.number, []).append(each)
        self.numbers = sorted(self.by_number)

    def text(self, number: str) -> str:
        odd = ["{0} ", "{0} x77", "puh. {0}", "{0}9", "{0} / 2"]
        text = self.random.choice(self.by_number[number]).text
        return self.random.choice(odd).format(text) if self.random.random() < 0.15 else text

    def customers(self, kind: str, most: int) -> list[dict[str, Any]]:
        key, columns = KINDS[kind]
        rows: list[dict[str, Any]] = []
        for number in self.numbers:
            for _ in range(self.random.choice((0, 0, 1, 1, most))):
                row: dict[str, Any] = {key: row_id(kind, len(rows))}
                row["createdon"] = f"2024-01-{self.random.randint(1, 9):02}T08:00:00Z"
                also = [self.random.choice(self.numbers)] if self.random.random() < 0.3 else []
                for each in (number, *also):
                    text = self.text(each)
                    fits = [name for name in columns if len(text) <= 20 or (kind, name) != ("leads", "mobilephone")]
                    row[self.random.choice(fits)] = text
                if self.random.random() < 0.1:
                    row |= {"statecode": 1, "statuscode": {"contacts": 2, "accounts": 2, "leads": 3}[kind]}
                if kind != "leads" and self.random.random() < 0.5:
                    row["ownerid@odata.bind"] = f"/systemusers({row_id('users', self.random.randint(0, 1))})"
                rows.append(row)
        return rows

    def plant(self, control: httpx.Client) -> None:
        plant(control, systemusers=[{"systemuserid": row_id("users", n), "isdisabled": n == 1} for n in range(2)])
        accounts, contacts, leads = (
            self.customers("accounts", 2),
            self.customers("contacts", 3),
            self.customers("leads", 2),
        )
        for row in contacts:
            if self.random.random() < 0.6:
                row["parentcustomerid_account@odata.bind"] = f"/accounts({self.random.choice(accounts)['accountid']})"
        plant(control, accounts=accounts)
        plant(control, contacts=contacts, leads=leads)
        named = self.random.sample(accounts, len(accounts) // 2)
        plant(control, accounts=[
            row | {"primarycontactid@odata.bind": f"/contacts({self.random.choice(contacts)['contactid']})"}
            for row in named
        ])  # fmt: skip
        someone = [("contact", row["contactid"]) for row in contacts] + [
            ("account", row["accountid"]) for row in accounts
        ]
        plant(control, incidents=[
            {"title": "Case", f"customerid_{kind}@odata.bind": f"/{kind}s({key})",
             **self.random.choice(({}, {"statecode": 1, "statuscode": 5}))}
            for kind, key in self.random.sample(someone, 40)
        ], phonecalls=[
            {"subject": "Call", "createdon": f"2026-01-{self.random.randint(1, 28):02}T08:00:00Z",
             f"regardingobjectid_{kind}_phonecall@odata.bind": f"/{kind}s({key})"}
            for kind, key in self.random.choices(someone, k=80)
        ])  # fmt: skip


async def one_at_a_time(
    dataverse: DataverseClient, numbers: Iterable[str], policy: CustomerMatching, wanted: CustomerColumns
) -> dict[str, Match]:
    return {number: await find_customer(dataverse, number, policy, wanted) for number in numbers}


def told(match: Match, wanted: CustomerColumns) -> tuple[Any, ...]:
    """All that a match says of what is wanted. (The key `primaryContact` of `order` may bring a parent along.)"""
    row = match.row or {}
    asked = {"contactid", "accountid", "leadid", "mobilephone", "telephone1", "telephone2", "telephone3",
             "jobtitle", "leadqualitycode"}  # fmt: skip
    return (
        match.kind,
        {name: value for name, value in row.items() if name in asked},
        (match.contact or {}).get("contactid"),
        [account["accountid"] for account in match.accounts] if wanted.parent_account else None,
        match.candidate_kind,
        match.candidates,
    )


POLICIES = [
    pytest.param({}, id="as delivered"),
    pytest.param({"defaultRegion": "SE"}, id="another region"),
    pytest.param({"defaultRegion": None}, id="no region"),
    pytest.param({"NumbersToCut": 4}, id="cut"),
    pytest.param({"NumbersToCut": 3, "defaultRegion": None, "MultipleMatchesPickFirst": True}, id="cut, pick first"),
    *[
        pytest.param({"MultipleMatchesPickFirst": True, "order": order}, id=f"pick first by {' '.join(order) or 'age'}")
        for order in ([], ["active"], ["openCase"], ["lastActivity"], ["primaryContact"], ["owner"],
                      ["openCase", "lastActivity", "owner"])
    ],
    pytest.param(
        {"columns": {"contact": ["telephone2"], "account": [], "lead": ["mobilephone"]}}, id="few columns, no accounts"
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "strangers"),
    [pytest.param(*each.values, 0, id=f"{each.id}, kinds at once") for each in POLICIES]
    + [pytest.param(*each.values, 320, id=f"{each.id}, kinds in turn") for each in POLICIES[::3]],
)
async def test_many_numbers_have_the_customers_of_one_at_a_time(
    dataverse: DataverseClient, control: httpx.Client, keys: dict[str, Any], strangers: int
) -> None:
    directory = Directory(seed=len(str(keys)) + strangers)
    directory.plant(control)
    policy, wanted = matching(**keys), MUCH if strangers else NOTHING_MORE
    others = [f"+3584477{n:05}" for n in range(strangers)]
    expected = await one_at_a_time(dataverse, directory.numbers, policy, wanted)
    found = await find_customers(dataverse, [*directory.numbers, *others], policy, wanted)
    for number, match in expected.items():
        assert told(found[number], wanted) == told(match, wanted), number
    assert all(found[number] is NOBODY for number in others)
    assert len(found) == len(directory.numbers) + strangers
    # The directory has what it takes to tell: several of every kind, and one.
    kinds = {match.kind for match in found.values()}
    assert {MatchKind.CONTACT, MatchKind.LEAD} <= kinds
    assert any(len(match.candidates) > 1 for match in found.values()) or "columns" in keys


@pytest.mark.parametrize("on", [False, True], ids=["ambiguous", "pick first"])
async def test_a_number_that_very_many_have_keeps_no_other_from_its_customers(
    dataverse: DataverseClient, control: httpx.Client, on: bool
) -> None:
    popular, numbers = "+358401000003", [f"+3584010000{n:02}" for n in range(8)]
    crowd = [
        {"contactid": row_id("contacts", n), "telephone1": "040 1000003", "createdon": "2020-01-01T08:00:00Z"}
        for n in range(400)
    ]
    single = [
        {"contactid": row_id("contacts", 1000 + n), "mobilephone": number, "createdon": "2024-01-01T08:00:00Z"}
        for n, number in enumerate(numbers)
    ]
    plant(control, contacts=[*crowd, *single])
    policy = matching(MultipleMatchesPickFirst=on)
    found = await find_customers(dataverse, numbers, policy)
    for n, number in enumerate(numbers):
        alone = await find_customer(dataverse, number, policy, NOTHING_MORE)
        assert told(found[number], NOTHING_MORE) == told(alone, NOTHING_MORE)
        if number != popular:
            assert found[number].candidates == (row_id("contacts", 1000 + n),)
    assert len(found[popular].candidates) == 50
    assert found[popular].kind is (MatchKind.CONTACT if on else MatchKind.AMBIGUOUS)


async def test_parts_of_many_numbers_are_looked_for_in_pages_of_all_customers(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    numbers = [f"+3584010{n:05}" for n in range(400)]
    policy = matching(NumbersToCut=4, MultipleMatchesPickFirst=True, order=[])
    plant(control, contacts=[
        {"contactid": row_id("contacts", n), "telephone1": f"0{4010 * 10**5 + n}", "createdon": "2024-01-01T08:00:00Z"}
        for n in range(10_100)
    ])  # fmt: skip
    crowd = [
        {"contactid": row_id("contacts", 20_000 + n), "telephone2": f"0-{numbers[7][4:]}",
         "createdon": f"20{10 + n % 10}-01-01T08:00:00Z"}
        for n in range(300)
    ]  # fmt: skip
    plant(control, contacts=crowd, leads=[{"leadid": row_id("leads", 0), "telephone1": numbers[9]}])
    before = requests(control)
    found = await find_customers(dataverse, numbers, policy)
    # Three pages of contacts, the rows themselves, and what picks the first of several.
    assert requests(control) - before == 5
    before = requests(control)
    few = await find_customers(dataverse, numbers[:20], policy)
    assert requests(control) - before <= 3
    for number in numbers[:20]:
        alone = told(await find_customer(dataverse, number, policy, NOTHING_MORE), NOTHING_MORE)
        assert told(found[number], NOTHING_MORE) == alone, number
        assert told(few[number], NOTHING_MORE) == alone, number


async def test_a_customer_of_very_many_activities_hides_nobody_elses(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    numbers = [f"+3584010000{n:02}" for n in range(4)]
    twins = [
        {"contactid": row_id("contacts", 2 * n + twin), "mobilephone": number,
         "createdon": f"2024-01-0{twin + 1}T08:00:00Z"}
        for n, number in enumerate(numbers)
        for twin in range(2)
    ]  # fmt: skip
    plant(control, contacts=twins)
    bind = "regardingobjectid_contact_phonecall@odata.bind"
    plant(control, phonecalls=[
        {"subject": "Call", "createdon": "2026-02-01T08:00:00Z", bind: f"/contacts({row_id('contacts', 0)})"}
        for _ in range(520)
    ])  # fmt: skip
    plant(control, phonecalls=[
        {"subject": "Call", "createdon": "2026-01-01T08:00:00Z", bind: f"/contacts({row_id('contacts', 2 * n + 1)})"}
        for n in range(1, 4)
    ])  # fmt: skip
    policy = matching(MultipleMatchesPickFirst=True, order=["lastActivity"])
    before = requests(control)
    found = await find_customers(dataverse, numbers, policy)
    assert requests(control) - before == 3
    assert [(found[number].row or {})["contactid"] for number in numbers] == [
        row_id("contacts", n) for n in (0, 3, 5, 7)
    ]


async def test_what_is_no_customers_number_is_not_asked_for(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, contacts=[{"contactid": row_id("contacts", 0), "mobilephone": OWN_LINE}])
    pool = "+358912345679"
    before = requests(control)
    texts = [OWN_LINE, pool, "anonymous", "", "1234"]
    found = await find_customers(dataverse, texts, matching(), own=frozenset({pool}))
    assert found == dict.fromkeys(texts, NOBODY)
    assert await find_customers(dataverse, [], matching()) == {}
    assert requests(control) == before


async def test_a_number_is_asked_for_once_in_whatever_form_it_comes(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    plant(control, contacts=[{"contactid": row_id("contacts", 0), "mobilephone": "(040) 1000003"}])
    found = await find_customers(dataverse, iter(["+358401000003", "040 1000003", "+358401000003"]), matching())
    assert [match.candidates for match in found.values()] == [(row_id("contacts", 0),)] * 2
    assert list(found) == ["+358401000003", "040 1000003"]


@pytest.mark.parametrize(("status", "error"), [(403, DeniedError), (400, RejectedError)])
async def test_a_refusal_of_one_question_is_a_failure_of_all(
    dataverse: DataverseClient, control: httpx.Client, status: int, error: type[DataverseError]
) -> None:
    plant(control, contacts=[{"contactid": row_id("contacts", 0), "mobilephone": "+358401000003"}])
    fault(control, {"scope": "part", "match": {"table": "lead"}, "count": 1, "status": status})
    with pytest.raises(error):
        await find_customers(dataverse, ["+358401000003"], matching())
    found = await find_customers(dataverse, ["+358401000003"], matching())
    assert found["+358401000003"].kind is MatchKind.CONTACT


# ------------------------------------------------------------------------------------------------ requests

CUSTOMERS = 100_000
SHARES = {"contacts": 0.7, "accounts": 0.2, "leads": 0.1}
FORMATS = (
    "+358{0}", "0{0}", "00358{0}", "+358 {1} {2} {3}", "0{1} {2}{3}", "0{1}-{2}{3}", "+358 (0){1} {2}{3}",
    "+358 {1} {2} {3} x12", "(0{1}) {2}{3}", "+358-{1}-{2}-{3}",
)  # fmt: skip


def number_of(customer: int) -> str:
    return f"+35850{customer * 7919 % 10**7:07}"


def hundred_thousand_customers() -> dict[str, list[dict[str, Any]]]:
    """Customers of every kind, one number each, in mixed formats."""
    rows: dict[str, list[dict[str, Any]]] = {}
    first = 0
    for kind, share in SHARES.items():
        key, columns = KINDS[kind]
        some = range(first, first + round(CUSTOMERS * share))
        first = some.stop
        digits = [number_of(n).removeprefix("+358") for n in some]
        texts = [
            FORMATS[n % len(FORMATS)].format(each, each[:2], each[2:5], each[5:])
            for n, each in zip(some, digits, strict=True)
        ]
        roomy = [name for name in columns if (kind, name) != ("leads", "mobilephone")]
        rows[kind] = [{key: row_id(kind, n), roomy[n % len(roomy)]: text} for n, text in zip(some, texts, strict=True)]
    return rows


# What docs/customer-matching.md says of them.
REQUESTS = {1: 1, 100: 1, 1000: 4, 5000: 12}


async def test_requests_grow_with_thousands_of_numbers(dataverse: DataverseClient, control: httpx.Client) -> None:
    plant(control, **hundred_thousand_customers())
    # Every other customer, and numbers of nobody: three in five are matched, by each kind as often as it occurs.
    seen = {}
    for count in REQUESTS:
        matched = [number_of(n) for n in range(0, CUSTOMERS, CUSTOMERS * 5 // (count * 3 + 2))][: count * 3 // 5]
        strangers = [f"+35840{n * 104_729 % 10**7:07}" for n in range(count - len(matched))]
        before = requests(control)
        found = await find_customers(dataverse, [*matched, *strangers], matching(MultipleMatchesPickFirst=True))
        seen[count] = requests(control) - before
        assert len(found) == count
        assert all(len(found[number].candidates) == 1 for number in matched)
        assert all(found[number] is NOBODY for number in strangers)
    assert seen == REQUESTS
