"""What the builders make, through plain HTTP against the simulator: hostile values arrive, every write means itself."""

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID, uuid5

import httpx
import pytest

from shared.dataverse.odata import (
    API_PATH,
    ChangeSet,
    ChangeSetReply,
    Part,
    PartReply,
    Query,
    Reference,
    Step,
    action_part,
    all_of,
    batch_body,
    clear_part,
    create_only_part,
    create_part,
    delete_part,
    entity_parameter,
    eq,
    fits_url,
    json_bytes,
    multiple_body,
    multiple_path,
    read_json,
    read_steps,
    update_part,
    upsert_part,
)
from shared.dataverse.tables import (
    ACCOUNT,
    ACTIVITY_PARTY,
    CONTACT,
    INCIDENT,
    PARTY_FROM,
    PARTY_TO,
    PHONE_CALL,
    QUEUE,
    QUEUE_ITEM,
    SHIFT_PLAN,
    JsonRow,
)
from tests.plain_http import PLAIN

HOSTILE = [
    "+358 40 123 4567", "O'Brien", "''", "50%_off & more", "100%", "[a-z]", "%41", "a&$top=0", "x' or 1 eq 1 or '",
    "@p1", '"quoted" \\ slash', "Äöå ß 日本 😀", "line\r\nbreak\r\n\r\nDELETE /contacts HTTP/1.1", "tab\tstop",
    "--batch_1--", "semi;colon,comma", "#?/:=", "a  b", "(1)", "$filter", "<script>",
]  # fmt: skip


def key(number: int) -> UUID:
    return uuid5(UUID(int=0), f"odata over http {number}")


@pytest.fixture
def api(simulator: str, control: httpx.Client) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer any", "Accept": "application/json"}
    with httpx.Client(base_url=simulator, headers=headers, trust_env=False, verify=PLAIN) as http:
        yield http
        control.post("environment", json={"changesetErrorWrapped": False})


def send(api: httpx.Client, part: Part) -> PartReply:
    """The request on its own."""
    content = None if part.body is None else json_bytes(part.body)
    headers = dict(part.headers) | ({"Content-Type": "application/json"} if content is not None else {})
    answer = api.request(part.method, API_PATH + part.path, content=content, headers=headers)
    return PartReply(answer.status_code, dict(answer.headers), read_json(answer.content) if answer.content else None)


def send_batch(api: httpx.Client, steps: Sequence[Step]) -> list[PartReply | ChangeSetReply]:
    headers = {"Content-Type": 'multipart/mixed; boundary="batch_1"', "Prefer": "odata.continue-on-error"}
    answer = api.post(f"{API_PATH}$batch", content=batch_body(steps, "batch_1"), headers=headers)
    return read_steps(steps, answer.headers["content-type"], answer.content)


def send_in_batch(api: httpx.Client, part: Part) -> PartReply:
    (reply,) = send_batch(api, [part])
    assert isinstance(reply, PartReply)
    return reply


def rows(api: httpx.Client, query: Query) -> list[JsonRow]:
    reply = send_in_batch(api, Part("GET", query.path()))
    assert reply.status == 200, reply.body
    found: list[JsonRow] = reply.body["value"]
    return found


@pytest.fixture
def hostile_plans(api: httpx.Client) -> list[str]:
    """A shift plan of each hostile name, written in one bulk message."""
    plans = [SHIFT_PLAN.row(key(number), {"msdyn_name": text}) for number, text in enumerate(HOSTILE)]
    path = API_PATH + multiple_path(SHIFT_PLAN, "UpsertMultiple")
    headers = {"Content-Type": "application/json"}
    assert api.post(path, content=multiple_body(SHIFT_PLAN, plans), headers=headers).status_code == 204
    return HOSTILE


def test_each_hostile_text_finds_its_own_row_and_no_other(api: httpx.Client, hostile_plans: list[str]) -> None:
    conditions = [SHIFT_PLAN.eq("msdyn_name", text) for text in hostile_plans]
    conditions += [SHIFT_PLAN.is_in("msdyn_name", [text]) for text in hostile_plans]
    queries = [Query(table=SHIFT_PLAN, select=("msdyn_name",), where=condition) for condition in conditions]
    replies = send_batch(api, [Part("GET", query.path()) for query in queries])
    found = [[row["msdyn_name"] for row in reply.body["value"]] for reply in replies if isinstance(reply, PartReply)]
    assert found == [[text] for text in hostile_plans * 2]


def test_a_hostile_set_finds_its_rows_alone_and_in_a_batch(api: httpx.Client, hostile_plans: list[str]) -> None:
    (condition,) = SHIFT_PLAN.in_chunks("msdyn_name", hostile_plans)
    query = Query(table=SHIFT_PLAN, select=("msdyn_name",), where=all_of(SHIFT_PLAN.eq("statecode", 0), condition))
    alone = send(api, Part("GET", query.path()))
    for found in (alone.body["value"], rows(api, query)):
        assert sorted(row["msdyn_name"] for row in found) == sorted(hostile_plans)


def test_a_query_too_long_for_a_url_goes_in_a_batch(api: httpx.Client, hostile_plans: list[str]) -> None:
    texts = [f"{'語' * 20}{number}" for number in range(300)] + [hostile_plans[0]]
    query = Query(table=SHIFT_PLAN, select=("msdyn_name",), where=SHIFT_PLAN.is_in("msdyn_name", texts))
    assert not fits_url(query.path())
    assert fits_url(query.path(), in_batch=True)
    assert [row["msdyn_name"] for row in rows(api, query)] == [hostile_plans[0]]


@pytest.mark.parametrize("deliver", [send, send_in_batch], ids=["alone", "in a batch"])
def test_every_write_means_itself(api: httpx.Client, deliver: Callable[[httpx.Client, Part], PartReply]) -> None:
    def status(part: Part) -> int:
        return deliver(api, part).status

    def stored() -> list[JsonRow]:
        query = Query(table=CONTACT, select=("firstname", "lastname"), where=eq("contactid", key(1)))
        return rows(api, query)

    def contact(**columns: str) -> JsonRow:
        return {"contactid": "{" + str(key(1)).upper() + "}", **columns}

    assert status(update_part(CONTACT, contact(lastname="a"))) == 404
    assert stored() == []
    assert status(create_part(CONTACT, contact(lastname="O'Brien +1"))) == 204
    assert status(create_part(CONTACT, contact(lastname="b"))) == 412
    assert status(create_only_part(CONTACT, contact(lastname="c"))) == 412
    assert stored()[0]["lastname"] == "O'Brien +1"
    before = stored()[0]["@odata.etag"]
    assert status(upsert_part(CONTACT, contact(firstname="50%"))) == 204
    assert (stored()[0]["firstname"], stored()[0]["lastname"]) == ("50%", "O'Brien +1")
    assert status(update_part(CONTACT, contact(lastname="d"), before)) == 412
    assert status(update_part(CONTACT, contact(lastname="e"), stored()[0]["@odata.etag"])) == 204
    assert status(delete_part(CONTACT, key(1), before)) == 412
    assert stored()[0]["lastname"] == "e"
    assert status(delete_part(CONTACT, key(1))) == 204
    assert status(delete_part(CONTACT, key(1))) == 404
    assert status(create_only_part(CONTACT, contact(lastname="f"))) == 204
    assert stored()[0]["lastname"] == "f"


def test_a_lookup_is_bound_and_emptied(api: httpx.Client) -> None:
    send(api, create_part(ACCOUNT, ACCOUNT.row(key(2), {"name": "A & B"})))
    contact = CONTACT.row(key(1), {"lastname": "x"}, {"parentcustomerid_account": str(key(2)).upper()})
    assert send(api, upsert_part(CONTACT, contact)).status == 204
    inner = Query(table=ACCOUNT, select=("name",))
    query = Query(
        table=CONTACT, select=("_parentcustomerid_value",), where=CONTACT.eq("contactid", key(1)),
        expand=(CONTACT.expand("parentcustomerid_account", inner),),
    )  # fmt: skip
    (found,) = rows(api, query)
    assert (found["_parentcustomerid_value"], found["parentcustomerid_account"]["name"]) == (str(key(2)), "A & B")
    assert send(api, clear_part(CONTACT, key(1), "parentcustomerid_account")).status == 204
    assert rows(api, query)[0]["_parentcustomerid_value"] is None


def test_a_phone_call_is_created_with_its_parties_and_put_into_a_queue(api: httpx.Client) -> None:
    send(api, create_part(CONTACT, CONTACT.row(key(1), {"lastname": "x"})))
    caller = ACTIVITY_PARTY.part_of_row({"participationtypemask": PARTY_FROM}, {"partyid_contact": key(1)})
    called = ACTIVITY_PARTY.part_of_row({"participationtypemask": PARTY_TO}, {"partyid_contact": key(1)})
    call = PHONE_CALL.row(
        key(3), {"subject": "+358 & O'Brien", "directioncode": False},
        {"regardingobjectid_contact_phonecall": key(1)}, {"phonecall_activity_parties": [caller, called]},
    )  # fmt: skip
    assert send_in_batch(api, create_only_part(PHONE_CALL, call)).status == 204
    assert send_in_batch(api, create_only_part(PHONE_CALL, call)).status == 412
    regarding = PHONE_CALL.is_in("_regardingobjectid_value", [key(1)])
    (found,) = rows(api, Query(table=PHONE_CALL, select=("subject", "directioncode"), where=regarding))
    assert (found["activityid"], found["subject"], found["directioncode"]) == (str(key(3)), "+358 & O'Brien", False)
    expand = "$expand=phonecall_activity_parties($select=participationtypemask)"
    stored = api.get(f"{API_PATH}phonecalls({key(3)})?$select=subject&{expand}").json()
    parties = stored["phonecall_activity_parties"]
    assert sorted(party["participationtypemask"] for party in parties) == [PARTY_FROM, PARTY_TO]

    (queue, *_) = rows(api, Query(table=QUEUE, select=("name",), where=QUEUE.eq("name", "Support")))
    target = entity_parameter(PHONE_CALL, {"activityid": str(key(3))})
    assert send(api, action_part("AddToQueue", {"Target": target}, (QUEUE, queue["queueid"]))).status == 200
    items = Query(table=QUEUE_ITEM, select=("_queueid_value",), where=QUEUE_ITEM.eq("_objectid_value", key(3)))
    assert [item["_queueid_value"] for item in rows(api, items)] == [queue["queueid"]]


def test_a_change_set_lands_whole_with_its_references(api: httpx.Client) -> None:
    account = create_part(ACCOUNT, ACCOUNT.row(key(2), {"name": "A"}))
    contact = create_part(CONTACT, CONTACT.row(key(1), {"lastname": "x"}, {"parentcustomerid_account": Reference(1)}))
    case = create_part(INCIDENT, INCIDENT.row(key(4), {"title": "50% & more"}, {"customerid_contact": Reference(2)}))
    (reply,) = send_batch(api, [ChangeSet((account, contact, case), first_id=1)])
    assert isinstance(reply, ChangeSetReply)
    assert [each.status for each in reply.replies] == [204, 204, 204]
    query = Query(table=INCIDENT, select=("title", "_customerid_value"), where=INCIDENT.eq("incidentid", key(4)))
    (found,) = rows(api, query)
    assert (found["title"], found["_customerid_value"]) == ("50% & more", str(key(1)))


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_a_failed_change_set_leaves_nothing_and_names_its_request(
    api: httpx.Client, control: httpx.Client, is_wrapped: bool
) -> None:
    control.post("environment", json={"changesetErrorWrapped": is_wrapped})
    good = create_part(CONTACT, CONTACT.row(key(1), {"lastname": "x"}))
    bad = create_part(CONTACT, CONTACT.row(key(2), {"lastname": "x" * 51}))
    after = create_part(CONTACT, CONTACT.row(key(3), {"lastname": "y"}))
    first, failed, last = send_batch(api, [after, ChangeSet((good, bad)), delete_part(CONTACT, key(3))])
    assert isinstance(first, PartReply)
    assert isinstance(failed, ChangeSetReply)
    assert isinstance(last, PartReply)
    assert (first.status, last.status) == (204, 204)
    assert (failed.replies, failed.failed) == ((), 1)
    assert failed.failure is not None
    assert failed.failure.status == 400
    assert rows(api, Query(table=CONTACT, select=("lastname",), where=CONTACT.is_in("contactid", [key(1)]))) == []


def test_a_row_reads_back_as_it_was_written(api: httpx.Client) -> None:
    for number, text in enumerate(HOSTILE):
        plan = SHIFT_PLAN.row(key(number), {"msdyn_name": text})
        assert send_in_batch(api, upsert_part(SHIFT_PLAN, plan)).status == 204
    ids = [key(number) for number in range(len(HOSTILE))]
    query = Query(
        table=SHIFT_PLAN, select=("msdyn_name",), where=SHIFT_PLAN.is_in("msdyn_shiftplanid", ids),
        order_by=("msdyn_shiftplanid",),
    )  # fmt: skip
    found = {row["msdyn_shiftplanid"]: row["msdyn_name"] for row in rows(api, query)}
    assert found == {str(key(number)): text for number, text in enumerate(HOSTILE)}
