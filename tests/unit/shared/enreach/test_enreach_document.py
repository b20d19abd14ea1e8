"""`enreach.json`: its defaults are the assumed names, and what could lead a request astray is refused."""

import json
from typing import Any

import pytest

from shared.config_documents import BadDocumentError, json_document
from shared.enreach.document import EnreachDocument

parse = json_document(EnreachDocument)


def test_every_key_may_be_left_out() -> None:
    assert parse(b"{}") == EnreachDocument()


def test_what_is_given_replaces_its_default_alone() -> None:
    document = parse(b'{"paths": {"users": "/people"}, "fields": {"users": {"userName": ["Login", "Mail"]}}}')
    assert (document.paths.users, document.paths.calls) == ("/people", "/calls")
    assert (document.fields_.users.user_name, document.fields_.users.id) == (("Login", "Mail"), ("Id",))


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"paths": {"users": "users"}}, "paths.users: "),
    ({"paths": {"users": "https://evil.example/users"}}, "paths.users: "),
    ({"paths": {"users": "//evil.example/users"}}, "paths.users: "),
    ({"paths": {"users": "/users?x=1"}}, "paths.users: "),
    ({"paths": {"users": "/../users"}}, "paths.users: "),
    ({"paths": {"users": "/users/{id}"}}, "paths.users: "),
    ({"paths": {"recording": "/recordings"}}, "paths.recording: "),
    ({"paths": {"recording": "/recordings/{id}/{id}"}}, "paths.recording: "),
    ({"paths": {"callers": "/callers"}}, "paths.callers: "),
    ({"fields": {"calls": {"caller": []}}}, "fields.calls.caller: "),
    ({"fields": {"calls": {"caller": "ANum"}}}, "fields.calls.caller: "),
    ({"fields": {"calls": {"caller": [" "]}}}, "fields.calls.caller.0: "),
    ({"fields": {"legs": {}}}, "fields.legs: "),
    ({"values": {"privacy": {"work": ["1"], "private": ["1"]}}}, "values.privacy: "),
    ({"values": {"privacy": {"work": ["private"]}}}, "values.privacy: "),
    ({"values": {"privacy": {"secret": ["1"]}}}, "values.privacy.secret: "),
    ({"callbackParameters": {"listIds": "List&Ids"}}, "callbackParameters.listIds: "),
    ({"userIdsPerRequest": 101}, "userIdsPerRequest: "),
    ({"userIdsPerRequest": True}, "userIdsPerRequest: "),
]


@pytest.mark.parametrize(("document", "place"), BROKEN)
def test_a_broken_document_is_refused_with_its_place(document: dict[str, Any], place: str) -> None:
    with pytest.raises(BadDocumentError) as raised:
        parse(json.dumps(document).encode())
    assert str(raised.value).startswith(place)
    assert "evil" not in str(raised.value)
