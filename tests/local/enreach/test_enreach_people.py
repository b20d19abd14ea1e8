"""Users, availability, queues, the directory, recordings and transcripts."""

from typing import Any

import httpx
import pytest

from local.enreach.seed import API_USER, item_id

RECORDING = "5b0e0a8c-94a7-4f6e-8d3f-0a1b2c3d4e5f"


def test_the_seed_has_logins_in_mixed_case_one_without_a_dynamics_user_and_the_caller(enreach: Any) -> None:
    users = enreach.items("/users")
    logins = {user["UserName"] for user in users}
    assert {"Asa.Lindqvist@nordic-care.example", "ZOE.VANTHOFF@nordic-care.example", API_USER} < logins
    assert "night.desk@nordic-care.example" in logins
    assert {"Id", "UserName", "FirstName", "LastName", "MobileNumber", "WorkNumber", "OrganizationID"} == set(users[0])
    me = enreach.get("/users/me").json()
    assert me in users
    assert me["UserName"] == API_USER


def test_one_user_is_found_by_id_in_any_case(enreach: Any) -> None:
    user_id = item_id("user", "anna.virtanen")
    assert enreach.get(f"/users/{user_id.upper()}").json()["FirstName"] == "Anna"
    assert enreach.get("/users/0").status_code == 404


def test_a_user_planted_again_is_replaced_and_doubles_stay(enreach: Any) -> None:
    enreach.control("DELETE", "users")
    enreach.plant("users", {"Id": "a", "UserName": "a@ex.com"}, {"Id": "a", "UserName": "b@ex.com"})
    assert [user["UserName"] for user in enreach.items("/users")] == ["a@ex.com", "b@ex.com"]
    assert enreach.get("/users/a").json()["UserName"] == "a@ex.com"
    enreach.plant("users", {"Id": "A", "UserName": "c@ex.com"})
    assert [user["UserName"] for user in enreach.items("/users")] == ["c@ex.com"]
    assert enreach.get("/users/me").json()["UserName"] == API_USER  # its account stays


def test_availability_is_set_answered_and_ended(enreach: Any) -> None:
    anna = item_id("user", "anna.virtanen")
    current = f"/users/{anna}/availability/current"
    assert enreach.get(current).json()["EventTypeID"] == 1
    body = {"EventTypeID": 3, "EventSource": "test", "Note": "away", "UserID": anna}
    event = enreach.http.post(f"/users/{anna}/availability", json=body).json()
    assert enreach.get(current).json() == event
    assert (event["EventTypeID"], event["Note"]) == (3, "away")
    assert enreach.http.delete(f"/users/{anna}/availability/{event['Id']}").status_code == 204
    assert enreach.get(current).json()["EventTypeID"] == 1
    assert enreach.http.delete(f"/users/{anna}/availability/{event['Id']}").status_code == 404
    assert enreach.get("/users/me/availability/current").status_code == 200


@pytest.mark.parametrize("body", [{}, {"EventTypeID": "3"}, {"EventTypeID": 3, "UserID": "another"}], ids=str)
def test_an_availability_that_makes_no_sense_is_refused(enreach: Any, body: dict[str, Any]) -> None:
    assert enreach.http.post("/users/me/availability", json=body).status_code == 400


def test_queues_have_types_may_lack_status_and_numbers_and_are_filtered_by_user(enreach: Any) -> None:
    enreach.plant("queues", {"Id": "q", "Name": "Sales", "UserIds": ["U1"]})
    queues = enreach.items("/queues")
    assert {"Id": "q", "Name": "Sales", "TypeId": 4, "Numbers": [], "Status": None} in queues
    assert {2, 4, 7} <= {queue["TypeId"] for queue in queues}
    assert any(queue["Status"] and queue["Status"]["OpenStatus"] == 5 for queue in queues)
    assert "q" in {queue["Id"] for queue in enreach.items("/queues", OnlyForUser="u1")}
    assert "q" not in {queue["Id"] for queue in enreach.items("/queues", OnlyForUser="u2")}


def test_the_directory_lists_users_and_queues_by_type_and_number(enreach: Any) -> None:
    [directory] = enreach.items("/directory")
    path = f"/directory/{directory['ID']}"
    queues = enreach.get(path, EntryTypes="2", MaxCount="1000").json()["Entries"]
    assert {entry["LastName"] for entry in queues} >= {"Support", "VIP support"}
    assert all(entry["QueueId"] for entry in queues)
    assert len(enreach.get(path, MaxCount="3").json()["Entries"]) == 3
    for number in ("+358505550017", "358505550017"):
        [entry] = enreach.get(path, Number=number).json()["Entries"]
        assert entry["Email"] == "Asa.Lindqvist@nordic-care.example"
    assert enreach.get(path, MaxCount="many").status_code == 400
    assert enreach.get("/directory/0").status_code == 404


def test_a_recording_is_fetched_by_a_relative_url_whose_token_ends(enreach: Any) -> None:
    enreach.accepted("clock", {"now": "2026-03-02T08:00:00Z", "running": False})
    enreach.plant("calls", {"RecordingIds": [RECORDING]})
    url = enreach.get(f"/calls/recordings/{RECORDING}").json()["URL"]
    assert not url.startswith(("/", "http"))
    assert "?token=" in url
    answer = httpx.get(f"{enreach.origin}/{url}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/mpeg")
    assert answer.content[:2] == b"\xff\xfb"
    enreach.accepted("clock", {"now": "2026-03-02T08:05:01Z", "running": False})
    assert httpx.get(f"{enreach.origin}/{url}").status_code == 401


def test_the_sound_of_another_recording_needs_its_own_token(enreach: Any) -> None:
    enreach.plant("calls", {"RecordingIds": [RECORDING, "other"]})
    token = enreach.get(f"/calls/recordings/{RECORDING}").json()["URL"].partition("?")[2]
    assert httpx.get(f"{enreach.origin}/calls/recordings/other/content?{token}").status_code == 401
    enreach.environment(recording_auth="basic")
    own = f"{enreach.origin}/calls/recordings/{RECORDING}/content?{token}"
    assert httpx.get(own).status_code == 401
    assert enreach.get(own).status_code == 200


def test_an_unknown_recording_or_transcript_is_not_found(enreach: Any) -> None:
    assert enreach.get(f"/calls/recordings/{RECORDING}").status_code == 404
    assert enreach.get(f"/calls/transcripts/{RECORDING}").status_code == 404


def test_a_transcript_is_complete_or_pending(enreach: Any) -> None:
    enreach.plant("calls", {"TranscriptIds": ["t1"]})
    assert enreach.get("/calls/transcripts/t1").json()["TranscriptStatus"] == "Completed"
    enreach.environment(transcript_status="Pending")
    assert enreach.get("/calls/transcripts/t1").json() == {"Id": "t1", "TranscriptStatus": "Pending", "Text": None}
