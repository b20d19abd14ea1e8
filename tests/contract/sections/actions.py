"""Queues and the closing of cases (facts: sections 3 and 11, and dataverse-metadata.md)."""

from tests.contract.cases import EMPTY, GUID, Call, Case, post, text
from tests.contract.seeded import A_CALL, A_CASE, CALL, CASE, ELINA, MISSING, SUPPORT, VIP
from tests.contract.sources import S12, S18, S20

INTO = "Microsoft.Dynamics.CRM.AddToQueue"
TARGET = {"Target": {"@odata.type": "Microsoft.Dynamics.CRM.incident", "incidentid": CASE}}
GIVEN = {"incidents": A_CASE, "phonecalls": A_CALL}


def close(status: int, case: str = CASE) -> Call:
    """Resolves a case."""
    return post("CloseIncident", {"IncidentResolution": {
        "@odata.type": "Microsoft.Dynamics.CRM.incidentresolution", "subject": "Done",
        "incidentid@odata.bind": f"/incidents({case})"}, "Status": status})  # fmt: skip


CASES = [
    Case(fact="a case is put into a queue", source=S12, given=GIVEN, status=200, added={"queueitems": 1},
         call=post(f"queues({SUPPORT})/{INTO}", TARGET),
         body={"QueueItemId": GUID, "@odata.context": text("#Microsoft.Dynamics.CRM.AddToQueueResponse")}),
    Case(fact="a call is put into a queue", source=S12, given=GIVEN, status=200, added={"queueitems": 1},
         call=post(f"queues({SUPPORT})/{INTO}",
                   {"Target": {"@odata.type": "Microsoft.Dynamics.CRM.phonecall", "activityid": CALL}})),
    Case(fact="the target of the action needs its type", source=S12, given=GIVEN, status=400,
         call=post(f"queues({SUPPORT})/{INTO}", {"Target": {"incidentid": CASE}}), added={"queueitems": 0}),
    Case(fact="the action needs its namespace", source=S12, given=GIVEN, status=400, added={"queueitems": 0},
         message="Request message has unresolved parameters", call=post(f"queues({SUPPORT})/AddToQueue", TARGET)),
    Case(fact="a queue that is missing takes nothing", source=S12, given=GIVEN, status=404, code="0x80040217",
         call=post(f"queues({MISSING})/{INTO}", TARGET), added={"queueitems": 0}),
    Case(fact="a row that is missing is put nowhere", source=S12, status=404, code="0x80040217",
         call=post(f"queues({SUPPORT})/{INTO}", TARGET), added={"queueitems": 0}),
    Case(fact="a contact has no place in a queue", source=S18, status=400, added={"queueitems": 0},
         call=post(f"queues({SUPPORT})/{INTO}",
                   {"Target": {"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": ELINA}})),
    Case(fact="a case is resolved by the action", source=S20, given=GIVEN, call=close(5), status=204, body=EMPTY,
         stored={f"incidents({CASE})": {"statecode": 1, "statuscode": 5}}),
    Case(fact="a case is resolved with another status of that state", source=S18, given=GIVEN, call=close(1000),
         status=204, stored={f"incidents({CASE})": {"statecode": 1, "statuscode": 1000}}),
    Case(fact="a case is not resolved with a status of another state", source=S18, given=GIVEN, call=close(1),
         status=400, stored={f"incidents({CASE})": {"statecode": 0}}),
    Case(fact="a case is resolved once", source=S20, given=GIVEN, first=[close(5)], call=close(5), status=400,
         confirmed=False),
    Case(fact="a case that is missing is not resolved", source=S20, call=close(5, MISSING), status=404,
         code="0x80040217"),
    Case(fact="a second AddToQueue moves the item", source=S12, confirmed=False, given=GIVEN, status=200,
         settings={"one_queue_item_per_object": True}, added={"queueitems": 0},
         stored={"queueitems({item})": {"_queueid_value": VIP, "_objectid_value": CASE}},
         first=[post(f"queues({SUPPORT})/{INTO}", TARGET)], call=post(f"queues({VIP})/{INTO}", TARGET)),
    Case(fact="a second AddToQueue makes a second item", source=S12, confirmed=False, given=GIVEN, status=200,
         settings={"one_queue_item_per_object": False}, added={"queueitems": 1},
         stored={"queueitems({item})": {"_queueid_value": SUPPORT, "_objectid_value": CASE}},
         first=[post(f"queues({SUPPORT})/{INTO}", TARGET)], call=post(f"queues({VIP})/{INTO}", TARGET)),
]  # fmt: skip
