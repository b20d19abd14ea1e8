"""How the API tells of a day: raw items of both feeds, and when each version of them appears."""

from collections.abc import Iterator
from dataclasses import dataclass

from local.enreach.assumed import (
    ANSWERED,
    DIRECT,
    IN,
    NOT_ANSWERED,
    OUT,
    QUEUED,
    RESULT_UNANSWERED,
    Item,
)
from local.enreach.moments import iso_z
from local.enreach.traffic.day import Day
from local.enreach.traffic.people import Agent, Queue, personal_queue
from local.enreach.traffic.stories import Leg, Service, Story


@dataclass(frozen=True, slots=True)
class Arrival:
    """What appears in the feeds at a moment, of one call: all that is known of it by then."""

    moment: float
    call_id: str
    calls: tuple[Item, ...]
    service_calls: tuple[Item, ...]


def user_items(day: Day) -> list[Item]:
    """Returns the agents as `/users` answers them."""
    return [
        {
            "Id": agent.id,
            "UserName": agent.user_name,
            "FirstName": agent.first,
            "LastName": agent.last,
            "MobileNumber": agent.mobile or None,
            "WorkNumber": agent.work,
        }
        for agent in day.agents
    ]


def queue_items(day: Day) -> list[Item]:
    """Returns the service queues, and those of work numbers, as they are planted."""
    used = {story.service.queue for story in day.stories if story.service}
    personal = [personal_queue(agent, day.order.seed) for agent in day.agents]
    return [_queue_item(queue) for queue in (*day.queues, *(queue for queue in personal if queue in used))]


def _queue_item(queue: Queue) -> Item:
    members = [agent.id for agent in queue.members]
    return {"Id": queue.id, "Name": queue.name, "TypeId": queue.type_id, "Numbers": [queue.number], "UserIds": members}


def arrivals(day: Day) -> Iterator[Arrival]:
    """Yields every version of every call, each with all events that the earlier ones had."""
    for story in day.stories:
        yield from _versions(story)


def _versions(story: Story) -> Iterator[Arrival]:
    marks = story.marks
    if marks.ringing_first:
        yield _ringing(story)
    with_recordings = not marks.recorded_s
    yield _arrival(story, story.reported, marks.first_privacy, with_recordings=with_recordings)
    if marks.recorded_s:
        moment = story.reported + marks.recorded_s
        yield _arrival(story, moment, marks.first_privacy, with_recordings=True)
    if marks.reclassified_s:
        yield _arrival(story, story.reported + marks.reclassified_s, marks.privacy, with_recordings=True)


def _arrival(story: Story, moment: float, privacy: str, *, with_recordings: bool) -> Arrival:
    left = iter(story.marks.recordings if with_recordings else ())
    calls = []
    for leg in story.legs:
        recording = next(left, None) if leg.talk_s else None
        calls.append(_event(story, leg, moment, privacy, [recording] if recording else []))
    service_calls = [_service_item(story, story.service, moment)] if story.service else []
    times = 2 if story.marks.doubled else 1
    return Arrival(moment, story.call_id, tuple(calls * times), tuple(service_calls * times))


def _ringing(story: Story) -> Arrival:
    """What the API has while the first phone rings: nobody has answered yet."""
    moment, leg = story.legs[0].rang + 1, story.legs[0]
    ringing = Leg(leg.agent, leg.rang, leg.ring_s, 0, leg.outgoing)
    calls = (_event(story, ringing, moment, story.marks.first_privacy, []),)
    service = story.service
    if service is None or service.arrived > moment:
        return Arrival(moment, story.call_id, calls, ())
    waiting = Service(service.queue, service.arrived, RESULT_UNANSWERED)
    return Arrival(moment, story.call_id, calls, (_service_item(story, waiting, moment) | {"EndTime": None},))


def _event(story: Story, leg: Leg, moment: float, privacy: str, recordings: list[str]) -> Item:
    caller, called = _numbers(story, leg)
    queue = _queue_of(story, leg)
    return {
        "CallId": story.call_id,
        # A call on the mobile phone is known by the agent's number alone.
        "UserId": None if story.is_mobile else leg.agent.id,
        "UserName": None if story.is_mobile else leg.agent.user_name,
        "ANum": caller,
        "BNum": called,
        "TimeStamp": iso_z(leg.rang),
        "Duration": leg.talk_s,
        "Direction": OUT if leg.outgoing else IN,
        "EndResult": ANSWERED if leg.talk_s else NOT_ANSWERED,
        "CallTypeString": QUEUED if queue else DIRECT,
        "QueueId": queue.id if queue else None,
        "QueueName": queue.shown_name if queue else None,
        "Privacy": privacy,
        "ModifiedAt": iso_z(moment),
        "RecordingIds": recordings,
        "TranscriptIds": [],
    }


def _queue_of(story: Story, leg: Leg) -> Queue | None:
    """The queue that an event names: none before the call came into it."""
    service = story.service
    return service.queue if service and leg.rang >= service.arrived else None


def _numbers(story: Story, leg: Leg) -> tuple[str, str]:
    """Returns the calling number and the called one."""
    if story.is_internal:
        return story.legs[0].agent.work, story.legs[1].agent.work
    customer = _spelt_customer(story)
    own = _own_number(story, leg.agent)
    if leg.outgoing:
        return own, customer
    queue = _queue_of(story, leg)
    return customer, queue.number if queue else own


def _own_number(story: Story, agent: Agent) -> str:
    return agent.mobile if story.is_mobile else agent.work


def _spelt_customer(story: Story) -> str:
    if story.marks.withheld is not None:
        return story.marks.withheld
    return story.customer if story.marks.has_plus else story.customer.removeprefix("+")


def _service_item(story: Story, service: Service, moment: float) -> Item:
    return {
        "CallId": story.call_id,
        "ANum": _spelt_customer(story),
        "QueueId": service.queue.id,
        "QueueName": service.queue.shown_name,
        "QueueNumber": service.queue.number,
        "ArrivalTime": iso_z(service.arrived),
        "AnswerTime": iso_z(service.leg.answered_at) if service.leg else None,
        "EndTime": iso_z(story.ended),
        "UserId": service.leg.agent.id if service.leg else None,
        "Result": service.result,
        "ModifiedAt": iso_z(moment),
    }
