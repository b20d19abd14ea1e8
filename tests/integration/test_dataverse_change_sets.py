"""Phone calls are created and completed in one transaction each, a few hundred of them in a request."""

from uuid import UUID, uuid5

import httpx
import pytest

from shared import retry
from shared.dataverse import change_sets
from shared.dataverse.bulk import RowFailure, WriteOutcome
from shared.dataverse.change_sets import SETS_A_BATCH
from shared.dataverse.client import DataverseClient
from shared.dataverse.errors import (
    AlreadyExistsError,
    ChangedError,
    DeniedError,
    NotFoundError,
    RejectedError,
    UnavailableError,
)
from shared.dataverse.odata import (
    ChangeSet,
    Query,
    action_part,
    create_part,
    delete_part,
    entity_parameter,
    update_part,
)
from shared.dataverse.tables import (
    PHONE_CALL,
    PHONE_CALL_COMPLETED,
    PHONE_CALL_OPEN,
    QUEUE,
    QUEUE_ITEM,
    JsonRow,
)

RECEIVED = 4
ALL = Query(table=PHONE_CALL, select=("subject", "statecode", "statuscode"))


@pytest.fixture(autouse=True)
def quick_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_BACKOFF", 0.01)


type NewRow = tuple[JsonRow, JsonRow | None]
"""A row, and the columns of the update that follows in the same change set."""


def new_calls(count: int, **changes: object) -> list[NewRow]:
    settled = {"statecode": PHONE_CALL_COMPLETED, "statuscode": RECEIVED, **changes}
    return [
        (PHONE_CALL.row(uuid5(UUID(int=7), str(number)), {"subject": f"Call {number}"}), settled)
        for number in range(count)
    ]


async def create_and_update(dataverse: DataverseClient, rows: list[NewRow]) -> WriteOutcome:
    sets = []
    for row, update in rows:
        parts = [create_part(PHONE_CALL, row)]
        if update is not None:
            parts.append(update_part(PHONE_CALL, {**update, "activityid": row["activityid"]}))
        sets.append(ChangeSet(tuple(parts)))
    outcome = WriteOutcome()
    for (row, _), error in zip(rows, await dataverse.write_sets("create phonecall", sets), strict=True):
        if error is None:
            outcome.written += 1
        elif isinstance(error, AlreadyExistsError):
            outcome.done_before.append(row["activityid"])
        else:
            outcome.failures.append(RowFailure(row["activityid"], error))
    return outcome


def fault(control: httpx.Client, rule: dict[str, object]) -> None:
    assert control.post("faults", json=[rule]).is_success


def plant(control: httpx.Client, rows: dict[str, list[JsonRow]]) -> None:
    assert control.post("rows", json=rows).is_success


def requests(control: httpx.Client) -> int:
    return int(control.get("stats").json()["requests"]["total"])


async def states(dataverse: DataverseClient) -> dict[str, tuple[int, int]]:
    return {row["subject"]: (row["statecode"], row["statuscode"]) for row in await dataverse.query(ALL)}


async def test_rows_come_into_being_completed_few_hundred_a_request(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    rows = new_calls(2 * SETS_A_BATCH + 1)
    before = requests(control)
    outcome = await create_and_update(dataverse, rows)
    assert (outcome.written, outcome.done_before, outcome.failures) == (len(rows), [], [])
    assert requests(control) - before == 3
    assert set((await states(dataverse)).values()) == {(PHONE_CALL_COMPLETED, RECEIVED)}


async def test_a_row_without_an_update_stays_open(dataverse: DataverseClient) -> None:
    ((row, _),) = new_calls(1)
    assert (await create_and_update(dataverse, [(row, None)])).written == 1
    assert await states(dataverse) == {"Call 0": (PHONE_CALL_OPEN, 1)}


async def test_what_is_there_already_is_left_as_users_made_it(dataverse: DataverseClient) -> None:
    rows = new_calls(3)
    await create_and_update(dataverse, rows[:1])
    await dataverse.update_many(PHONE_CALL, [{**rows[0][0], "subject": "Edited", "statecode": 0, "statuscode": 1}])
    outcome = await create_and_update(dataverse, rows)
    assert (outcome.written, outcome.done_before) == (2, [rows[0][0]["activityid"]])
    assert (await states(dataverse))["Edited"] == (PHONE_CALL_OPEN, 1)


async def test_a_bad_row_costs_itself_alone_and_leaves_no_half_of_it(dataverse: DataverseClient) -> None:
    rows = new_calls(5)
    rows[2] = (rows[2][0], {"statecode": PHONE_CALL_COMPLETED, "statuscode": 999})
    outcome = await create_and_update(dataverse, rows)
    assert outcome.written == 4
    assert [failure.row_id for failure in outcome.failures] == [rows[2][0]["activityid"]]
    assert set(await states(dataverse)) == {"Call 0", "Call 1", "Call 3", "Call 4"}


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({"drop": "before"}, id="the connection is reset before"),
        pytest.param({"drop": "after"}, id="the answer is lost"),
        pytest.param({"status": 429, "retryAfter": 0}, id="throttled"),
        pytest.param({"status": 503}, id="unavailable"),
        pytest.param({"html": True}, id="a web page"),
        pytest.param({"garble": True}, id="a garbled answer"),
    ],
)
async def test_a_request_that_fails_on_its_way_is_sent_again(
    dataverse: DataverseClient, control: httpx.Client, rule: dict[str, object]
) -> None:
    rows = new_calls(20)
    fault(control, {"match": {"path": "$batch"}, "count": 1, **rule})
    outcome = await create_and_update(dataverse, rows)
    assert outcome.written + len(outcome.done_before) == 20
    assert len(await states(dataverse)) == 20


async def test_sets_that_are_refused_for_now_go_again_by_themselves(
    dataverse: DataverseClient, control: httpx.Client
) -> None:
    rows = new_calls(10)
    rule = {"scope": "part", "status": 503, "count": 2}
    fault(control, rule)
    outcome = await create_and_update(dataverse, rows)
    assert (outcome.written, outcome.failures) == (10, [])
    assert len(await states(dataverse)) == 10


async def test_a_request_that_is_too_large_is_halved(
    dataverse: DataverseClient, control: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = new_calls(8)
    rule = {"match": {"path": "$batch"}, "status": 413, "count": 2}
    fault(control, rule)
    monkeypatch.setattr(change_sets, "SETS_A_BATCH", 8)
    outcome = await create_and_update(dataverse, rows)
    assert (outcome.written, outcome.failures) == (8, [])


async def test_sets_of_several_rows_are_written_whole_or_not_at_all(dataverse: DataverseClient) -> None:
    first, second, third = (PHONE_CALL.row(uuid5(UUID(int=8), name), {"subject": name}) for name in "abc")
    await dataverse.create_many(PHONE_CALL, [first, second, third])
    merge = ChangeSet(
        (update_part(PHONE_CALL, {**first, "subject": "merged"}), delete_part(PHONE_CALL, second["activityid"]))
    )
    stale = ChangeSet(
        (update_part(PHONE_CALL, {**first, "subject": "no"}), delete_part(PHONE_CALL, third["activityid"], 'W/"1"'))
    )
    errors = await dataverse.write_sets("merge phonecall", [merge, stale])
    assert errors[0] is None
    assert isinstance(errors[1], ChangedError)
    assert set(await states(dataverse)) == {"merged", "c"}


def queued(number: int, queue: UUID) -> ChangeSet:
    """A phone call, and its place in the queue."""
    row = PHONE_CALL.row(uuid5(UUID(int=8), str(number)), {"subject": f"Call back {number}"})
    target = {"Target": entity_parameter(PHONE_CALL, {"activityid": row["activityid"]})}
    return ChangeSet((create_part(PHONE_CALL, row), action_part("AddToQueue", target, (QUEUE, queue))))


async def queue_named(dataverse: DataverseClient, name: str) -> UUID:
    (found,) = await dataverse.query(Query(table=QUEUE, select=("name",), where=QUEUE.eq("name", name)))
    return UUID(found["queueid"])


async def objects_in(dataverse: DataverseClient, queue: UUID) -> list[str]:
    """The phone calls of the queue, once for each queue item."""
    items = Query(table=QUEUE_ITEM, select=("_objectid_value",), where=QUEUE_ITEM.eq("_queueid_value", queue))
    return sorted(item["_objectid_value"] for item in await dataverse.query(items))


async def test_phone_calls_come_into_being_in_their_queue(dataverse: DataverseClient, control: httpx.Client) -> None:
    queue = await queue_named(dataverse, "Support")
    before = requests(control)
    errors = await dataverse.write_sets("queue phonecall", [queued(number, queue) for number in range(201)])
    assert errors == [None] * 201
    assert requests(control) - before == 2
    assert await objects_in(dataverse, queue) == sorted(str(uuid5(UUID(int=8), str(number))) for number in range(201))
    assert set((await states(dataverse)).values()) == {(PHONE_CALL_OPEN, 1)}


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({"drop": "before"}, id="the connection is reset before"),
        pytest.param({"drop": "after"}, id="the answer is lost"),
        pytest.param({"scope": "part", "status": 503}, id="a part fails for now"),
    ],
)
async def test_a_repeated_set_leaves_one_phone_call_in_its_queue_once(
    dataverse: DataverseClient, control: httpx.Client, rule: dict[str, object]
) -> None:
    queue = await queue_named(dataverse, "Support")
    match = {} if "scope" in rule else {"match": {"path": "$batch"}}
    fault(control, {"count": 1, **match, **rule})
    errors = await dataverse.write_sets("queue phonecall", [queued(number, queue) for number in range(5)])
    assert all(error is None or isinstance(error, AlreadyExistsError) for error in errors)
    assert len(await states(dataverse)) == len(await objects_in(dataverse, queue)) == 5
    assert len(set(await objects_in(dataverse, queue))) == 5


async def test_without_its_queue_a_phone_call_is_not_made(dataverse: DataverseClient, control: httpx.Client) -> None:
    support, gone, closed = [await queue_named(dataverse, name) for name in ("Support", "Billing", "VIP support")]
    await dataverse.delete_many(QUEUE, [gone])
    plant(control, {"queues": [{"queueid": str(closed), "name": "VIP support", "statecode": 1}]})
    sets = [queued(0, support), queued(1, gone), queued(2, closed)]
    fine, missing, inactive = await dataverse.write_sets("queue phonecall", sets)
    assert fine is None
    assert isinstance(missing, NotFoundError)
    assert isinstance(inactive, RejectedError)
    assert inactive.code == "0x80040522"
    assert set(await states(dataverse)) == {"Call back 0"}


async def test_who_the_app_is(dataverse: DataverseClient, control: httpx.Client) -> None:
    before = requests(control)
    assert await dataverse.own_user_id() == await dataverse.own_user_id()
    assert requests(control) - before == 1


async def test_a_missing_privilege_ends_it(dataverse: DataverseClient, control: httpx.Client) -> None:
    rule = {"scope": "part", "status": 403, "code": "0x80040220"}
    fault(control, rule)
    with pytest.raises(DeniedError):
        await create_and_update(dataverse, new_calls(3))


async def test_an_outage_ends_it_once_tries_are_used_up(dataverse: DataverseClient, control: httpx.Client) -> None:
    fault(control, {"match": {"path": "$batch"}, "status": 503})
    with pytest.raises(UnavailableError):
        await create_and_update(dataverse, new_calls(3))
