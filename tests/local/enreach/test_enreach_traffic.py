"""Invented days: repeatable, humanly possible, with every shape, and told by the API as they happened."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from local.enreach.moments import iso_z
from local.enreach.traffic.day import Day, generate_day
from local.enreach.traffic.items import Arrival, arrivals, queue_items, user_items
from local.enreach.traffic.order import Order, read_order
from local.enreach.traffic.plots import PLOTS
from local.enreach.traffic.stories import Leg, Story

MONDAY = date(2026, 3, 2)


@cache
def big_day() -> Day:
    return generate_day(Order(200, MONDAY, seed=7))


def stories(shape: str) -> list[Story]:
    return [story for story in big_day().stories if story.shape == shape]


def talks(story: Story) -> list[Leg]:
    return [leg for leg in story.legs if leg.talk_s]


def versions_of(story: Story) -> list[Arrival]:
    return [arrival for arrival in ordered_arrivals() if arrival.call_id == story.call_id]


@cache
def ordered_arrivals() -> tuple[Arrival, ...]:
    return tuple(sorted(arrivals(big_day()), key=lambda arrival: arrival.moment))


@cache
def last_versions() -> dict[str, Arrival]:
    return {arrival.call_id: arrival for arrival in ordered_arrivals()}


def test_the_same_order_is_the_same_day_and_another_is_not() -> None:
    order = Order(20, MONDAY, seed=1)
    assert generate_day(order) == generate_day(order)
    ids = {story.call_id for story in generate_day(order).stories}
    for other in (Order(20, MONDAY, seed=2), Order(20, date(2026, 3, 3), seed=1), Order(21, MONDAY, seed=1)):
        assert ids.isdisjoint(story.call_id for story in generate_day(other).stories)


def test_people_and_queues_are_the_same_on_every_day_of_a_seed() -> None:
    monday, tuesday = (generate_day(Order(60, MONDAY.replace(day=day), seed=1)) for day in (2, 3))
    assert (monday.agents, monday.queues) == (tuesday.agents, tuesday.queues)
    other = generate_day(Order(60, MONDAY, seed=2))
    both = (*monday.agents, *other.agents)
    assert len({agent.work for agent in both}) == len({agent.user_name for agent in both}) == 120
    assert len({agent.id for agent in both}) == 120


@pytest.mark.parametrize("calls", [10, 30, 60, 133])
def test_agents_have_about_as_many_calls_as_ordered(calls: int) -> None:
    day = generate_day(Order(60, MONDAY, seed=3, calls_per_agent=calls))
    assert abs(len(day.stories) / 60 / calls - 1) < 0.12


def test_every_shape_comes_about_as_often_as_planned() -> None:
    counts = Counter(story.shape for story in big_day().stories)
    assert counts.keys() == PLOTS.keys()
    # A redial is two calls, and plots that find no colleague or no mobile phone become direct calls.
    for shape, (weight, _) in PLOTS.items():
        assert counts[shape] >= 0.006 * weight * len(big_day().stories), shape


def test_calls_begin_within_the_working_day_and_end_after_they_began() -> None:
    midnight = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
    for story in big_day().stories:
        assert midnight + 5.9 * 3600 < story.arrived < midnight + 14.1 * 3600
        assert story.arrived < story.ended <= story.reported


def test_nobody_talks_on_two_calls_at_once() -> None:
    by_agent = defaultdict(list)
    for story in big_day().stories:
        for leg in talks(story):
            by_agent[leg.agent].append((leg.answered_at, leg.ended))
    assert len(by_agent) == 200
    for spans in by_agent.values():
        assert all(end <= start for (_, end), (start, _) in pairwise(sorted(spans)))


# Of each shape: how many legs talk, the result of the queue, and whether the queue found the one who talks.
SHAPES: dict[str, tuple[set[int], str | None, Callable[[Story], bool]]] = {
    "direct-in": ({1}, None, lambda s: s.is_incoming and len(s.legs) == 1),
    "direct-in-missed": ({0}, None, lambda s: s.is_incoming),
    "direct-out": ({1}, None, lambda s: s.legs[0].outgoing),
    "direct-out-unanswered": ({0}, None, lambda s: s.legs[0].outgoing),
    "internal": ({2}, None, lambda s: s.is_internal and [leg.outgoing for leg in s.legs] == [True, False]),
    "mobile": ({1}, None, lambda s: s.is_mobile and bool(s.legs[0].agent.mobile)),
    "queue": ({1}, "Answered", lambda s: s.service is not None and s.service.leg == s.legs[0]),
    "queue-ring-all": ({1}, "Answered", lambda s: s.service is not None and s.service.leg == talks(s)[0]),
    "queue-abandoned": ({0}, "Unanswered", lambda s: s.service is not None and s.service.leg is None),
    "queue-overflow": ({0, 1}, "Overflow", lambda s: s.service is not None and s.service.leg is None),
    "queue-transferred": ({2, 3}, "Answered", lambda s: s.service is not None and s.service.leg == s.legs[0]),
    "direct-transferred": ({2, 3}, None, lambda s: len({leg.agent for leg in s.legs}) == len(s.legs)),
    "direct-into-queue": ({2}, "Answered", lambda s: s.service is not None and s.service.leg == s.legs[1]),
    "work-number": ({1}, "Answered", lambda s: s.service is not None and s.service.queue.shown_name is None),
    "redial": ({0, 1}, None, lambda s: s.is_incoming),
}


@pytest.mark.parametrize("shape", PLOTS)
def test_a_shape_is_what_its_name_says(shape: str) -> None:
    talking, result, holds = SHAPES[shape]
    told = stories(shape)
    assert {len(talks(story)) for story in told} == talking
    assert {story.service.result if story.service else None for story in told} == {result}
    assert all(holds(story) for story in told)


def test_a_ring_all_call_rings_several_at_once() -> None:
    told = stories("queue-ring-all")
    assert max(len(story.legs) for story in told) >= 4
    assert all(len({leg.rang for leg in story.legs}) == 1 for story in told)


def test_who_redials_calls_again_within_20_seconds() -> None:
    by_caller = defaultdict(list)
    for story in stories("redial"):
        by_caller[story.legs[0].agent, story.customer].append(story)
    # Few callers redial the same agent twice a day.
    pairs = [calls for calls in by_caller.values() if len(calls) == 2]
    assert len(pairs) > 0.8 * len(by_caller)
    for first, second in pairs:
        assert 1 <= second.arrived - first.ended <= 20
        assert (talks(first), len(talks(second))) == ([], 1)


@pytest.mark.parametrize(
    ("name", "holds", "least", "most"),
    [
        ("withheld", lambda s: s.marks.withheld is not None, 0.01, 0.03),
        ("without plus", lambda s: not s.marks.has_plus, 0.03, 0.05),
        ("private at last", lambda s: s.marks.privacy == "Private", 0.015, 0.05),
        ("never classified", lambda s: s.marks.privacy == "Undefined", 0.005, 0.03),
        ("reclassified", lambda s: s.marks.reclassified_s > 0, 0.01, 0.03),
        ("late", lambda s: s.marks.late_s > 0, 0.012, 0.03),
        ("ringing first", lambda s: s.marks.ringing_first, 0.03, 0.08),
        ("doubled", lambda s: s.marks.doubled, 0.012, 0.03),
        ("recorded", lambda s: bool(s.marks.recordings), 0.2, 0.4),
        ("recorded later", lambda s: s.marks.recorded_s > 0, 0.05, 0.13),
    ],
)
def test_peculiarities_come_as_often_as_they_should(
    name: str, holds: Callable[[Story], bool], least: float, most: float
) -> None:
    told = big_day().stories
    assert least < sum(map(holds, told)) / len(told) < most, name


def test_only_calls_of_no_queue_have_a_privacy_class_and_change_it_within_14_days() -> None:
    for story in big_day().stories:
        marks = story.marks
        if story.service:
            assert (marks.first_privacy, marks.privacy, marks.reclassified_s) == ("Work", "Work", 0)
        assert (marks.first_privacy != marks.privacy) == (marks.reclassified_s > 0)
        assert marks.reclassified_s <= 14 * 86_400


def test_the_last_version_of_a_call_has_an_event_for_each_leg() -> None:
    for story in big_day().stories:
        arrival = last_versions()[story.call_id]
        times = 2 if story.marks.doubled else 1
        told = sorted((e["TimeStamp"], e["Duration"], e["EndResult"], e["Direction"]) for e in arrival.calls)
        true = sorted((iso_z(leg.rang), leg.talk_s, int(not leg.talk_s), int(leg.outgoing)) for leg in story.legs)
        assert told == sorted(true * times)
        assert {e["Privacy"] for e in arrival.calls} == {story.marks.privacy}
        assert len(arrival.service_calls) == (times if story.service else 0)
        recordings = {recording for e in arrival.calls for recording in e["RecordingIds"]}
        assert recordings == set(story.marks.recordings)


def test_each_version_has_all_events_of_the_earlier_and_is_dated_by_its_arrival() -> None:
    known: dict[str, set[tuple[str, str | None, str]]] = defaultdict(set)
    for arrival in ordered_arrivals():
        keys = {(e["CallId"], e["UserId"], e["TimeStamp"]) for e in arrival.calls}
        assert known[arrival.call_id] <= keys
        known[arrival.call_id] |= keys
        moments = {item["ModifiedAt"] for item in (*arrival.calls, *arrival.service_calls)}
        assert moments == {iso_z(arrival.moment)}


def test_recordings_that_come_later_are_not_in_the_first_report() -> None:
    story = next(s for s in stories("queue-transferred") if s.marks.recorded_s and not s.marks.ringing_first)
    first, *_, last = versions_of(story)
    assert last.moment - first.moment == story.marks.recorded_s
    assert {recording for event in first.calls for recording in event["RecordingIds"]} == set()
    assert len({recording for event in last.calls for recording in event["RecordingIds"]}) == len(talks(story))


def test_a_call_first_seen_ringing_is_not_answered_yet() -> None:
    story = next(s for s in stories("queue") if s.marks.ringing_first)
    first, *_, last = versions_of(story)
    assert [(e["Duration"], e["EndResult"]) for e in first.calls] == [(0, 1)]
    assert [(s["Result"], s["AnswerTime"], s["EndTime"], s["UserId"]) for s in first.service_calls] == [
        ("Unanswered", None, None, None)
    ]
    assert last.calls[0]["Duration"] == story.legs[0].talk_s
    assert last.service_calls[0]["UserId"] == story.legs[0].agent.id


def numbers_of(story: Story) -> set[tuple[str, str]]:
    return {(event["ANum"], event["BNum"]) for event in last_versions()[story.call_id].calls}


def plain(shape: str) -> Story:
    return next(s for s in stories(shape) if s.marks.withheld is None and s.marks.has_plus)


def test_numbers_stand_on_the_side_of_who_called() -> None:
    agent = plain("direct-in").legs[0].agent
    assert numbers_of(plain("direct-in")) == {(plain("direct-in").customer, agent.work)}
    agent = plain("direct-out").legs[0].agent
    assert numbers_of(plain("direct-out")) == {(agent.work, plain("direct-out").customer)}
    internal = plain("internal")
    assert numbers_of(internal) == {(internal.legs[0].agent.work, internal.legs[1].agent.work)}
    queued = plain("queue")
    assert queued.service is not None
    assert numbers_of(queued) == {(queued.customer, queued.service.queue.number)}


def test_a_mobile_call_is_known_by_the_agents_mobile_number_alone() -> None:
    for story in stories("mobile"):
        [event] = last_versions()[story.call_id].calls[:1]
        assert event["UserId"] is None
        assert event["UserName"] is None
        assert event["ANum" if story.legs[0].outgoing else "BNum"] == story.legs[0].agent.mobile


def test_withheld_and_plusless_numbers_are_told_so() -> None:
    hidden = [story for story in big_day().stories if story.marks.withheld is not None]
    assert {caller for story in hidden for caller, _ in numbers_of(story)} == {"", "anonymous", "Anonymous"}
    story = next(s for s in stories("direct-in") if not s.marks.has_plus and s.marks.withheld is None)
    assert {caller for caller, _ in numbers_of(story)} == {story.customer[1:]}


def test_a_direct_call_sent_into_a_queue_names_the_queue_on_its_second_leg_only() -> None:
    events = last_versions()[next(s for s in stories("direct-into-queue") if not s.marks.doubled).call_id].calls
    assert [(e["CallTypeString"], e["QueueId"] is None) for e in events] == [
        ("DirectCall", True),
        ("ServiceCall", False),
    ]


def test_customers_are_those_of_the_order() -> None:
    order = Order(5, MONDAY, numbers=("+358501", "+358502"))
    assert {story.customer for story in generate_day(order).stories if story.customer} == {"+358501", "+358502"}


def test_users_and_queues_are_items_of_the_api() -> None:
    day = big_day()
    users, queues = user_items(day), queue_items(day)
    assert len(users) == 200
    assert any(user["UserName"] != user["UserName"].lower() for user in users)
    assert any(user["MobileNumber"] is None for user in users)
    named = {story.service.queue.id for story in day.stories if story.service}
    assert named <= {queue["Id"] for queue in queues}
    assert len({queue["Id"] for queue in queues}) == len(queues)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"agents": 1},
        {"agents": 0, "day": "2026-03-02"},
        {"agents": True, "day": "2026-03-02"},
        {"agents": 1, "day": "monday"},
        {"agents": 1, "day": 20260302},
        {"agents": 1, "day": "2026-03-02", "callsPerAgent": 401},
        {"agents": 1, "day": "2026-03-02", "numbers": [""]},
        {"agents": 1, "day": "2026-03-02", "speed": 2},
        [],
    ],
    ids=str,
)
def test_an_order_that_makes_no_sense_is_refused(raw: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_order(raw)


def test_one_agent_alone_works_too() -> None:
    assert 15 < len(generate_day(Order(1, MONDAY)).stories) < 45


def changed_until(enreach: Any, path: str, end: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = enreach.items(path, ModifiedAfter="2026-03-01 00:00:00", ModifiedBefore=end)
    return items


def test_played_events_come_as_the_clock_reaches_them(enreach: Any) -> None:
    enreach.accepted("clock", {"now": "2026-03-02T10:00:00Z", "running": False})
    told = enreach.accepted("traffic", {"agents": 30, "day": "2026-03-02", "seed": 5})
    assert told["agents"] == 30
    assert told["calls"] == sum(told["shapes"].values()) == len(enreach.control("GET", "traffic").json())
    assert told["awaited"] > 0
    end = "2026-03-31 00:00:00"
    early = changed_until(enreach, "/calls", end)
    assert early
    assert max(event["ModifiedAt"] for event in early) <= "2026-03-02T10:00:00Z"
    enreach.accepted("clock", {"now": "2026-03-20T00:00:00Z", "running": False})
    assert enreach.stats()["awaited"] == 0
    assert len(changed_until(enreach, "/calls", end)) > len(early)


def test_after_all_arrivals_the_feeds_agree_with_the_truth(enreach: Any) -> None:
    for day, moment in (("2026-03-02", "2026-03-02T11:00:00Z"), ("2026-03-03", "2026-03-25T00:00:00Z")):
        enreach.accepted("traffic", {"agents": 40, "day": day, "seed": 5})
        enreach.accepted("clock", {"now": moment, "running": False})
    events, services = (changed_until(enreach, path, "2026-03-31 00:00:00") for path in ("/calls", "/servicecall"))
    by_call = defaultdict(list)
    for event in events:
        by_call[event["CallId"]].append(event)
    truth = {story["callId"]: story for story in enreach.control("GET", "traffic").json()}
    assert by_call.keys() == truth.keys()
    assert {s["CallId"] for s in services} == {call_id for call_id, story in truth.items() if story["service"]}
    for call_id, story in truth.items():
        assert {event["Privacy"] for event in by_call[call_id]} == {story["privacy"]}
        talk = {event["TimeStamp"]: event["Duration"] for event in by_call[call_id]}
        assert sum(talk.values()) == sum({leg["rang"]: leg["talkS"] for leg in story["legs"]}.values())
        assert any(event["EndResult"] == 0 for event in by_call[call_id]) == story["answered"]
        assert min(talk) == min(leg["rang"] for leg in story["legs"])
    users = {user["Id"] for user in enreach.items("/users")}
    assert {leg["userId"] for story in truth.values() for leg in story["legs"]} <= users


def test_a_day_that_is_over_arrives_at_once_and_is_the_same_as_one_that_was_awaited(
    enreach: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.enreach.simulator.ARRIVALS_AT_ONCE", 100)
    feeds = []
    for moments in (
        ("2026-03-25T00:00:00Z",),
        ("2026-03-01T00:00:00Z", "2026-03-02T09:00:00Z", "2026-03-25T00:00:00Z"),
    ):
        enreach.accepted("reset", None)
        enreach.accepted("clock", {"now": moments[0], "running": False})
        enreach.accepted("traffic", {"agents": 15, "day": "2026-03-02"})
        for moment in moments[1:]:
            enreach.accepted("clock", {"now": moment, "running": False})
        assert enreach.stats()["awaited"] == 0
        feeds.append([sorted(map(str, enreach.control("GET", kind).json())) for kind in ("calls", "servicecalls")])
    assert feeds[0] == feeds[1]


def test_traffic_of_a_bad_order_is_refused(enreach: Any) -> None:
    assert enreach.control("POST", "traffic", {"agents": 1}).status_code == 400
