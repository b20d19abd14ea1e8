"""Cases of calls, their notes and the notification of the agent (facts: section 3, and dataverse-metadata.md)."""

from typing import Any

from tests.contract.cases import (
    ABSENT,
    GUID,
    PRESENT,
    Call,
    Case,
    Part,
    batch,
    change_set,
    get,
    patch,
    post,
    text,
)
from tests.contract.seeded import (
    A_CALL,
    A_CASE,
    ASA,
    AURINKO,
    BILLING,
    CALL,
    CALLER,
    CASE,
    ELINA,
    HOME_CARE,
    METER,
    NEW,
    NEW_2,
    SUPPORT_CASES,
)
from tests.contract.sources import S7, S17, S18, S20, S22

INTO = "Microsoft.Dynamics.CRM.AddToQueue"
TICKET = {"incidentid": NEW, "title": "Call from +358504545641", "customerid_contact@odata.bind": f"/contacts({ELINA})"}
NEW_TARGET = {"Target": {"@odata.type": "Microsoft.Dynamics.CRM.incident", "incidentid": NEW}}
REGARDING = {"regardingobjectid_incident_phonecall@odata.bind": f"/incidents({NEW})"}
COMPLETE = patch(f"phonecalls({CALL})", {"statecode": 1, "statuscode": 4})
NOTICE = {"appnotificationid": NEW, "title": "A new case", "ownerid@odata.bind": f"/systemusers({ASA})"}
LINK = '{"actions":[{"title":"Open","data":{"url":"?pagetype=entityrecord&etn=incident"}}]}'
CASE_WITH_CALL = {"incidents": A_CASE, "phonecalls": [
    {**A_CALL[0], "_regardingobjectid_value": CASE,
     "_regardingobjectid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "incident"}]}  # fmt: skip


def ticket(*, case: dict[str, Any] = TICKET, queue: str = SUPPORT_CASES) -> Call:
    """A case, its place in a queue and the phone call that it is about: all of them or none."""
    return batch(change_set(post("incidents", case, content_id="1"),
                            post(f"queues({queue})/{INTO}", NEW_TARGET, content_id="2"),
                            patch(f"phonecalls({CALL})", REGARDING, content_id="3", If_Match="*")))  # fmt: skip


def notified(**columns: object) -> Call:
    """A notification of Åsa with these columns."""
    return post("appnotifications", {**NOTICE, **columns})


CASES = [
    Case(fact="a case without a customer is refused in the platform's words", source=S17, status=400,
         message="You should specify a parent contact or account.", call=post("incidents", {"title": "T"})),
    Case(fact="the customer of a case is not taken away", source=S17, given={"incidents": A_CASE}, status=400,
         message="You should specify a parent contact or account.", confirmed=False,
         call=patch(f"incidents({CASE})", {"customerid_account@odata.bind": None})),
    Case(fact="the customer of a case is an account or a contact", source=S18, status=400, code="0x80040203",
         call=post("incidents", {"title": "T", "customerid_contact@odata.bind": f"/accounts({AURINKO})"}),
         added={"incidents": 0}),
    Case(fact="a case has no bare customer", source=S18, status=400, code="0x80048d19", added={"incidents": 0},
         call=post("incidents", {"title": "T", "customerid@odata.bind": f"/contacts({ELINA})"})),
    Case(fact="a case comes into being open", source=S20, status=400, added={"incidents": 0}, confirmed=False,
         settings={"create_statecode": "refuse"}, call=post("incidents", {**TICKET, "statecode": 1})),
    Case(fact="a case keeps what it was created with", source=S18, status=204,
         call=post("incidents", {**TICKET, "caseorigincode": 1, "casetypecode": 2, "prioritycode": 3,
                                 "routecase": False, "primarycontactid@odata.bind": f"/contacts({ELINA})",
                                 "subjectid@odata.bind": f"/subjects({BILLING})",
                                 "productid@odata.bind": f"/products({METER})",
                                 "ownerid@odata.bind": f"/systemusers({ASA})"}),
         stored={f"incidents({NEW})": {
             "caseorigincode": 1, "casetypecode": 2, "prioritycode": 3, "routecase": False, "statecode": 0,
             "statuscode": 1, "ticketnumber": text("CAS-"), "_customerid_value": ELINA,
             "_primarycontactid_value": ELINA, "_subjectid_value": BILLING, "_productid_value": METER,
             "_ownerid_value": ASA, "_owninguser_value": ASA, "_owningteam_value": None}}),
    Case(fact="a case that says nothing goes to the routing rules", source=S18, status=204,
         call=post("incidents", TICKET), stored={f"incidents({NEW})": {"routecase": True, "_ownerid_value": CALLER}}),
    Case(fact="a team owns a case", source=S18, status=204,
         call=post("incidents", {**TICKET, "ownerid@odata.bind": f"/teams({HOME_CARE})"}),
         stored={f"incidents({NEW})": {"_ownerid_value": HOME_CARE, "_owningteam_value": HOME_CARE,
                                       "_owninguser_value": None}}),
    Case(fact="a case that is there already is not created again", source=S7, status=412, code="0x80040237",
         given={"incidents": [{**A_CASE[0], "incidentid": NEW}]}, call=post("incidents", TICKET),
         stored={f"incidents({NEW})": {"title": "Cold radiator"}}),
    Case(fact="a case, its queue item and its phone call are written in one change set", source=S7, status=200,
         given={"phonecalls": A_CALL}, call=ticket(), added={"incidents": 1, "queueitems": 1},
         parts=[Part(204, nested=True, content_id="1"), Part(200, nested=True, body={"QueueItemId": GUID}),
                Part(204, nested=True, content_id="3")],
         stored={f"phonecalls({CALL})": {"_regardingobjectid_value": NEW}}),
    Case(fact="without its phone call the case of a change set is not made either", source=S7, status=400,
         call=batch(change_set(post("incidents", TICKET, content_id="1"),
                               patch(f"phonecalls({CALL})", REGARDING, content_id="2", If_Match="*"))),
         parts=[Part(404, "0x80040217", content_id="2")], added={"incidents": 0, "phonecalls": 0}),
    Case(fact="a case without a customer takes its queue item and its phone call with it", source=S7, status=400,
         given={"phonecalls": A_CALL}, call=ticket(case={"incidentid": NEW, "title": "T"}),
         parts=[Part(400, message="You should specify a parent contact or account.", content_id="1")],
         added={"incidents": 0, "queueitems": 0}, stored={f"phonecalls({CALL})": {"_regardingobjectid_value": None}}),
    Case(fact="a case that is there already undoes the queue item of its change set", source=S7, status=400,
         given={"phonecalls": A_CALL, "incidents": [{**A_CASE[0], "incidentid": NEW}]}, call=ticket(),
         parts=[Part(412, "0x80040237", content_id="1")], added={"incidents": 0, "queueitems": 0},
         stored={f"phonecalls({CALL})": {"_regardingobjectid_value": None}}),
    Case(fact="a completed phone call may be put onto a case", source=S18, status=204, first=[COMPLETE],
         given={"phonecalls": A_CALL, "incidents": [{**A_CASE[0], "incidentid": NEW}]},
         call=patch(f"phonecalls({CALL})", REGARDING),
         stored={f"phonecalls({CALL})": {"_regardingobjectid_value": NEW, "statecode": 1, "statuscode": 4}}),
    Case(fact="a note and the phone call of an open case are written in one change set", source=S7, status=200,
         given={"phonecalls": A_CALL, "incidents": [{**A_CASE[0], "incidentid": NEW}]}, added={"annotations": 1},
         call=batch(change_set(
             post("annotations", {"annotationid": NEW_2, "subject": "Called again", "notetext": "0:42",
                                  "objectid_incident@odata.bind": f"/incidents({NEW})"}, content_id="1"),
             patch(f"phonecalls({CALL})", REGARDING, content_id="2", If_Match="*"))),
         parts=[Part(204, nested=True), Part(204, nested=True)],
         stored={f"annotations({NEW_2})": {"_objectid_value": NEW, "objecttypecode": "incident"},
                 f"phonecalls({CALL})": {"_regardingobjectid_value": NEW}}),
    Case(fact="the phone calls of a case are found by it", source=S18, status=200, given=CASE_WITH_CALL,
         call=get(f"phonecalls?$select=subject&$filter=_regardingobjectid_value eq {CASE}"),
         body={"value": [{"activityid": CALL}]}),
    Case(fact="a notification reaches a user with its link", source=S22, status=204,
         call=notified(body="From +358504545641", data=LINK, priority=200000001, ttlinseconds=86400),
         stored={f"appnotifications({NEW})": {
             "title": "A new case", "body": "From +358504545641", "data": LINK, "icontype": 100000000,
             "toasttype": 200000000, "priority": 200000001, "ttlinseconds": 86400, "_ownerid_value": ASA,
             "_owninguser_value": ASA}}),
    Case(fact="a notification has no state", source=S18, status=200, first=[notified()],
         call=get(f"appnotifications({NEW})"), body={"title": PRESENT, "statecode": ABSENT, "statuscode": ABSENT}),
    Case(fact="a notification that is there already is not created again", source=S18, status=412, code="0x80040237",
         first=[notified()], call=notified(title="Again"),
         stored={f"appnotifications({NEW})": {"title": "A new case"}}),
    Case(fact="a notification for a team is refused", source=S22, status=400, confirmed=False,
         message=text("to a team isn't supported"), added={"appnotifications": 0},
         call=post("appnotifications", {"title": "T", "ownerid@odata.bind": f"/teams({HOME_CARE})"})),
    Case(fact="a notification needs a title", source=S18, status=400, added={"appnotifications": 0},
         call=post("appnotifications", {"ownerid@odata.bind": f"/systemusers({ASA})"})),
    *(
        Case(fact=f"a notification with a wrong {column} is refused", source=S18, status=400, code=code,
             added={"appnotifications": 0}, call=notified(**{column: value}))
        for column, value, code in (
            ("icontype", 100000006, "0x8004431a"), ("toasttype", 200000002, "0x8004431a"),
            ("priority", 1, "0x8004431a"), ("title", "T" * 257, "0x80044331"), ("body", "B" * 501, "0x80044331"),
            ("data", "D" * 5001, "0x80044331"), ("ttlinseconds", 0, "0x8004432f"), ("link", "x", "0x80048d19"),
        )
    ),
    Case(fact="a notification needs the right to create one", source=S22, status=403, added={"appnotifications": 0},
         roles={"systemuser": ["Read", "AppendTo"]}, message=text("prvCreateappnotification"), call=notified()),
]  # fmt: skip
