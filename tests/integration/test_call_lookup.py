"""Calls of which a sender told the id alone, looked up in the Enreach simulator over HTTP."""

from typing import Any

from shared.calls.lookup import GOES_ON, UNKNOWN, NotOurs, NotYet, requests_of_calls
from shared.calls.privacy import CallPrivacy, privacy_rules
from tests.integration.calls_site import QUEUE, CallsSite, guid

QUEUE_LEG: dict[str, Any] = {"CallTypeString": "ServiceCall", "QueueId": QUEUE["Id"], "QueueName": QUEUE["Name"]}
RECORDING = guid("recording")


async def test_a_request_that_is_looked_up_is_the_one_that_call_sync_sends(site: CallsSite) -> None:
    site.rules(NeverLogNumbers=["+358501112222"])
    site.call("direct", RecordingIds=[RECORDING])
    site.call("out", ago=900, Direction=1, ANum="+358985000001", BNum="0507654321")
    site.call("missed", EndResult=1, Duration=0)
    site.call("queue", ago=295, **QUEUE_LEG)
    site.service_call("queue")
    site.service_call("abandoned", ago=240, AnswerTime=None, UserId=None, Result="Unanswered")
    site.service_call("overflow", ago=500, AnswerTime=None, UserId=None, Result="Overflow")
    site.call("private", Privacy="Private")
    site.call("not classed", Privacy="Undefined")
    site.call("never", ANum="+358501112222")
    site.call("goes on", ago=60, Duration=0)
    await site.tick()
    sent = {request.call_id: request for request in site.tickets}
    assert len(sent) == 6

    privacy = privacy_rules(CallPrivacy(NeverLogNumbers=("+358501112222",)), "FI")
    others = {name: guid(name) for name in ("private", "not classed", "never", "goes on", "nobody's")}
    before = len(site_requests(site))
    found = await requests_of_calls(
        site.enreach, dict.fromkeys([*sent, *others.values()], site.now()), privacy, site.now()
    )
    assert {call_id: found[call_id] for call_id in sent} == sent
    assert {name: found[call_id] for name, call_id in others.items()} == {
        "private": NotOurs("classed Private: not in PrivacyClasses"),
        "not classed": NotOurs("classed Undefined: not in PrivacyClasses"),
        "never": NotOurs("one of its numbers is in NeverLogNumbers"),
        "goes on": NotYet(GOES_ON),
        "nobody's": NotYet(UNKNOWN),
    }
    # The legs of each, and the five hours in which one of them may have come to a queue.
    assert len(site_requests(site)) - before <= len(found) + 5


def site_requests(site: CallsSite) -> list[Any]:
    asked: list[Any] = site.enreach_http.get("requests").json()
    return asked
