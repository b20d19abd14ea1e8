"""Queues and the closing of cases (facts: sections 3 and 11, and dataverse-metadata.md)."""

from collections.abc import Mapping

from tests.contract.cases import (
    EMPTY,
    GUID,
    PRESENT,
    Call,
    Case,
    Part,
    batch,
    change_set,
    delete,
    get,
    patch,
    post,
    text,
)
from tests.contract.seeded import A_CALL, A_CASE, ASA, CALL, CASE, ELINA, MISSING, NEW, SUPPORT, VIP
from tests.contract.sources import S7, S10, S12, S16, S18, S20, S21

INTO = "Microsoft.Dynamics.CRM.AddToQueue"
TARGET = {"Target": {"@odata.type": "Microsoft.Dynamics.CRM.incident", "incidentid": CASE}}
GIVEN = {"incidents": A_CASE, "phonecalls": A_CALL}
A_CALL_TARGET = {"Target": {"@odata.type": "Microsoft.Dynamics.CRM.phonecall", "activityid": CALL}}
NEW_TARGET = {"Target": {"@odata.type": "Microsoft.Dynamics.CRM.phonecall", "activityid": NEW}}
INTO_SUPPORT = post(f"queues({SUPPORT})/{INTO}", TARGET)
CALL_INTO_SUPPORT = post(f"queues({SUPPORT})/{INTO}", A_CALL_TARGET)
TEAM = "0f0f0f0f-0000-4000-8000-0000000000b1"
OF_THE_TEAM = {"_ownerid_value": TEAM, "_owningteam_value": TEAM, "_owninguser_value": None}
TEAM_QUEUE = "0f0f0f0f-0000-4000-8000-0000000000b2"
ITEMS_IN = (
    "queueitems?$select=_objectid_value,_queueid_value,statecode"
    "&$expand=objectid_phonecall($select=subject,statecode)"
    f"&$filter=Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2)%20and%20_queueid_value%20eq%20{SUPPORT}"
    f"&@p1='objectid'&@p2=[%22{CALL}%22,%22{MISSING}%22]"
)


def queued(queue: str, target: Mapping[str, object] = NEW_TARGET) -> Call:
    """A phone call and its place in a queue: both or neither."""
    return batch(change_set(post("phonecalls", {"activityid": NEW, "subject": "Call back"}, content_id="1"),
                            post(f"queues({queue})/{INTO}", target, content_id="2")))  # fmt: skip


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
         settings={"queued_twice": "move"}, added={"queueitems": 0},
         stored={"queueitems({item})": {"_queueid_value": VIP, "_objectid_value": CASE}},
         first=[INTO_SUPPORT], call=post(f"queues({VIP})/{INTO}", TARGET)),
    Case(fact="a second AddToQueue makes a second item", source=S12, confirmed=False, given=GIVEN, status=200,
         settings={"queued_twice": "add"}, added={"queueitems": 1},
         stored={"queueitems({item})": {"_queueid_value": SUPPORT, "_objectid_value": CASE}},
         first=[INTO_SUPPORT], call=post(f"queues({VIP})/{INTO}", TARGET)),
    Case(fact="a row that another queue has is refused", source=S16, confirmed=False, given=GIVEN, status=400,
         settings={"queued_twice": "refuse"}, code="0x8004051c", first=[INTO_SUPPORT],
         call=post(f"queues({VIP})/{INTO}", TARGET), stored={"queueitems({item})": {"_queueid_value": SUPPORT}}),
    Case(fact="a repeated AddToQueue answers with the item that is there", source=S21, given=GIVEN, status=200,
         first=[INTO_SUPPORT], call=INTO_SUPPORT, added={"queueitems": 0}, body={"QueueItemId": GUID},
         stored={"queueitems({item})": {"_queueid_value": SUPPORT, "_objectid_value": CASE, "statecode": 0}}),
    Case(fact="a queue item carries the properties that were asked for", source=S12, given=GIVEN, status=200,
         first=[post(f"queues({SUPPORT})/{INTO}", {**A_CALL_TARGET, "QueueItemProperties": {
             "@odata.type": "Microsoft.Dynamics.CRM.queueitem", "priority": 3}})], call=get("queueitems({item})"),
         body={"priority": 3, "statecode": 0, "statuscode": 1, "enteredon": PRESENT, "title": "Inbound",
               "objecttypecode": 4210}),
    Case(fact="a parameter that the action does not have is refused", source=S12, given=GIVEN, status=400,
         code="0x80048d19", call=post(f"queues({SUPPORT})/{INTO}", {**TARGET, "Priority": 3}),
         added={"queueitems": 0}),
    Case(fact="a deactivated queue takes nothing", source=S16, given=GIVEN, status=400, code="0x80040522",
         first=[patch(f"queues({SUPPORT})", {"statecode": 1})], call=INTO_SUPPORT, added={"queueitems": 0}),
    Case(fact="a phone call and its queue item are made in one change set", source=S7, status=200, call=queued(SUPPORT),
         added={"phonecalls": 1, "queueitems": 1},
         parts=[Part(204, nested=True, content_id="1"),
                Part(200, nested=True, content_id="2", body={"QueueItemId": GUID})]),
    Case(fact="without its queue the phone call of a change set is not made either", source=S7, status=400,
         call=queued(MISSING), parts=[Part(404, "0x80040217", content_id="2", message=text(MISSING))],
         added={"phonecalls": 0, "queueitems": 0}),
    Case(fact="an action of a change set sees only rows that are there", source=S7, status=400,
         call=queued(SUPPORT, A_CALL_TARGET), parts=[Part(404, "0x80040217", content_id="2", message=text(CALL))],
         added={"phonecalls": 0, "queueitems": 0}),
    Case(fact="a phone call that is there already undoes the queue item of its change set", source=S7, status=400,
         given={"phonecalls": [{"activityid": NEW, "subject": "There"}]}, call=queued(SUPPORT),
         parts=[Part(412, "0x80040237", content_id="1")], added={"queueitems": 0},
         stored={f"phonecalls({NEW})": {"subject": "There"}}),
    Case(fact="queue items are found by their objects", source=S10, given=GIVEN, status=200, first=[CALL_INTO_SUPPORT],
         call=get(ITEMS_IN), body={"value": [{"_objectid_value": CALL, "_queueid_value": SUPPORT, "statecode": 0,
                                              "objectid_phonecall": {"subject": "Inbound", "statecode": 0}}]}),
    Case(fact="a queue item is found by the name of its lookup, not of its property", source=S10, status=400,
         call=get(ITEMS_IN.replace("'objectid'", "'_objectid_value'"))),
    Case(fact="a phone call is read with its queue items", source=S20, given=GIVEN, status=200,
         first=[CALL_INTO_SUPPORT],
         call=get(f"phonecalls({CALL})?$select=subject&$expand=PhoneCall_QueueItem($select=_queueid_value)"),
         body={"PhoneCall_QueueItem": [{"_queueid_value": SUPPORT}]}),
    Case(fact="a queue item is deactivated with its phone call", source=S21, given=GIVEN, status=204,
         first=[CALL_INTO_SUPPORT], call=patch(f"phonecalls({CALL})", {"statecode": 1, "statuscode": 2}),
         added={"queueitems": 0}, stored={"queueitems({item})": {"statecode": 1, "statuscode": 2}}),
    Case(fact="a queue item is deactivated with its resolved case", source=S21, given=GIVEN, status=204,
         first=[INTO_SUPPORT], call=close(5), stored={"queueitems({item})": {"statecode": 1, "statuscode": 2}}),
    Case(fact="a queue item stays active while its phone call is changed only", source=S21, given=GIVEN, status=204,
         first=[CALL_INTO_SUPPORT], call=patch(f"phonecalls({CALL})", {"subject": "Changed"}),
         stored={"queueitems({item})": {"statecode": 0, "title": "Inbound"}}),
    Case(fact="a deactivated queue item is not moved", source=S21, given=GIVEN, status=200, confirmed=False,
         first=[CALL_INTO_SUPPORT, patch(f"phonecalls({CALL})", {"statecode": 1, "statuscode": 2})],
         call=post(f"queues({VIP})/{INTO}", A_CALL_TARGET), added={"queueitems": 1},
         stored={"queueitems({item})": {"_queueid_value": SUPPORT}}),
    Case(fact="a phone call goes with its queue items", source=S21, given=GIVEN, status=204, first=[CALL_INTO_SUPPORT],
         call=delete(f"phonecalls({CALL})"), added={"queueitems": -1}),
    Case(fact="a queue item goes without its phone call", source=S21, given=GIVEN, status=204,
         first=[CALL_INTO_SUPPORT], call=delete("queueitems({item})"), added={"queueitems": -1},
         stored={f"phonecalls({CALL})": {"statecode": 0}}),
    Case(fact="a queue goes with its items", source=S21, confirmed=False, given=GIVEN, status=204,
         settings={"delete_queue_with_items": "cascade"}, first=[CALL_INTO_SUPPORT], call=delete(f"queues({SUPPORT})"),
         added={"queueitems": -1, "queues": -1}, stored={f"phonecalls({CALL})": {"statecode": 0}}),
    Case(fact="a queue with items is kept", source=S21, confirmed=False, given=GIVEN, status=400, code="0x80631117",
         settings={"delete_queue_with_items": "refuse"}, first=[CALL_INTO_SUPPORT], call=delete(f"queues({SUPPORT})"),
         stored={f"queues({SUPPORT})": {}}),
    Case(fact="a queue without items is deleted", source=S21, given=GIVEN, status=204, added={"queues": -1},
         settings={"delete_queue_with_items": "refuse"}, call=delete(f"queues({SUPPORT})")),
    Case(fact="a team owns a queue, and what is made for it", source=S18, status=204,
         given={"teams": [{"teamid": TEAM, "name": "Call-backs"}],
                "queues": [{"queueid": TEAM_QUEUE, "name": "Team queue", "ownerid@odata.bind": f"/teams({TEAM})"}]},
         call=post("phonecalls", {"activityid": NEW, "subject": "S", "ownerid@odata.bind": f"/teams({TEAM})"}),
         stored={f"queues({TEAM_QUEUE})": OF_THE_TEAM, f"phonecalls({NEW})": OF_THE_TEAM}),
    Case(fact="a queue tells whether a user or a team owns it", source=S18, status=200,
         given={"queues": [{"queueid": TEAM_QUEUE, "name": "Q", "ownerid@odata.bind": f"/systemusers({ASA})"}]},
         call=get(f"queues({TEAM_QUEUE})?$select=_ownerid_value,_owningteam_value,_owninguser_value",
                  'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'),
         body={"_ownerid_value": ASA, "_owningteam_value": None, "_owninguser_value": ASA,
               "_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "systemuser"}),
    Case(fact="a team is no party of a phone call", source=S18, status=400,
         given={"teams": [{"teamid": TEAM, "name": "Call-backs"}]}, added={"phonecalls": 0},
         call=post("phonecalls", {"subject": "S", "phonecall_activity_parties": [
             {"participationtypemask": 2, "partyid_team@odata.bind": f"/teams({TEAM})"}]})),
    Case(fact="queue items have the privileges of their queue", source=S21, given=GIVEN, status=200,
         roles={"phonecall": ["Read"], "queue": ["AppendTo"]}, call=CALL_INTO_SUPPORT, added={"queueitems": 1}),
    Case(fact="a place in a queue needs the right to append to the queue", source=S21, given=GIVEN, status=403,
         code="0x80040220", message=text("prvAppendToqueue"), roles={"phonecall": ["Read"], "queue": ["Read"]},
         call=CALL_INTO_SUPPORT, added={"queueitems": 0}),
    Case(fact="queue items are read with the right to read queues", source=S21, status=403,
         message=text("prvReadqueue"), roles={"phonecall": ["Read"], "queue": ["AppendTo"]}, call=get("queueitems")),
]  # fmt: skip
