"""Dates, numbers, choices, texts, and the code of each value that a column cannot hold (facts: sections 8 and 9)."""

from typing import Any

from tests.contract.cases import Case, get, patch, post, text
from tests.contract.seeded import A_CALL, A_CASE, A_RESOURCE, CALL, CASE, ELINA, NEW, RESOURCE
from tests.contract.sources import S3, S7, S11, S16, S17, S18, Source

GIVEN: dict[str, Any] = {"bookableresources": A_RESOURCE, "phonecalls": A_CALL, "incidents": A_CASE}
CUSTOM = {
    "contact": {
        "attributes": {
            "new_voiceid": {"type": "String", "max_length": 12},
            "new_score": {"type": "Decimal", "min": 0, "max": 100, "precision": 2},
            "new_birthday": {"type": "DateTime", "datetime_behavior": "DateOnly", "edm_type": "Edm.Date"},
        }
    },
    "incident": {"attributes": {"caseorigincode": {"options": [{"value": 100_000_001, "label": "Enreach"}]}}},
}


def keeps(fact: str, source: Source, address: str, column: str, sent: Any, kept: Any, confirmed: bool = True) -> Case:
    """A value that a column takes, and the form in which it is returned."""
    return Case(fact=fact, source=source, confirmed=confirmed, given=GIVEN, tables=CUSTOM, status=200,
                first=[patch(address, {column: sent})], call=get(f"{address}?$select={column}"),
                body={column: kept}, stored={address: {column: kept}})  # fmt: skip


def refuses(fact: str, source: Source, address: str, column: str, sent: Any, code: str, **more: Any) -> Case:
    """A value that a column does not take."""
    return Case(fact=fact, source=source, given=GIVEN, tables=CUSTOM, status=400, code=code,
                call=patch(address, {column: sent}), **more)  # fmt: skip


CALL_ROW, CASE_ROW, CONTACT = f"phonecalls({CALL})", f"incidents({CASE})", f"contacts({ELINA})"
RESOURCE_ROW = f"bookableresources({RESOURCE})"
EIGHT = "2026-11-21T08:00:00Z"

CASES = [
    keeps("a moment in UTC is kept", S11, CALL_ROW, "scheduledstart", EIGHT, EIGHT),
    keeps("a moment without an offset is taken as UTC", S11, CALL_ROW, "scheduledstart", "2026-11-21T08:00:00", EIGHT),
    keeps("the offset of a moment is honoured", S11, CALL_ROW, "scheduledstart", "2026-11-21T10:00:00+02:00", EIGHT),
    keeps("an offset can change the day", S11, CALL_ROW, "scheduledstart", "2026-11-21T00:30:00+02:00",
          "2026-11-20T22:30:00Z"),
    refuses("an offset and Z together are invalid", S11, CALL_ROW, "scheduledstart", "2026-11-21T08:00:00+02:00Z",
            "0x80048d19"),
    refuses("a moment before 1753 is refused", S11, CALL_ROW, "scheduledstart", "1752-12-31T23:59:59Z", "0x80040239"),
    keeps("the first moment is in 1753", S11, CALL_ROW, "scheduledstart", "1753-01-01T00:00:00Z",
          "1753-01-01T00:00:00Z"),
    keeps("a fraction of a second is dropped", S11, CALL_ROW, "scheduledstart", "2026-11-21T08:00:00.987Z", EIGHT,
          confirmed=False),
    refuses("a moment that is no date is refused", S17, CALL_ROW, "scheduledstart", "tomorrow", "0x80048d19"),
    refuses("a day that is not in the calendar is refused", S17, CALL_ROW, "scheduledstart", "2026-02-30T08:00:00Z",
            "0x80048d19"),
    keeps("a column with the format of a day still has a time", S11, CALL_ROW, "actualstart",
          "2026-11-21T08:04:10Z", "2026-11-21T08:04:10Z", confirmed=False),
    keeps("a column that is a day has none", S11, CONTACT, "new_birthday", "2026-11-21", "2026-11-21"),
    refuses("a column that is a day takes no moment", S11, CONTACT, "new_birthday", EIGHT, "0x80048d19"),
    keeps("a choice is a number", S18, CASE_ROW, "caseorigincode", 1, 1),
    refuses("a choice that is not defined is refused", S16, CASE_ROW, "caseorigincode", 77, "0x8004431a"),
    refuses("a choice is not its label", S17, CASE_ROW, "caseorigincode", "Phone", "0x80048d19"),
    keeps("a choice of the customer's own is taken", S18, CASE_ROW, "caseorigincode", 100_000_001, 100_000_001),
    keeps("a two-option column is a boolean", S18, CALL_ROW, "leftvoicemail", True, True),
    refuses("a two-option column is no number", S17, CALL_ROW, "leftvoicemail", 1, "0x80048d19"),
    keeps("a whole number is kept", S18, CALL_ROW, "actualdurationminutes", 0, 0),
    refuses("a whole number below its range is refused", S16, CALL_ROW, "actualdurationminutes", -1, "0x8004432f"),
    refuses("a whole number above its range is refused", S16, RESOURCE_ROW, "timezone", 1501, "0x8004432f"),
    refuses("a number above 32 bits is refused", S17, CALL_ROW, "actualdurationminutes", 2**31, "0x80048d19"),
    refuses("a whole number is no text", S17, CALL_ROW, "actualdurationminutes", "4", "0x80048d19"),
    refuses("a whole number has no fraction", S17, CALL_ROW, "actualdurationminutes", 4.5, "0x80048d19"),
    keeps("a decimal is a number", S3, CONTACT, "new_score", 99.25, 99.25),
    refuses("a decimal above its range is refused", S16, CONTACT, "new_score", 100.5, "0x80044330"),
    keeps("a text at its length is kept", S18, CONTACT, "new_voiceid", "x" * 12, "x" * 12),
    refuses("a text above its length is refused and never cut", S7, CALL_ROW, "subject", "x" * 201, "0x80044331",
            message="A validation error occurred.  The length of the 'subject' attribute of the 'phonecall' entity "
                    "exceeded the maximum allowed length of '200'.", stored={CALL_ROW: {"subject": "Inbound"}}),
    refuses("a custom column is as strict as the rest", S7, CONTACT, "new_voiceid", "x" * 13, "0x80044331"),
    refuses("a length counts UTF-16 units", S7, CONTACT, "new_voiceid", "\U0001f600" * 7, "0x80044331",
            confirmed=False),
    keeps("six characters outside of the basic plane fill twelve units", S7, CONTACT, "new_voiceid",
          "\U0001f600" * 6, "\U0001f600" * 6, confirmed=False),
    keeps("a mobile number of a contact has 50 characters", S18, CONTACT, "mobilephone", "1" * 50, "1" * 50),
    Case(fact="a mobile number of a lead has 20 characters", source=S18, status=400, code="0x80044331",
         call=post("leads", {"subject": "S", "mobilephone": "1" * 21})),
    refuses("a text is no number", S17, CONTACT, "lastname", 5, "0x80048d19"),
    keeps("a column is cleared by null", S18, CONTACT, "jobtitle", None, None),
    keeps("text is kept in every script", S18, CONTACT, "jobtitle", "Työ – 工作 👩‍🔧", "Työ – 工作 👩‍🔧"),
    Case(fact="an id is answered in lower case", source=S18, status=204,
         call=post("contacts", {"contactid": NEW.upper(), "lastname": "V"}), stored={f"contacts({NEW})": {}}),
    Case(fact="an id that is no guid is refused", source=S17, status=400, code="0x80048d19",
         call=post("contacts", {"contactid": "5", "lastname": "V"})),
    Case(fact="a row version is a number and feeds the ETag", source=S18, status=200, given={
        "leads": [{"leadid": NEW, "subject": "S"}]}, call=get(f"leads({NEW})?$select=versionnumber"),
         headers={"ETag": text('W/"')}, body={"@odata.etag": text('W/"')}),
]  # fmt: skip
