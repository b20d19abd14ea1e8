"""What no source states, in each position of its switch (facts: the lines marked UNCONFIRMED)."""

from typing import Any

from tests.contract.cases import ABSENT, Case, delete, get, patch, post
from tests.contract.seeded import A_CALL, A_CASE, ASA, AURINKO, CALL, CASE, ELINA, LAMPO, MIKKO, MISSING, NEW
from tests.contract.sources import S1, S3, S11, S13, S18, S20, Source

PARTY = {"partyid_contact@odata.bind": f"/contacts({ELINA})", "participationtypemask": 1}
WITH_PARTY = post("phonecalls", {"activityid": NEW, "subject": "S", "phonecall_activity_parties": [PARTY]})
OTHER_PARTY = {"phonecall_activity_parties": [{**PARTY, "partyid_contact@odata.bind": f"/contacts({MIKKO})"}]}


def unsure(fact: str, source: Source, switch: str, position: object, **more: Any) -> Case:
    """A behaviour that is the simulator's guess."""
    return Case(fact=fact, source=source, confirmed=False, settings={switch: position},
                **more)  # fmt: skip


BIND_MISSING = post("contacts", {"lastname": "V", "parentcustomerid_account@odata.bind": f"/accounts({MISSING})"})
READ_ONLY = patch(f"contacts({ELINA})", {"fullname": "Set", "jobtitle": "Set"})
CREATE_COMPLETED = post("phonecalls", {"activityid": NEW, "subject": "S", "statecode": 1})
NULL_BIND = patch(f"accounts({LAMPO})", {"parentaccountid@odata.bind": None})
CASE_BY_PATCH = patch(f"incidents({CASE})", {"statecode": 1, "statuscode": 5})
PARTY_ALONE = post("activityparties", {**PARTY, "activityid_phonecall@odata.bind": f"/phonecalls({CALL})"})
STARTED = post("phonecalls", {"activityid": NEW, "subject": "S", "actualstart": "2026-11-21T08:04:10Z"})

DELETE_CUSTOMER = delete(f"accounts({NEW})")
CUSTOMER = {"accounts": [{"accountid": NEW, "name": "Customer"}],
            "incidents": [{"incidentid": CASE, "title": "T", "_customerid_value": NEW}]}  # fmt: skip

UNRESOLVED = post("phonecalls", {"activityid": NEW, "subject": "S", "phonecall_activity_parties": [
    {"addressused": "+358501231234", "participationtypemask": 1}]})  # fmt: skip
GIVEN_AWAY = post("contacts", {"lastname": "V", "ownerid@odata.bind": f"/systemusers({ASA})"})

CASES = [
    unsure("a number is a party that stands for no row", S18, "unresolved_parties", "accept", call=UNRESOLVED,
           status=204, added={"phonecalls": 1, "activityparties": 1}),
    unsure("a party stands for a row", S18, "unresolved_parties", "refuse", call=UNRESOLVED, status=400,
           added={"phonecalls": 0, "activityparties": 0}),
    unsure("an owner is set with the right to assign only", S13, "owner_needs_assign", True, call=GIVEN_AWAY,
           roles={"contact": ["Create"]}, status=403, code="0x80040220", added={"contacts": 0}),
    unsure("an owner is set with the right to create", S13, "owner_needs_assign", False, call=GIVEN_AWAY,
           roles={"contact": ["Create"]}, status=204, added={"contacts": 1}),
    unsure("a customer with cases is kept", S1, "delete_customer_with_cases", False, given=CUSTOMER, status=405,
           call=DELETE_CUSTOMER, code="0x80040227", stored={f"accounts({NEW})": {}, f"incidents({CASE})": {}}),
    unsure("a customer goes with its cases", S1, "delete_customer_with_cases", True, given=CUSTOMER, status=204,
           call=DELETE_CUSTOMER, stored={f"accounts({NEW})": None, f"incidents({CASE})": None}),
    unsure("a bind to a missing row is not found", S1, "missing_bind_status", 404, call=BIND_MISSING, status=404,
           code="0x80040217", added={"contacts": 0}),
    unsure("a bind to a missing row is a bad request", S1, "missing_bind_status", 400, call=BIND_MISSING, status=400,
           code="0x80040217", added={"contacts": 0}),
    unsure("a read-only column in a body is ignored", S3, "readonly_columns", "ignore", call=READ_ONLY, status=204,
           stored={f"contacts({ELINA})": {"fullname": "Elina Korhonen", "jobtitle": "Set"}}),
    unsure("a read-only column in a body is refused", S3, "readonly_columns", "refuse", call=READ_ONLY, status=400,
           stored={f"contacts({ELINA})": {"jobtitle": "Facilities manager"}}),
    unsure("a state in the body of a create is refused", S20, "create_statecode", "refuse", call=CREATE_COMPLETED,
           status=400, stored={f"phonecalls({NEW})": None}),
    unsure("a state in the body of a create is ignored", S20, "create_statecode", "ignore", call=CREATE_COMPLETED,
           status=204, stored={f"phonecalls({NEW})": {"statecode": 0, "statuscode": 1}}),
    unsure("a null bind clears a lookup", S3, "null_bind", "clear", call=NULL_BIND, status=204,
           stored={f"accounts({LAMPO})": {"_parentaccountid_value": None}}),
    unsure("a null bind is refused", S3, "null_bind", "refuse", call=NULL_BIND, status=400, code="0x80048d19",
           stored={f"accounts({LAMPO})": {"_parentaccountid_value": AURINKO}}),
    unsure("a case is resolved by a PATCH too", S20, "case_state_by_patch", "accept", call=CASE_BY_PATCH, status=204,
           given={"incidents": A_CASE}, stored={f"incidents({CASE})": {"statecode": 1, "statuscode": 5}}),
    unsure("a case is resolved by the action only", S20, "case_state_by_patch", "refuse", call=CASE_BY_PATCH,
           given={"incidents": A_CASE}, status=400, stored={f"incidents({CASE})": {"statecode": 0}}),
    unsure("parties in an update stand for the whole list", S18, "patch_parties", "replace", status=204,
           first=[WITH_PARTY], call=patch(f"phonecalls({NEW})", OTHER_PARTY), added={"activityparties": 0}),
    unsure("parties in an update are refused", S18, "patch_parties", "refuse", first=[WITH_PARTY], status=400,
           call=patch(f"phonecalls({NEW})", OTHER_PARTY), added={"activityparties": 0}),
    unsure("a party is written on its own", S18, "direct_party_create", "accept", given={"phonecalls": A_CALL},
           call=PARTY_ALONE, status=204, added={"activityparties": 1}),
    unsure("a party is written with its activity only", S18, "direct_party_create", "refuse", call=PARTY_ALONE,
           given={"phonecalls": A_CALL}, status=400, added={"activityparties": 0}),
    unsure("the time of day of a call is kept", S11, "activity_time_of_day", "keep", first=[STARTED], status=200,
           call=get(f"phonecalls({NEW})?$select=actualstart"), body={"actualstart": "2026-11-21T08:04:10Z"}),
    unsure("the time of day of a call is dropped", S11, "activity_time_of_day", "drop", first=[STARTED], status=200,
           call=get(f"phonecalls({NEW})?$select=actualstart"),
           body={"actualstart": "2026-11-21T00:00:00Z", "subject": ABSENT}),
]  # fmt: skip
