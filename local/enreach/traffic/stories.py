"""What truly happened on a call, whatever the API tells of it and when. Moments are seconds since 1970 in UTC."""

from dataclasses import dataclass
from typing import Any

from local.enreach.assumed import WORK
from local.enreach.moments import iso_z
from local.enreach.traffic.people import Agent, Queue


@dataclass(frozen=True, slots=True)
class Leg:
    """One agent's part. A talk of 0 s is a leg that nobody answered."""

    agent: Agent
    rang: float
    ring_s: int
    talk_s: int = 0
    outgoing: bool = False

    @property
    def answered_at(self) -> float:
        """When the talk began, or would have."""
        return self.rang + self.ring_s

    @property
    def ended(self) -> float:
        """When it was over."""
        return self.answered_at + self.talk_s


@dataclass(frozen=True, slots=True)
class Service:
    """The call's way through a queue; `leg` is the one that the queue found."""

    queue: Queue
    arrived: float
    result: str
    leg: Leg | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """What is peculiar about how a call is told."""

    withheld: str | None = None  # what stands in place of the number
    has_plus: bool = True
    privacy: str = WORK
    first_privacy: str = WORK
    reclassified_s: int = 0  # after the first report; 0: never
    late_s: int = 0  # the first report comes so long after the end
    ringing_first: bool = False
    doubled: bool = False
    recordings: tuple[str, ...] = ()
    recorded_s: int = 0  # the recordings come so long after the first report


@dataclass(frozen=True, slots=True)
class Story:
    """One call. `customer` is the other party in E.164, empty between agents."""

    call_id: str
    shape: str
    customer: str
    legs: tuple[Leg, ...]
    arrived: float
    ended: float
    service: Service | None = None
    is_mobile: bool = False
    marks: Marks = Marks()

    @property
    def is_internal(self) -> bool:
        """Between two agents."""
        return not self.customer

    @property
    def is_incoming(self) -> bool:
        """From a customer."""
        return not self.is_internal and not any(leg.outgoing for leg in self.legs)

    @property
    def reported(self) -> float:
        """When the API first has the whole of it."""
        return self.ended + 2 + self.marks.late_s

    def as_json(self) -> dict[str, Any]:
        """Returns the truth about the call after its last change."""
        marks = self.marks
        return {
            "callId": self.call_id,
            "shape": self.shape,
            "direction": "internal" if self.is_internal else "in" if self.is_incoming else "out",
            "customer": self.customer,
            "withheld": marks.withheld is not None,
            "mobile": self.is_mobile,
            "arrived": iso_z(self.arrived),
            "ended": iso_z(self.ended),
            "reported": iso_z(self.reported),
            "answered": any(leg.talk_s for leg in self.legs),
            "legs": [
                {
                    "userId": leg.agent.id,
                    "direction": "out" if leg.outgoing else "in",
                    "rang": iso_z(leg.rang),
                    "talkS": leg.talk_s,
                }
                for leg in self.legs
            ],
            "service": self.service
            and {
                "queueId": self.service.queue.id,
                "result": self.service.result,
                "userId": self.service.leg and self.service.leg.agent.id,
            },
            "privacy": marks.privacy,
            "firstPrivacy": marks.first_privacy,
            "reclassified": iso_z(self.reported + marks.reclassified_s) if marks.reclassified_s else None,
            "recordings": list(marks.recordings),
        }
