"""The query functions `Microsoft.Dynamics.CRM.*` ("Filter rows"), and the periods behind them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.dataverse.periods import period

CRM = "Microsoft.Dynamics.CRM."
NOW = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("operator", "count", "start", "end"),
    [
        ("today", 0, "2026-11-21 00:00", "2026-11-22 00:00"),
        ("yesterday", 0, "2026-11-20 00:00", "2026-11-21 00:00"),
        ("last-x-hours", 3, "2026-11-21 07:30", "2026-11-21 10:30"),
        ("next-x-hours", 3, "2026-11-21 10:30", "2026-11-21 13:30"),
        ("last-x-days", 2, "2026-11-19 00:00", "2026-11-21 10:30"),
        ("next-x-days", 2, "2026-11-21 10:30", "2026-11-24 00:00"),
        ("last-seven-days", 0, "2026-11-14 00:00", "2026-11-21 10:30"),
        ("last-x-months", 9, "2026-02-21 00:00", "2026-11-21 10:30"),
        ("this-week", 0, "2026-11-15 00:00", "2026-11-22 00:00"),
        ("next-week", 0, "2026-11-22 00:00", "2026-11-29 00:00"),
        ("last-month", 0, "2026-10-01 00:00", "2026-11-01 00:00"),
        ("next-year", 0, "2027-01-01 00:00", "2028-01-01 00:00"),
        ("older-than-x-months", 9, None, "2026-02-21 10:30"),
        ("olderthan-x-minutes", 30, None, "2026-11-21 10:00"),
    ],
)
def test_relative_periods(operator: str, count: int, start: str | None, end: str) -> None:
    found = period(operator, count, NOW)
    assert found is not None
    assert (None if found[0] is None else f"{found[0]:%Y-%m-%d %H:%M}") == start
    assert f"{found[1]:%Y-%m-%d %H:%M}" == end


def test_the_last_day_of_a_month_stays_in_the_month() -> None:
    assert period("older-than-x-months", 1, datetime(2026, 3, 31, tzinfo=UTC)) == (
        None,
        datetime(2026, 2, 28, tzinfo=UTC),
    )


def found(dataverse: Any, condition: str, **aliases: str) -> list[str]:
    parameters = {"$filter": condition, "$orderby": "subject", **{f"@{name}": value for name, value in aliases.items()}}
    response = dataverse.http.get("leads", params=parameters)
    assert response.status_code == 200, response.text
    return [row["subject"] for row in response.json()["value"]]


@pytest.fixture
def leads(dataverse: Any) -> Any:
    """Plants leads whose age, quality and subject differ."""
    now = datetime.now(UTC)
    rows = [
        {
            "subject": f"T {hours}",
            "createdon": (now - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "leadqualitycode": quality,
        }
        for hours, quality in ((1, 1), (50, 2), (800, 3))
    ]
    dataverse.control("POST", "rows", {"leads": rows})
    return dataverse


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("LastXHours(PropertyName='createdon',PropertyValue=5)", ["T 1"]),
        ("LastXDays(PropertyName='createdon',PropertyValue=7)", ["T 1", "T 50"]),
        ("NextXHours(PropertyName='createdon',PropertyValue=5)", []),
        ("OlderThanXDays(PropertyName='createdon',PropertyValue=7)", ["T 800"]),
        ("Last7Days(PropertyName='createdon')", ["T 1", "T 50"]),
        ("NotIn(PropertyName='leadqualitycode',PropertyValues=['1','3'])", ["T 50"]),
        ("Between(PropertyName='leadqualitycode',PropertyValues=['2','3'])", ["T 50", "T 800"]),
        ("NotBetween(PropertyName='leadqualitycode',PropertyValues=['2','3'])", ["T 1"]),
        ("OnOrAfter(PropertyName='createdon',PropertyValue='2020-01-01')", ["T 1", "T 50", "T 800"]),
        ("OnOrBefore(PropertyName='createdon',PropertyValue='2020-01-01')", []),
        ("EqualUserId(PropertyName='ownerid')", ["T 1", "T 50", "T 800"]),
        ("NotEqualUserId(PropertyName='ownerid')", []),
        ("EqualBusinessId(PropertyName='owningbusinessunit')", ["T 1", "T 50", "T 800"]),
    ],
)
def test_functions_choose_rows(leads: Any, call: str, expected: list[str]) -> None:
    assert found(leads, f"startswith(subject,'T ') and {CRM}{call}") == expected


def test_a_day_is_matched_whatever_the_time_of_day(leads: Any) -> None:
    day = leads.rows("leads", filter="subject eq 'T 50'")[0]["createdon"][:10]
    assert found(leads, f"{CRM}On(PropertyName=@p1,PropertyValue=@p2)", p1="'createdon'", p2=f"'{day}'") == ["T 50"]


def test_multi_select_columns_are_matched_by_value(dataverse: Any) -> None:
    for name, kinds in (("A", "1,3"), ("B", "3"), ("C", None)):
        dataverse.create("msdyn_resourcerequirements", {"msdyn_name": name, "msdyn_resourcetype": kinds})

    def names(function: str, values: str) -> list[str]:
        condition = f"{CRM}{function}(PropertyName='msdyn_resourcetype',PropertyValues={values})"
        rows = dataverse.rows("msdyn_resourcerequirements", filter=condition, orderby="msdyn_name")
        return [row["msdyn_name"] for row in rows]

    assert names("ContainValues", '["1","2"]') == ["A"]
    assert names("DoesNotContainValues", '["1"]') == ["B"]


def test_an_impersonated_user_is_the_user_that_is_meant(leads: Any) -> None:
    agent = leads.rows("systemusers", filter="employeeid eq '00017'")[0]
    headers = {"CallerObjectId": agent["azureactivedirectoryobjectid"]}
    condition = f"startswith(subject,'T ') and {CRM}EqualUserId(PropertyName='ownerid')"
    assert leads.get("leads", filter=condition, headers=headers).json()["value"] == []


@pytest.mark.parametrize(
    "call",
    [
        "LastXHours(PropertyName='createdon')",
        "LastXHours(PropertyName='createdon',PropertyValue=0)",
        "LastXHours(PropertyName='subject',PropertyValue=5)",
        "Today(PropertyName='createdon',PropertyValue=1)",
        "Between(PropertyName='leadqualitycode',PropertyValues=['1'])",
        "Between(PropertyName='leadqualitycode',PropertyValues=[1,2])",
        "EqualUserId(PropertyName='_ownerid_value')",
        "ContainValues(PropertyName='leadqualitycode',PropertyValues=['1'])",
        "On(PropertyName='createdon',PropertyValue='yesterday')",
        "In(PropertyName='createdon',PropertyValue='2026-01-01')",
    ],
)
def test_calls_that_make_no_sense_are_refused(dataverse: Any, call: str) -> None:
    assert dataverse.get("leads", filter=CRM + call).status_code == 400
