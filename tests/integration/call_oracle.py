"""Which phone calls have to stand in Dynamics after a generated day, and which calls are offered for tickets.

Computed from what truly happened (`GET /__sim/traffic`, docs/enreach-simulator.md), not from what the API told of it,
by the rules of docs/call-sync.md written down a second time: nothing here comes from the app.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

DEFAULTS: Mapping[str, Any] = {
    "CallDurationLimit": 0,
    "EnableMultipleMatchCreate": True,
    "IncomingDirectCallSubject": "Incoming direct call",
    "IncomingQueueCallSubject": "Incoming queue call",
    "MultipleMatchPhoneCallStatus": 1,
    "NeverLogNumbers": (),
    "OutgoingDirectCallSubject": "Outgoing direct call",
    "PrivacyClasses": ("Work",),
    "ProcessDirectCalls": True,
    "ProcessDirectCallsUnanswered": False,
    "ProcessServiceCalls": False,
    "ProcessServiceCallsUnanswered": False,
    "UnansweredStatus": "Canceled",
    "UnmatchedCallers": "skip",
}
"""Guide 1.5.3, figure 33; those of our own as docs/call-sync.md has them."""
STATE_OF_STATUS = {1: 0, 2: 1, 4: 1, 3: 2}
"""Table reference of the phone call: open, made, received, canceled."""
MADE, CANCELED, RECEIVED = 2, 3, 4
FROM, TO = 1, 2
"""`participationtypemask` of the activity party."""
KINDS = ("contact", "account", "lead")
"""The first that has the number decides."""

type Story = Mapping[str, Any]


@dataclass(frozen=True)
class Customer:
    """An active row of Dynamics with this number (E.164)."""

    kind: str
    id: str
    number: str


@dataclass(frozen=True)
class Centre:
    """Who is who, as a test planted it, and what truly happened."""

    stories: Sequence[Story]
    users: Mapping[str, str]
    """Enreach id -> who can own a row in Dynamics."""
    mobiles: Mapping[str, str]
    """Enreach id -> who in Dynamics has the mobile number of this agent, he alone."""
    assignee: str
    """Who is `DefaultCrmAssignee` in Dynamics."""
    customers: Sequence[Customer]
    named_queues: Mapping[str, str]
    """Queue id -> name, of service queues. A queue that serves a work number shows none."""
    logins: Mapping[str, str]
    """Enreach id -> e-mail."""
    work_numbers: Mapping[str, str]
    """Enreach id -> number (E.164)."""
    by_number: Mapping[str, Mapping[str, Sequence[str]]] = field(init=False)
    """Number -> kind -> ids."""

    def __post_init__(self) -> None:
        found: dict[str, dict[str, list[str]]] = {}
        for each in self.customers:
            found.setdefault(each.number, {}).setdefault(each.kind, []).append(each.id)
        object.__setattr__(self, "by_number", found)


@dataclass(frozen=True)
class PhoneCall:
    """A phone call as far as the truth says how it has to be."""

    subject: str
    outgoing: bool
    number: str | None
    started: str
    minutes: int
    owner: str
    customer: str | None
    """Id of the row, or `made for <number>`."""
    parties: frozenset[tuple[int, str]]
    state: tuple[int, int]


@dataclass(frozen=True)
class Ticket:
    """What the queue of tickets is told."""

    direction: str
    queue: str | None
    status: str
    agent: str | None
    customer_number: str | None
    started: str
    seconds: int


# ------------------------------------------------------------------------------------------------- the day


def phone_calls(centre: Centre, settings: Mapping[str, Any], at: datetime) -> dict[str, PhoneCall]:
    """The phone calls that stand when all that Enreach had told at this moment is worked in, by call id."""
    rules = {**DEFAULTS, **settings}
    found: dict[str, PhoneCall] = {}
    for story in centre.stories:
        if _is_told(story, at) and _class_at(story, at) in rules["PrivacyClasses"]:
            call = _logged(centre, rules, story)
            if call is not None:
                found[story["callId"]] = call
    return found


def tickets(centre: Centre, settings: Mapping[str, Any], at: datetime) -> dict[str, Ticket]:
    """The calls that were offered for tickets by then, by id: of a class that may be known, now or before."""
    rules = {**DEFAULTS, **settings}
    return {
        story["callId"]: _ticket(centre, story)
        for story in centre.stories
        if _is_told(story, at)
        and {story["firstPrivacy"], _class_at(story, at)} & set(rules["PrivacyClasses"])
        and not _is_on_the_list(rules, story)
    }


def moments(stories: Iterable[Story]) -> list[datetime]:
    """When the API says something about a call as a whole."""
    texts = (text for story in stories for text in (story["reported"], story["reclassified"]) if text)
    return sorted(map(_moment, texts))


def _is_told(story: Story, at: datetime) -> bool:
    return _moment(story["reported"]) <= at


def _class_at(story: Story, at: datetime) -> str:
    changed = story["reclassified"]
    return str(story["privacy"] if changed and _moment(changed) <= at else story["firstPrivacy"])


def _is_on_the_list(rules: Mapping[str, Any], story: Story) -> bool:
    return not story["withheld"] and story["customer"] in rules["NeverLogNumbers"]


# ------------------------------------------------------------------------------------------------ one call


def _logged(centre: Centre, rules: Mapping[str, Any], story: Story) -> PhoneCall | None:
    if story["direction"] == "internal" or _is_on_the_list(rules, story):
        return None
    is_queue = _queue_name(centre, story) is not None
    switch = ("ProcessServiceCalls" if is_queue else "ProcessDirectCalls") + ("" if story["answered"] else "Unanswered")
    if not rules[switch] or (story["answered"] and talk_seconds(story) < rules["CallDurationLimit"]):
        return None
    number = None if story["withheld"] else story["customer"]
    ids = _customers(centre, number)
    several = len(ids) > 1
    if several and not (is_queue and rules["EnableMultipleMatchCreate"]):
        return None
    if not ids and rules["UnmatchedCallers"] == "skip":
        return None
    made = f"made for {number}" if not ids and number and rules["UnmatchedCallers"] in {"contact", "lead"} else None
    customer = ids[0] if len(ids) == 1 else made
    owner, outgoing = _owner(centre, story), story["direction"] == "out"
    return PhoneCall(
        subject=rules[_subject(is_queue=is_queue, outgoing=outgoing)],
        outgoing=outgoing,
        number=number,
        started=plain(story["arrived"]),
        minutes=max(1, (talk_seconds(story) + 30) // 60) if story["answered"] else 0,
        owner=owner,
        customer=customer,
        parties=_parties(owner, customer, outgoing=outgoing),
        state=_state(rules, story, several=several, outgoing=outgoing),
    )


def talk_seconds(story: Story) -> int:
    """How long the customer talked with us: in a queue from the answer to the end, with what rings in between."""
    talks = [leg for leg in story["legs"] if leg["talkS"]]
    service = story["service"]
    if service is None or service["userId"] is None:
        return sum(int(leg["talkS"]) for leg in talks)
    first = next(leg for leg in talks if leg["userId"] == service["userId"])
    ended = _moment(story["ended"])
    over = min((_moment(leg["rang"]) for leg in story["legs"] if leg["rang"] > first["rang"]), default=ended)
    before = sum(int(leg["talkS"]) for leg in talks if leg["rang"] < first["rang"])
    return before + int(first["talkS"]) + round((ended - over).total_seconds())


def _queue_name(centre: Centre, story: Story) -> str | None:
    return centre.named_queues.get(story["service"]["queueId"]) if story["service"] else None


def _customers(centre: Centre, number: str | None) -> Sequence[str]:
    kinds = centre.by_number.get(number or "", {})
    return next((kinds[kind] for kind in KINDS if kind in kinds), ())


def _agent(centre: Centre, story: Story) -> str | None:
    """Enreach id of who made the call, or ended up with the customer, or alone let it ring."""
    talks = sorted((leg for leg in story["legs"] if leg["talkS"]), key=lambda leg: leg["rang"])
    if story["direction"] != "in":
        return str(story["legs"][0]["userId"])
    if talks:
        return str(talks[-1]["userId"])
    rung = {leg["userId"] for leg in story["legs"]}
    return str(rung.pop()) if len(rung) == 1 and _queue_name(centre, story) is None else None


def _owner(centre: Centre, story: Story) -> str:
    agent = _agent(centre, story)
    known = centre.mobiles if story["mobile"] else centre.users
    return known.get(agent, centre.assignee) if agent else centre.assignee


def _parties(owner: str, customer: str | None, *, outgoing: bool) -> frozenset[tuple[int, str]]:
    of_user, of_customer = (FROM, TO) if outgoing else (TO, FROM)
    return frozenset({(of_user, owner)} | ({(of_customer, customer)} if customer else set()))


def _subject(*, is_queue: bool, outgoing: bool) -> str:
    if outgoing:
        return "OutgoingDirectCallSubject"
    return "IncomingQueueCallSubject" if is_queue else "IncomingDirectCallSubject"


def _state(rules: Mapping[str, Any], story: Story, *, several: bool, outgoing: bool) -> tuple[int, int]:
    status = MADE if outgoing else RECEIVED
    if several and rules["MultipleMatchPhoneCallStatus"] in STATE_OF_STATUS:
        status = rules["MultipleMatchPhoneCallStatus"]
    elif not story["answered"] and rules["UnansweredStatus"] == "Canceled":
        status = CANCELED
    return STATE_OF_STATUS[status], status


def _ticket(centre: Centre, story: Story) -> Ticket:
    is_overflow = story["service"] is not None and story["service"]["result"] == "Overflow"
    agent = None if story["mobile"] else _agent(centre, story)
    number = None if story["withheld"] else story["customer"]
    if story["direction"] == "internal":
        number = centre.work_numbers[story["legs"][1]["userId"]]
    return Ticket(
        direction="incoming" if story["direction"] == "in" else "outgoing",
        queue=_queue_name(centre, story),
        status="answered" if story["answered"] else "overflow" if is_overflow else "unanswered",
        agent=centre.logins[agent] if agent else None,
        customer_number=number,
        started=plain(story["arrived"]),
        # Who called a colleague and the colleague talked as long.
        seconds=story["legs"][0]["talkS"] if story["direction"] == "internal" else talk_seconds(story),
    )


# ------------------------------------------------------------------------------------------- what is there


def found_phone_calls(
    rows: Iterable[Mapping[str, Any]],
    parties: Iterable[Mapping[str, Any]],
    made: Mapping[str, str],
) -> dict[str, PhoneCall]:
    """The phone calls as Dynamics holds them, by the call id that they bear. `made` says of whom nobody planted for
    which number he was made. Raises AssertionError for a call that two rows bear."""
    on: dict[str, set[tuple[int, str]]] = {}
    for party in parties:
        if party["participationtypemask"] in (FROM, TO):
            who = made.get(party["_partyid_value"], party["_partyid_value"])
            on.setdefault(party["_activityid_value"], set()).add((party["participationtypemask"], who))
    found: dict[str, PhoneCall] = {}
    for row in rows:
        call_id = stamp(row)
        assert call_id not in found, f"two phone calls of {call_id}"
        regarding = row["_regardingobjectid_value"]
        found[call_id] = PhoneCall(
            subject=row["subject"],
            outgoing=row["directioncode"],
            number=row["phonenumber"],
            started=plain(row["scheduledstart"]),
            minutes=row["actualdurationminutes"],
            owner=row["_ownerid_value"],
            customer=made.get(regarding, regarding) if regarding else None,
            parties=frozenset(on.get(row["activityid"], set())),
            state=(row["statecode"], row["statuscode"]),
        )
    return found


def stamp(row: Mapping[str, Any]) -> str:
    """The id behind `CallId is` in the last line of the description."""
    line = str(row["description"]).rsplit("\n", 1)[-1]
    assert line.startswith("CallId is "), "a phone call without its call id"
    return line.removeprefix("CallId is ")[:36]


def plain(moment: str) -> str:
    """A moment in one spelling, whole seconds in UTC."""
    return _moment(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
