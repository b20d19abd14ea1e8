"""Each builder of a write: method, path, headers and body, and what none of them lets through."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dataverse.odata import (
    Part,
    action_part,
    clear_part,
    create_only_part,
    create_part,
    delete_part,
    entity_parameter,
    json_bytes,
    multiple_body,
    multiple_path,
    row_id,
    update_part,
    upsert_part,
)
from shared.dataverse.odata.parts import Method
from shared.dataverse.tables import BOOKING, CONTACT, INCIDENT, PHONE_CALL, QUEUE, JsonRow

ID = UUID("4beb9fdb-48e9-453f-b008-5862ff902c5d")
CONTACT_ROW = CONTACT.row(ID, {"lastname": "O'Neill"})
CALL_ROW = PHONE_CALL.row(ID, {"subject": "+358"}, nested={"phonecall_activity_parties": [{"a": 1}]})
LASTNAME = {"lastname": "O'Neill"}
ETAG = 'W/"123456"'

BUILT = [
    pytest.param(create_part(CONTACT, CONTACT_ROW),
                 Part("POST", "contacts", {"contactid": str(ID), **LASTNAME}), id="create"),
    pytest.param(create_part(PHONE_CALL, CALL_ROW), Part("POST", "phonecalls", CALL_ROW), id="create with parties"),
    pytest.param(create_only_part(CONTACT, CONTACT_ROW),
                 Part("PATCH", f"contacts({ID})", LASTNAME, (("If-None-Match", "*"),)), id="create only"),
    pytest.param(create_only_part(PHONE_CALL, CALL_ROW), Part("POST", "phonecalls", CALL_ROW),
                 id="create only with parties"),
    pytest.param(upsert_part(CONTACT, CONTACT_ROW), Part("PATCH", f"contacts({ID})", LASTNAME), id="upsert"),
    pytest.param(update_part(CONTACT, CONTACT_ROW),
                 Part("PATCH", f"contacts({ID})", LASTNAME, (("If-Match", "*"),)), id="update"),
    pytest.param(update_part(CONTACT, CONTACT_ROW, ETAG),
                 Part("PATCH", f"contacts({ID})", LASTNAME, (("If-Match", ETAG),)), id="update of one version"),
    pytest.param(delete_part(CONTACT, ID), Part("DELETE", f"contacts({ID})"), id="delete"),
    pytest.param(delete_part(CONTACT, f"{{{ID}}}".upper()), Part("DELETE", f"contacts({ID})"), id="delete by text"),
    pytest.param(delete_part(CONTACT, ID, ETAG), Part("DELETE", f"contacts({ID})", None, (("If-Match", ETAG),)),
                 id="delete of one version"),
    pytest.param(clear_part(CONTACT, ID, "parentcustomerid_account"),
                 Part("DELETE", f"contacts({ID})/parentcustomerid_account/$ref"), id="clear a lookup"),
    pytest.param(action_part("msdyn_SearchResourceAvailability", {"Version": "3"}),
                 Part("POST", "msdyn_SearchResourceAvailability", {"Version": "3"}), id="unbound action"),
    pytest.param(
        action_part("AddToQueue", {"Target": entity_parameter(INCIDENT, {"incidentid": str(ID)})}, (QUEUE, ID)),
        Part("POST", f"queues({ID})/Microsoft.Dynamics.CRM.AddToQueue",
             {"Target": {"@odata.type": "Microsoft.Dynamics.CRM.incident", "incidentid": str(ID)}}),
        id="bound action",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("built", "expected"), BUILT)
def test_builder(built: Part, expected: Part) -> None:
    assert built == expected


type Builder = Callable[[JsonRow], Part]
BUILDERS: list[Builder] = [
    lambda row: create_part(CONTACT, row),
    lambda row: create_only_part(CONTACT, row),
    lambda row: upsert_part(CONTACT, row),
    lambda row: update_part(CONTACT, row),
    lambda row: delete_part(CONTACT, row.get("contactid", "")),
    lambda row: clear_part(CONTACT, row.get("contactid", ""), "parentcustomerid_account"),
    lambda row: action_part("Merge", {}, (CONTACT, row.get("contactid", ""))),
]


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("bad", ["", "secret", f"{ID})/x", f"{ID}\r\nX-Evil: 1", None, 7, ID.hex])
def test_no_write_goes_without_an_id_of_ours_and_the_value_is_not_repeated(build: Builder, bad: object) -> None:
    with pytest.raises(ValueError, match=r"^contactid takes a GUID$"):
        build({"contactid": bad, "lastname": "x"})


@pytest.mark.parametrize("build", BUILDERS[:4])
def test_no_row_goes_without_a_key(build: Builder) -> None:
    with pytest.raises(ValueError, match=r"^contactid takes a GUID$"):
        build({"lastname": "x"})


@pytest.mark.parametrize("build", BUILDERS)
@given(text=st.text())
def test_no_text_as_an_id_reaches_a_path(build: Builder, text: str) -> None:
    with pytest.raises(ValueError, match=r"^contactid takes a GUID$"):
        build({"contactid": f"{ID}{text or ' '}"})


def test_an_id_gets_its_canonical_form_wherever_it_stands() -> None:
    row = {"contactid": "{" + str(ID).upper() + "}", "lastname": "x"}
    assert row_id(row, CONTACT) == str(ID)
    assert create_part(CONTACT, row).body == {"contactid": str(ID), "lastname": "x"}
    assert upsert_part(CONTACT, row).path == f"contacts({ID})"


@pytest.mark.parametrize("build", [upsert_part, update_part])
def test_nested_rows_are_created_only(build: Callable[[object, JsonRow], Part]) -> None:
    with pytest.raises(ValueError, match="POST"):
        build(PHONE_CALL, CALL_ROW)


@pytest.mark.parametrize("etag", ["", "5", 'W/"1', 'W/"1"\r\nX: y', '"a b"', 'W/"ä"', "**", '"1", "2"'])
def test_a_version_is_an_etag_and_nothing_else(etag: str) -> None:
    with pytest.raises(ValueError, match="If-Match"):
        delete_part(CONTACT, ID, etag)
    with pytest.raises(ValueError, match="If-Match"):
        update_part(CONTACT, CONTACT_ROW, etag)


@pytest.mark.parametrize("name", ["", "Add To Queue", "AddToQueue()", "a/b", "a\r\nb", "Ä", "AddToQueue\n"])
def test_an_action_has_the_name_of_one(name: str) -> None:
    with pytest.raises(ValueError, match="action"):
        action_part(name, {})


@given(st.text(), st.sampled_from(["\r", "\n", "\r\n", "\x00", "\u2028", " ", "ä", "\x85"]), st.text())
def test_nothing_breaks_out_of_the_request_line(before: str, evil: str, after: str) -> None:
    with pytest.raises(ValueError, match="not encoded"):
        Part("GET", before + evil + after)


@given(st.text(), st.sampled_from(["\r", "\n", "\r\n", "\x00", "\u2028", "ä", "\x85"]), st.text())
def test_nothing_breaks_out_of_a_header(before: str, evil: str, after: str) -> None:
    with pytest.raises(ValueError, match="header"):
        Part("GET", "contacts", headers=(("Prefer", before + evil + after),))
    with pytest.raises(ValueError, match="header"):
        Part("GET", "contacts", headers=((before + evil + after, "x"),))


@pytest.mark.parametrize("method", ["", "get", "GET ", "TRACE", "GET / HTTP/1.1\r\nX: y\r\n"])
def test_a_method_is_one_that_dataverse_knows(method: Method) -> None:
    with pytest.raises(ValueError, match="methods"):
        Part(method, "contacts")


# ------------------------------------------------------------------------------------------------------- JSON

VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text()


@given(st.lists(st.dictionaries(st.text(), VALUES)))
def test_a_bulk_body_holds_every_row_with_its_type(rows: list[JsonRow]) -> None:
    sent = json.loads(multiple_body(BOOKING, rows))
    kind = "Microsoft.Dynamics.CRM.bookableresourcebooking"
    assert sent == {"Targets": [{"@odata.type": kind, **row} for row in rows]}
    assert multiple_path(BOOKING, "UpsertMultiple") == "bookableresourcebookings/Microsoft.Dynamics.CRM.UpsertMultiple"


@given(st.text())
def test_a_body_has_no_line_break_that_could_end_a_part(text: str) -> None:
    assert not {b"\r"[0], b"\n"[0]} & set(json_bytes({"subject": text}))


def test_a_decimal_keeps_its_digits() -> None:
    assert json_bytes({"a": Decimal("0.10000000000000000001"), "b": Decimal("1E+2")}) == (
        b'{"a":0.10000000000000000001,"b":100}'
    )


@dataclass
class Row:
    subject: str


@pytest.mark.parametrize(
    "value",
    [2**64, Decimal("NaN"), datetime(2026, 1, 1), {1, 2}, b"x", object(), Row("x"), "half a pair \ud83d"],  # noqa: DTZ001
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_json_value_never_travels(value: object) -> None:
    with pytest.raises(TypeError):
        json_bytes({"a": value})


def test_a_row_cannot_hold_a_number_that_json_has_not() -> None:
    with pytest.raises(ValueError, match="number"):
        BOOKING.row(ID, {"duration": -math.inf})
