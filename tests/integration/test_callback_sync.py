"""Callback sync against both simulators: what becomes of requests, one story a test."""

from collections.abc import AsyncIterator

import pytest

from shared.dataverse.client import DataverseClient
from tests.integration.callbacks_site import CALLER, CallbacksSite, callbacks_site, guid, iso
from tests.integration.enreach import Enreach


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[CallbacksSite]:
    async with callbacks_site(dataverse, simulator, enreach.address) as site:
        yield site


async def test_a_request_becomes_an_open_phone_call_in_the_queue(site: CallbacksSite) -> None:
    customer = site.contact("Elina")
    due = site.now().replace(hour=15)
    request = site.request("one", Number="358507654321", DueTime=iso(due), Note="About\nan invoice")
    run = await site.done()
    row = site.row(request)
    assert (row["subject"], row["phonenumber"], row["directioncode"]) == ("Callback request", CALLER, False)
    assert (row["statecode"], row["scheduledend"], row["_regardingobjectid_value"]) == (0, iso(due), customer)
    assert row["description"] == f"About\nan invoice\nCallback list: Sales\nCallbackId is {request}"
    assert site.parties(request) == {(1, customer, None), (2, row["_ownerid_value"], None)}
    assert site.queue_items(request) == ["Callbacks"]
    assert site.state(request) == "ClosedSuccessfully"
    record = await site.record(request)
    assert (record.outcome, record.done, record.closed, record.profile) == ("queued", True, True, "sales")
    assert (run.outcomes, run.closed, run.seen) == ({"queued": 1}, 1, 1)


async def test_a_second_run_does_nothing(site: CallbacksSite) -> None:
    request = site.request("one")
    await site.done()
    before = site.row(request)
    asked = site.dynamics_requests()
    run = await site.done()
    assert site.row(request) == before
    assert (run.outcomes, run.requests, site.dynamics_requests()) == ({}, 0, asked)


@pytest.mark.parametrize(
    ("number", "shown", "party"),
    [
        pytest.param("+358501111111", "+358501111111", "+358501111111", id="unknown"),
        pytest.param("", None, None, id="withheld"),
        pytest.param("anonymous", None, None, id="withheld in words"),
        pytest.param("12345", "12345", "12345", id="a short number"),
    ],
)
async def test_a_request_of_nobody_known_does_not_wait(
    site: CallbacksSite, number: str, shown: str | None, party: str | None
) -> None:
    request = site.request("one", Number=number)
    await site.done()
    row = site.row(request)
    assert (row["phonenumber"] or None, row["_regardingobjectid_value"]) == (shown, None)
    callers = {each for each in site.parties(request) if each[0] == 1}
    assert callers == ({(1, None, party)} if party else set())
    assert site.queue_items(request) == ["Callbacks"]
    assert await site.outcome(request) == ("queued", True)


@pytest.mark.parametrize("picks", [False, True])
async def test_a_number_of_several_customers(site: CallbacksSite, picks: bool) -> None:
    customers = {site.contact("one"), site.contact("two")}
    site.matching(MultipleMatchesPickFirst=picks)
    request = site.request("one")
    await site.done()
    row = site.row(request)
    assert (row["_regardingobjectid_value"] in customers) == picks
    (party,) = (each for each in site.parties(request) if each[0] == 1)
    assert party == ((1, row["_regardingobjectid_value"], None) if picks else (1, None, CALLER))
    assert site.queue_items(request) == ["Callbacks"]


async def test_where_dataverse_takes_no_unresolved_party_the_phone_call_comes_without(site: CallbacksSite) -> None:
    request = site.request("one")
    site.switch(unresolved_parties="refuse")
    await site.done()
    assert site.row(request)["phonenumber"] == CALLER
    assert await site.outcome(request) == ("queued", True)


async def test_the_subject_of_the_profile_goes_before_that_of_all(site: CallbacksSite) -> None:
    site.profiles(
        site.profile(phoneCallSubject="Call back"),
        site.profile(name="service", callbackList="service", queue="Day desk"),
        CallbackRequestDefaultSubject="Wanted",
    )
    one, two = site.request("one"), site.request("two", CallbackListId=guid("Service"))
    await site.done()
    assert (site.row(one)["subject"], site.row(two)["subject"]) == ("Call back", "Wanted")
    assert (site.queue_items(one), site.queue_items(two)) == (["Callbacks"], ["Day desk"])


async def test_the_phone_call_belongs_to_the_owner_of_the_queue(site: CallbacksSite) -> None:
    user, team = guid("Ann in Dynamics"), guid("a team")
    site.plant(systemusers=[{"systemuserid": user, "fullname": "Ann", "isdisabled": False}],
               teams=[{"teamid": team, "name": "Night team"}])  # fmt: skip
    site.plant(queues=[
        {"queueid": guid("queue Callbacks"), "_ownerid_value": user, "_owninguser_value": user},
        {"queueid": guid("queue Night desk"), "_ownerid_value": team, "_owningteam_value": team,
         "_owninguser_value": None},
    ])  # fmt: skip
    night = site.profile(name="night", callbackList="night", queue="night desk", ownershipRule="OwnerOfQueue")
    site.profiles(site.profile(ownershipRule="OwnerOfQueue"), night)
    one, two = site.request("one"), site.request("two", CallbackListId=guid("Night"))
    await site.done()
    assert site.row(one)["_ownerid_value"] == user
    assert (2, user, None) in site.parties(one)
    assert site.row(two)["_ownerid_value"] == team
    assert not [each for each in site.parties(two) if each[0] == 2]


async def test_what_is_closed_at_first_sight_becomes_nothing(site: CallbacksSite) -> None:
    requests = [site.request(state, State=state) for state in ("ClosedSuccessfully", "Expired")]
    kept = [site.request(state, State=state, Number="") for state in ("Reserved", "Busy")]
    await site.done()
    assert set(site.phone_calls()) == set(kept)
    assert [await site.outcome(each) for each in requests] == [("closed-before", True)] * 2


async def test_a_profile_that_is_not_active_reads_nothing(site: CallbacksSite) -> None:
    site.profiles(site.profile(active=False))
    request = site.request("one")
    run = await site.tick()
    assert (run.outcome, site.state(request), site.enreach_requests("/callbacks")) == ("idle", "Open", 0)


# ------------------------------------------------------------------------------------------- profiles that are off


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"callbackList": "nobody's", "queue": "Day desk"}, "its callback list is not in Enreach"),
        ({"callbackList": "Service", "queue": "nobody's"}, "its queue is not in Dynamics"),
        ({"callbackList": "Service", "queue": "Night desk"}, "its queue is not active in Dynamics"),
        ({"callbackList": "Service", "queue": "Twice"}, "several queues in Dynamics have its name: write the id"),
    ],
)
async def test_a_profile_that_means_nothing_stops_no_other(
    site: CallbacksSite, settings: dict[str, str], reason: str
) -> None:
    site.plant(queues=[
        {"queueid": guid("queue Night desk"), "statecode": 1, "statuscode": 2},
        *({"queueid": guid(f"twice {n}"), "name": "Twice", "statecode": 0} for n in (1, 2)),
    ])  # fmt: skip
    site.profiles(site.profile(name="broken", **settings), site.profile())
    one = site.request("one")
    await site.done()
    assert site.queue_items(one) == ["Callbacks"]
    assert await site.reasons() == {"callback profile broken": reason}


async def test_an_instance_that_runs_nothing_says_what_is_wrong_too(site: CallbacksSite) -> None:
    site.profiles(site.profile(queue="nobody's"))
    await site.done()
    site.runs = site.process()
    before = site.enreach_requests()
    for _ in range(3):
        assert await site.reasons() == {"callback profile sales": "its queue is not in Dynamics"}
    assert site.enreach_requests() - before == 1


async def test_an_instance_that_runs_nothing_learns_that_a_queue_is_gone(site: CallbacksSite) -> None:
    other = site.process()
    await site.done()
    await other.health()
    site.delete(guid("queue Callbacks"), "queues")
    site.request("one", ago=1)
    for _ in range(8):
        await site.done()
    site.runs = other
    reasons = await site.reasons()
    assert reasons["callback profile sales"] == "its queue is not in Dynamics"
    assert "its queue is not in Dynamics any more" in reasons["callback requests of sales"]


async def test_the_second_profile_of_a_list_is_off(site: CallbacksSite) -> None:
    site.profiles(site.profile(), site.profile(name="again", queue="Day desk"))
    request = site.request("one")
    await site.done()
    assert site.queue_items(request) == ["Callbacks"]
    assert "another profile" in (await site.reasons())["callback profile again"]


async def test_lists_and_queues_are_asked_for_once_an_hour_and_at_once_when_the_document_changes(
    site: CallbacksSite,
) -> None:
    await site.done()
    for _ in range(3):
        await site.done()
    assert site.enreach_requests("/callbacks/lists") == 1
    await site.done(minutes=61)
    assert site.enreach_requests("/callbacks/lists") == 2
    site.profiles(site.profile(queue="Day desk"))
    request = site.request("one")
    await site.done()
    assert (site.enreach_requests("/callbacks/lists"), site.queue_items(request)) == (3, ["Day desk"])


async def test_a_long_age_is_named_in_health(site: CallbacksSite) -> None:
    site.profiles(site.profile(ageTimeUnit="Hours", callbackAge=1))
    await site.done()
    assert "over 10 minutes" in (await site.reasons())["callback profile sales"]


# -------------------------------------------------------------------------------------------------------- windows


async def test_a_three_day_outage_at_an_age_of_ten_minutes_loses_nothing(site: CallbacksSite) -> None:
    await site.done()
    site.turn(days=3)
    requests = [site.request(hours, ago=hours * 3600, Number=f"+35850{hours:07}") for hours in (1, 24, 48, 71)]
    await site.done()
    assert set(site.phone_calls()) == set(requests)


async def test_a_first_run_reads_the_age(site: CallbacksSite) -> None:
    site.profiles(site.profile(ageTimeUnit="Days", callbackAge=2))
    inside, outside = site.request("in", ago=47 * 3600), site.request("out", ago=49 * 3600)
    await site.done()
    assert (site.state(inside), site.state(outside)) == ("ClosedSuccessfully", "Open")


async def test_what_came_while_a_queue_was_away_is_read_when_it_is_back(site: CallbacksSite) -> None:
    service = site.profile(name="service", callbackList="service", queue="Day desk")
    site.profiles(site.profile(), service)
    await site.done()
    site.delete(guid("queue Day desk"), "queues")
    site.profiles(site.profile(), service, CallbackRequestDefaultSubject="Looked up anew")
    request = site.request("one", CallbackListId=guid("Service"))
    await site.done()
    await site.done(hours=5)
    assert (site.phone_calls(), site.state(request)) == ({}, "Open")
    site.plant(queues=[{"queueid": guid("queue Day desk"), "name": "Day desk", "statecode": 0}])
    await site.done()
    assert (site.queue_items(request), site.state(request)) == (["Day desk"], "ClosedSuccessfully")


async def test_a_profile_that_was_off_from_the_first_day_reads_from_there(site: CallbacksSite) -> None:
    site.profiles(site.profile(queue="Opened later"))
    early, request = site.request("early", ago=11 * 60), site.request("one", ago=120)
    await site.done(seconds=30)
    await site.done(days=2)
    site.plant(queues=[{"queueid": guid("later"), "name": "Opened later", "statecode": 0}])
    await site.done()
    assert (set(site.phone_calls()), site.state(early)) == ({request}, "Open")


def three_profiles(site: CallbacksSite) -> None:
    site.profiles(
        site.profile(),
        site.profile(name="service", callbackList="Service", queue="Day desk"),
        site.profile(name="night", callbackList="Night", queue="Night desk"),
    )


async def test_profiles_that_read_the_same_time_are_read_in_one_request(site: CallbacksSite) -> None:
    three_profiles(site)
    await site.done()
    before = site.enreach_requests()
    run = await site.done()
    assert (run.profiles, site.enreach_requests() - before, run.requests) == (3, 1, 0)


async def test_a_list_that_enreach_refuses_keeps_no_other_from_being_read(site: CallbacksSite) -> None:
    three_profiles(site)
    await site.done()
    site.enreach_refuses(match={"path": guid("Service")}, action={"status": 404})
    requests = {
        name: site.request(name, Number="", CallbackListId=guid(name)) for name in ("Sales", "Service", "Night")
    }
    await site.done()
    assert set(site.phone_calls()) == {requests["Sales"], requests["Night"]}
    await site.done(days=9)
    assert "has not told of its callback list for" in (await site.reasons())["callback profile service"]
    site.forgive()
    await site.done()
    await site.assert_each_once(requests.values())
    assert await site.reasons() == {}


async def test_where_enreach_does_not_say_of_which_list_a_request_is_each_list_is_read_alone(
    dataverse: DataverseClient, simulator: str, enreach: Enreach
) -> None:
    document = '{"fields": {"callbacks": {"listId": ["NoSuchField"]}}}'
    async with callbacks_site(dataverse, simulator, enreach.address, document=document) as site:
        three_profiles(site)
        requests = {name: site.request(name, CallbackListId=guid(name)) for name in ("Sales", "Service", "Night")}
        await site.done()
        assert {name: site.queue_items(each) for name, each in requests.items()} == {
            "Sales": ["Callbacks"], "Service": ["Day desk"], "Night": ["Night desk"],
        }  # fmt: skip


# ---------------------------------------------------------------------------------------------------- users win


async def test_what_users_changed_or_deleted_stays_so(site: CallbacksSite) -> None:
    site.profiles(site.profile(closeInEnreach="whenCompleted"))
    edited, deleted = site.request("one"), site.request("two", Number="+358501111111")
    await site.done()
    site.edit(edited, subject="Mine", phonenumber="another")
    site.delete_phone_call(deleted)
    for _ in range(2):
        await site.done()
    assert (site.row(edited)["subject"], site.row(edited)["phonenumber"]) == ("Mine", "another")
    assert set(site.phone_calls()) == {edited}
    assert await site.outcome(deleted) == ("deleted-by-user", True)
    assert (site.state(edited), site.state(deleted)) == ("Open", "ClosedSuccessfully")


async def test_a_request_that_comes_again_is_not_made_again(site: CallbacksSite) -> None:
    request = site.request("one")
    await site.done()
    site.delete_phone_call(request)
    site.request("one", ago=0)
    await site.done()
    assert site.phone_calls() == {}


# ----------------------------------------------------------------------------------------- requests that stay open


@pytest.mark.parametrize(("statecode", "statuscode"), [(1, 2), (2, 3)])
async def test_a_request_stays_open_until_its_phone_call_is_completed(
    site: CallbacksSite, statecode: int, statuscode: int
) -> None:
    site.profiles(site.profile(closeInEnreach="whenCompleted"))
    request = site.request("one")
    await site.done()
    assert (site.state(request), await site.outcome(request)) == ("Open", ("queued", False))
    run = await site.done()
    assert run.requests == 1, "how the phone calls stand"
    site.edit(request, statecode=statecode, statuscode=statuscode)
    await site.done()
    assert (site.state(request), await site.outcome(request)) == ("ClosedSuccessfully", ("completed", True))


async def test_a_request_that_somebody_closes_in_enreach_completes_its_phone_call(site: CallbacksSite) -> None:
    site.profiles(site.profile(closeInEnreach="whenCompleted"))
    request = site.request("one")
    await site.done()
    site.close_in_enreach(request)
    await site.done()
    assert (site.row(request)["statecode"], site.row(request)["statuscode"]) == (1, 2)
    assert await site.outcome(request) == ("completed", True)


async def test_a_profile_that_gets_another_name_goes_on_with_its_requests(site: CallbacksSite) -> None:
    settings = {"closeInEnreach": "whenCompleted", "expire": True, "expireAfterHours": 1}
    site.profiles(site.profile(**settings))
    completed, expired = site.request("one", Number=""), site.request("two", Number="")
    await site.done()
    site.profiles(site.profile(name="renamed", **settings))
    site.edit(completed, statecode=1, statuscode=2)
    await site.done()
    await site.done(hours=2)
    assert await site.outcome(completed) == ("completed", True)
    assert await site.outcome(expired) == ("expired", True)


async def test_requests_of_a_profile_that_is_gone_are_left_alone(site: CallbacksSite) -> None:
    site.profiles(site.profile(closeInEnreach="whenCompleted"))
    request = site.request("one")
    await site.done()
    site.edit(request, statecode=1, statuscode=2)
    site.profiles(site.profile(name="service", callbackList="Service"))
    await site.done()
    assert site.state(request) == "Open"


# -------------------------------------------------------------------------------------------------------- hygiene


@pytest.mark.parametrize("stays_open", [False, True])
async def test_repeats_are_noted_on_the_open_phone_call(site: CallbacksSite, stays_open: bool) -> None:
    close = "whenCompleted" if stays_open else "whenInDynamics"
    site.profiles(site.profile(mergeRepeats=True, closeInEnreach=close))
    first = site.request("one", ago=200)
    second = site.request("two", ago=100, Note="Please hurry", Number="050 765 4321")
    await site.done()
    third = site.request("three", ago=10)
    await site.done()
    assert set(site.phone_calls()) == {first}
    assert sorted(note.splitlines()[-1] for note in site.notes(first)) == sorted(
        f"CallbackId is {each}" for each in (second, third)
    )
    assert any("Please hurry" in note for note in site.notes(first))
    for repeat in (second, third):
        assert await site.outcome(repeat) == ("merged", True)
        assert site.state(repeat) == "ClosedSuccessfully"
    assert site.state(first) == ("Open" if stays_open else "ClosedSuccessfully")


async def test_withheld_and_unreadable_numbers_never_merge(site: CallbacksSite) -> None:
    site.profiles(site.profile(mergeRepeats=True))
    requests = [site.request(f"{number} {n}", Number=number) for number in ("", "anonymous", "123") for n in (1, 2)]
    await site.done()
    assert set(site.phone_calls()) == set(requests)


async def test_without_the_switch_repeats_are_phone_calls_of_their_own(site: CallbacksSite) -> None:
    requests = [site.request(n) for n in (1, 2)]
    await site.done()
    assert set(site.phone_calls()) == set(requests)


async def test_a_repeat_of_a_completed_phone_call_is_a_new_one(site: CallbacksSite) -> None:
    site.profiles(site.profile(mergeRepeats=True))
    first = site.request("one", ago=200)
    await site.done()
    site.edit(first, statecode=1, statuscode=2)
    second = site.request("two", ago=10)
    await site.done()
    assert set(site.phone_calls()) == {first, second}


async def test_repeats_merge_within_a_queue_alone(site: CallbacksSite) -> None:
    other = site.profile(name="service", callbackList="Service", queue="Day desk", mergeRepeats=True)
    site.profiles(site.profile(mergeRepeats=True), other)
    requests = [site.request("one"), site.request("two", CallbackListId=guid("Service"))]
    await site.done()
    assert set(site.phone_calls()) == set(requests)


async def test_a_request_whose_due_time_is_long_over_expires(site: CallbacksSite) -> None:
    site.profiles(site.profile(expire=True, expireAfterHours=2, closeInEnreach="whenCompleted"))
    due = site.now()
    request = site.request("one", DueTime=iso(due))
    completed = site.request("two", DueTime=iso(due), Number="+358501111111")
    await site.done()
    site.edit(completed, statecode=1, statuscode=4)
    await site.done(minutes=110)
    assert site.row(request)["statecode"] == 0
    await site.done(minutes=20)
    assert (site.row(request)["statecode"], site.row(request)["statuscode"]) == (2, 3)
    assert (await site.outcome(request), site.state(request)) == (("expired", True), "ClosedSuccessfully")
    assert (site.row(completed)["statecode"], await site.outcome(completed)) == (1, ("completed", True))


@pytest.mark.parametrize("expire", [False, True])
async def test_a_request_that_enreach_lets_expire(site: CallbacksSite, expire: bool) -> None:
    site.profiles(site.profile(expire=expire, closeInEnreach="whenCompleted"))
    request = site.request("one")
    await site.done()
    site.close_in_enreach(request, "Expired")
    await site.done()
    assert site.row(request)["statecode"] == (2 if expire else 0)
    assert await site.outcome(request) == ("expired" if expire else "queued", True)


async def test_a_caller_whom_somebody_reached_is_not_called_again(site: CallbacksSite) -> None:
    site.profiles(site.profile(completeWhenReached=True, closeInEnreach="whenCompleted"))
    numbers = {
        name: f"+3585011111{place:02}" for place, name in enumerate(("out", "missed", "private", "in", "before"))
    }
    requests = {name: site.request(name, Number=number, ago=120) for name, number in numbers.items()}
    await site.done()
    site.call("out", BNum=numbers["out"], ago=30)
    site.call("missed", BNum=numbers["missed"], EndResult=1, Duration=0, ago=30)
    site.call("private", BNum=numbers["private"], Privacy="Private", ago=30)
    site.call("in", ANum=numbers["in"], BNum="+358985000001", Direction=0, ago=30)
    site.call("before", BNum=numbers["before"], ago=600, ModifiedAt=iso(site.now()))
    await site.done()
    states = {name: site.row(request)["statecode"] for name, request in requests.items()}
    assert states == {"out": 1, "missed": 0, "private": 0, "in": 0, "before": 0}
    assert site.row(requests["out"])["statuscode"] == 2
    assert (await site.outcome(requests["out"]), site.state(requests["out"])) == (
        ("reached", True),
        "ClosedSuccessfully",
    )


async def test_a_caller_who_was_reached_before_the_request_came_to_dynamics(site: CallbacksSite) -> None:
    site.profiles(site.profile(completeWhenReached=True))
    await site.done()
    site.turn(hours=10)
    await site.done()
    request = site.request("one", ago=3600, ModifiedAt=iso(site.now()))
    site.call("out", ago=1800)
    await site.done()
    assert await site.outcome(request) == ("reached", True)
    assert site.row(request)["statecode"] == 1


async def test_without_the_switches_nothing_is_completed_or_canceled(site: CallbacksSite) -> None:
    request = site.request("one", DueTime=iso(site.now()))
    await site.done()
    site.call("out", ago=10)
    await site.done(days=30)
    assert (site.row(request)["statecode"], site.enreach_requests("/calls")) == (0, 0)
