"""The other query functions of Dataverse (facts: section 4)."""

from tests.contract.cases import Case, get
from tests.contract.seeded import ASA_OBJECT_ID, NEW, NEW_2
from tests.contract.sources import S10

LEADS = [
    {"leadid": NEW, "subject": "Old", "lastname": "Q", "createdon": "2020-03-01T22:30:00Z", "leadqualitycode": 1},
    {"leadid": NEW_2, "subject": "New", "lastname": "Q", "leadqualitycode": 3},
]
OLD, RECENT = [{"leadid": NEW}], [{"leadid": NEW_2}]
BOTH = [*RECENT, *OLD]


def finds(fact: str, call: str, found: list[dict[str, str]], **headers: str) -> Case:
    """The rows of LEADS that a function chooses."""
    url = f"leads?$select=subject&$orderby=subject&$filter=lastname eq 'Q' and Microsoft.Dynamics.CRM.{call}"
    return Case(fact=fact, source=S10, given={"leads": LEADS}, call=get(url, "", None, **headers), status=200,
                body={"value": found})  # fmt: skip


CASES = [
    finds("Between has both of its ends", "Between(PropertyName='leadqualitycode',PropertyValues=[\"1\",\"2\"])", OLD),
    finds("NotBetween leaves them out", "NotBetween(PropertyName='leadqualitycode',PropertyValues=[\"1\",\"2\"])",
          RECENT),
    finds("NotIn leaves values out", "NotIn(PropertyName='leadqualitycode',PropertyValues=[\"3\"])", OLD),
    finds("On matches a day", "On(PropertyName='createdon',PropertyValue='2020-03-01')", OLD),
    finds("OnOrAfter begins with its day", "OnOrAfter(PropertyName='createdon',PropertyValue='2020-03-01')", BOTH),
    finds("OnOrBefore ends with its day", "OnOrBefore(PropertyName='createdon',PropertyValue='2020-03-01')", OLD),
    finds("LastXHours looks back from now", "LastXHours(PropertyName='createdon',PropertyValue=2)", RECENT),
    finds("OlderThanXDays looks further back", "OlderThanXDays(PropertyName='createdon',PropertyValue=2)", OLD),
    finds("Today is today", "Today(PropertyName='createdon')", RECENT),
    finds("EqualUserId means the caller", "EqualUserId(PropertyName='ownerid')", BOTH),
    finds("EqualUserId means the impersonated user", "EqualUserId(PropertyName='ownerid')", [],
          CallerObjectId=ASA_OBJECT_ID),
    finds("NotEqualUserId means anybody else", "NotEqualUserId(PropertyName='ownerid')", BOTH,
          CallerObjectId=ASA_OBJECT_ID),
    Case(fact="a function without its value is refused", source=S10, status=400,
         call=get("leads?$filter=Microsoft.Dynamics.CRM.LastXHours(PropertyName='createdon')")),
    Case(fact="a function of another type of column is refused", source=S10, status=400,
         call=get("leads?$filter=Microsoft.Dynamics.CRM.LastXHours(PropertyName='subject',PropertyValue=2)")),
]  # fmt: skip
