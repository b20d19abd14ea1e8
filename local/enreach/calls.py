"""Both feeds, recordings and transcripts (facts 3, 4, 6.3)."""

from collections.abc import Iterable
from typing import Literal
from uuid import uuid4

from local.enreach.assumed import canonical_id
from local.enreach.context import Call
from local.enreach.feed import Event
from local.enreach.messages import ApiError, Response, json_response
from local.enreach.rendering import Style, list_response
from local.enreach.selectors import OneCall, Window, read_selector, read_user_ids

# One silent frame of an MPEG 1 layer III stream: 128 kbit/s, 44.1 kHz, mono.
FRAME = b"\xff\xfb\x90\xc4" + bytes(413)
FRAMES = 40


def user_call_events(call: Call) -> Response:
    """Lists the events that the selector names, of the users that `UserIDs` names."""
    user_ids = read_user_ids(call.query, call.environment)
    if user_ids is None and call.environment.calls_without_user_ids == "own":
        user_ids = frozenset({canonical_id(call.own_id)})
    selector = read_selector(call.query, call.environment, call.organisation.clock.now())
    events = _selected(call, "calls", selector)
    if user_ids is not None:
        events = (event for event in events if event.user_id in user_ids)
    return _answered(call, "calls", events)


def service_calls(call: Call) -> Response:
    """Lists the inbound queue calls of a window. There is no selector by call id."""
    selector = read_selector(call.query, call.environment, call.organisation.clock.now(), by_call=False)
    return _answered(call, "servicecalls", _selected(call, "servicecalls", selector))


def _selected(call: Call, kind: Literal["calls", "servicecalls"], selector: Window | OneCall) -> Iterable[Event]:
    feed = call.organisation.feeds[kind]
    if isinstance(selector, OneCall):
        return feed.of_call(selector.call_id)
    find = feed.started if selector.by == "start" else feed.modified
    return find(selector.start, selector.end, call.environment.window_bounds)


def _answered(call: Call, kind: Literal["calls", "servicecalls"], events: Iterable[Event]) -> Response:
    bodies = [event.body for event in events]
    if call.environment.order == "descending":
        bodies.reverse()
    return list_response(kind, bodies, Style.of(call.environment, call.request))


def recording(call: Call) -> Response:
    """Answers where the recording is: a path below the API endpoint with a token that ends."""
    recording_id = canonical_id(call.names["id"])
    if recording_id not in call.organisation.recordings:
        raise ApiError(404, "There is no such recording.")
    token = uuid4().hex
    end = call.organisation.clock.now() + call.environment.recording_token_s
    call.organisation.recording_tokens[token] = (recording_id, end)
    return json_response({"Id": recording_id, "URL": f"calls/recordings/{recording_id}/content?token={token}"})


def recording_content(call: Call) -> Response:
    """Answers the sound to whoever has a token that still holds."""
    if call.environment.recording_auth == "basic":
        call.organisation.accounts.signed_in(call.request.header("authorization"))
    recording_id, end = call.organisation.recording_tokens.get(call.query.get("token", ""), ("", 0.0))
    if recording_id != canonical_id(call.names["id"]) or end < call.organisation.clock.now():
        raise ApiError(401, "The token is wrong or has expired.")
    return Response(200, FRAME * FRAMES, {"Content-Type": "audio/mpeg"})


def transcript(call: Call) -> Response:
    """Answers a transcript, or that it is still to come."""
    transcript_id = canonical_id(call.names["id"])
    if transcript_id not in call.organisation.transcripts:
        raise ApiError(404, "There is no such transcript.")
    status = call.environment.transcript_status
    text = f"Transcript {transcript_id}." if status == "Completed" else None
    return json_response({"Id": transcript_id, "TranscriptStatus": status, "Text": text})
