"""Discovery, keys, credentials, paths, the rate limit."""

from typing import Any

import httpx
import pytest

from local.enreach.seed import API_PASSWORD, API_SECRET_KEY, API_USER
from local.enreach.service import ROUTES


@pytest.mark.parametrize("path", ["/api/user", "/api/user/"])
def test_discovery_names_the_api_host_without_credentials(enreach: Any, path: str) -> None:
    response = httpx.get(enreach.origin + path, params={"user": API_USER})
    assert response.json() == [
        {
            "siloName": "Silo01",
            "username": API_USER,
            "apiEndpoint": f"{enreach.origin}/",
            "uiEndpoint": f"{enreach.origin}/ui/",
            "authority": None,
            "authorityIdPHint": None,
            "basicAuthEndpoint": f"{enreach.origin}/",
        }
    ]
    assert httpx.post(enreach.origin + path, json={"user": API_USER}).json() == response.json()


def test_discovery_knows_users_in_any_case_and_nobody_else(enreach: Any) -> None:
    assert len(enreach.items("/api/user", user="aSa.lindqvist@Nordic-Care.example")) == 1
    assert enreach.items("/api/user", user="nobody@example.com") == []
    assert enreach.get("/api/user").status_code == 400


def test_the_endpoint_may_come_without_a_slash_and_elsewhere(enreach: Any) -> None:
    enreach.environment(endpoint_slash=False)
    assert enreach.items("/api/user", user=API_USER)[0]["apiEndpoint"] == enreach.origin
    enreach.environment(api_endpoint="http://127.0.0.1:1/")
    assert enreach.items("/api/user", user=API_USER)[0]["apiEndpoint"] == "http://127.0.0.1:1"


def test_a_moved_silo_is_found_by_discovery_and_the_old_place_answers_404(enreach: Any) -> None:
    assert enreach.get("/users/me").status_code == 200
    enreach.environment(silo="silo02")
    assert enreach.get("/users/me").status_code == 404
    [place] = enreach.items("/api/user", user=API_USER)
    assert place["siloName"] == "silo02"
    assert enreach.get(f"{place['apiEndpoint']}users/me").status_code == 200


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_password_acquires_the_secret_key(enreach: Any, slash: str) -> None:
    body = {"UserName": API_USER.upper(), "Password": API_PASSWORD}
    response = httpx.post(f"{enreach.origin}/authuser/{API_USER}{slash}", json=body)
    assert response.status_code == 200
    assert response.json() == {"SecretKey": API_SECRET_KEY, "UserID": enreach.get("/users/me").json()["Id"]}


@pytest.mark.parametrize(
    ("user", "body", "status"),
    [
        pytest.param(API_USER, {"UserName": API_USER, "Password": "wrong"}, 401, id="wrong password"),
        pytest.param(API_USER, {"UserName": API_USER, "Password": API_SECRET_KEY}, 401, id="the key as password"),
        pytest.param("other@ex.com", {"UserName": API_USER, "Password": API_PASSWORD}, 401, id="another user"),
        pytest.param(API_USER, {"UserName": API_USER, "Password": ""}, 401, id="empty"),
        pytest.param(API_USER, {"Password": API_PASSWORD}, 400, id="no user name"),
        pytest.param(API_USER, [], 400, id="no object"),
    ],
)
def test_anything_else_acquires_nothing(enreach: Any, user: str, body: Any, status: int) -> None:
    assert httpx.post(f"{enreach.origin}/authuser/{user}", json=body).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param(httpx.BasicAuth(API_USER, "wrong"), id="wrong key"),
        pytest.param(httpx.BasicAuth(API_USER, API_PASSWORD), id="the password in place of the key"),
        pytest.param(httpx.BasicAuth("nobody@example.com", API_SECRET_KEY), id="another user"),
        pytest.param(httpx.BasicAuth(API_USER, ""), id="empty key"),
        pytest.param({"Authorization": f"Bearer {API_SECRET_KEY}"}, id="a bearer token"),
        pytest.param({"Authorization": "Basic !!!"}, id="no base64"),
    ],
)
def test_all_else_needs_the_secret_key(enreach: Any, headers: Any) -> None:
    auth = headers if isinstance(headers, httpx.BasicAuth) else None
    with httpx.Client(base_url=enreach.origin, auth=auth, headers=headers if auth is None else {}) as client:
        guarded = [route for route in ROUTES if not route.is_open]
        statuses = {client.request(route.method, route.template).status_code for route in guarded}
    assert statuses == {401}


def test_a_planted_user_signs_in_and_its_credentials_are_never_answered(enreach: Any) -> None:
    enreach.plant("users", {"Id": "u", "UserName": "New@ex.com", "SecretKey": "k1", "Password": "p1"})
    listed = enreach.control("GET", "users").text + enreach.get("/users").text
    assert "New@ex.com" in listed
    assert not {"SecretKey", "Password", "k1", "p1"} & set(listed.replace('"', " ").split())
    assert httpx.get(f"{enreach.origin}/users/me", auth=("new@EX.com", "k1")).json()["Id"] == "u"
    enreach.plant("users", {"Id": "u", "UserName": "New@ex.com", "SecretKey": "k2"})
    assert httpx.get(f"{enreach.origin}/users/me", auth=("new@ex.com", "k1")).status_code == 401
    assert httpx.get(f"{enreach.origin}/users/me", auth=("new@ex.com", "k2")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/users/", 200),
        ("GET", "/queues/", 200),
        ("GET", "/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/users/me/nothing", 404),
        ("POST", "/users", 405),
        ("DELETE", "/calls", 405),
        ("GET", "/servicecalls", 404),
    ],
)
def test_paths_take_a_slash_at_the_end_and_no_others_answer(enreach: Any, method: str, path: str, status: int) -> None:
    assert enreach.http.request(method, path).status_code == status


def test_a_renamed_path_answers_alone(enreach: Any) -> None:
    enreach.environment(paths={"/callbacks/lists": "/callbacklists", "/callbacks": "/callcases"})
    statuses = {path: enreach.get(path).status_code for path in ("/callbacklists", "/callcases", "/callbacks")}
    assert statuses == {"/callbacklists": 200, "/callcases": 200, "/callbacks": 404}
    assert enreach.get("/callbacks/lists").status_code == 404


def test_of_renamed_paths_the_longest_decides(enreach: Any) -> None:
    enreach.environment(paths={"/callbacks": "/cases", "/callbacks/lists": "/cases/all"})
    assert enreach.items("/cases/all") == enreach.control("GET", "callbacklists").json()
    assert enreach.items("/cases") == []


@pytest.mark.parametrize(("pause", "header"), [(0, None), (7, "7")])
def test_a_rate_limit_holds_for_a_minute_with_and_without_retry_after(
    enreach: Any, pause: int, header: str | None
) -> None:
    enreach.accepted("clock", {"now": "2026-03-02T08:00:00Z", "running": False})
    enreach.environment(requests_per_minute=2, retry_after_s=pause)
    assert [enreach.get("/users").status_code for _ in range(3)] == [200, 200, 429]
    assert enreach.get("/users").headers.get("Retry-After") == header
    enreach.accepted("clock", {"now": "2026-03-02T08:01:00Z", "running": False})
    assert enreach.get("/users").status_code == 200
    assert enreach.stats()["throttled"] == 2


@pytest.mark.parametrize(
    ("form", "body"), [("json", '{"Status": 404, "Message": '), ("text", "There is nothing"), ("empty", "")]
)
def test_the_body_of_a_refusal_is_a_switch(enreach: Any, form: str, body: str) -> None:
    enreach.environment(error_body=form)
    text = enreach.get("/nothing").text
    assert text.startswith(body)
    assert bool(text) == bool(body)
