"""HTTP functions as their callers see them through the local host."""

from typing import Any

import pytest


def test_an_async_function_gets_route_values_query_headers_and_body(host: Any) -> None:
    answer = host.client.post(
        f"{host.url}/v1/items/7?a=1&empty=&a=2", content=b'{"x": 1}', headers={"X-Probe": "Probe", "X-UPPER": "u"}
    )
    seen = answer.json()
    assert (answer.status_code, answer.headers["x-answer"]) == (201, "42")
    assert answer.headers["content-type"] == "application/json"
    assert (seen["method"], seen["id"], seen["header"], seen["body"]) == ("POST", "7", "Probe", '{"x": 1}')
    assert seen["params"] == {"a": "1,2"}
    assert seen["url"] == f"{host.url}/v1/items/7?a=1&empty=&a=2"
    assert "x-upper" in seen["names"]
    assert [name for name in seen["names"] if name != name.lower()] == []


def test_a_body_of_any_shape_reaches_the_function(host: Any) -> None:
    body = b"[" * 100_000
    assert host.client.post(f"{host.url}/v1/items", content=body).json()["body"] == body.decode()


def test_an_optional_route_value_that_is_missing_is_absent(host: Any) -> None:
    assert host.client.get(f"{host.url}/v1/items").json()["id"] is None


def test_a_str_result_is_a_text_answer_and_the_default_route_is_the_function_name(host: Any) -> None:
    answer = host.client.get(f"{host.url}/v1/default_route?who=you")
    assert (answer.status_code, answer.text) == (200, "text for you")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("files/a/b/c.txt", "a/b/c.txt", id="catch-all takes slashes"),
        pytest.param("files/readme", "the literal route", id="a literal wins over the catch-all"),
        pytest.param("FILES/ReadMe", "the literal route", id="routes ignore case"),
        pytest.param("files", "-", id="catch-all may be empty"),
        pytest.param("files/a%20b%2Fc", "a b%2Fc", id="an encoded slash stays encoded"),
    ],
)
def test_route_templates(host: Any, path: str, text: str) -> None:
    assert host.client.get(f"{host.url}/v1/{path}").text == text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("DELETE", "/v1/items/7", id="wrong method is 404, not 405"),
        pytest.param("HEAD", "/v1/items/7", id="HEAD is not added to GET"),
        pytest.param("GET", "/v1/items/seven", id="the constraint does not hold"),
        pytest.param("GET", "/items/7", id="without the prefix"),
        pytest.param("GET", "/api/items/7", id="the default prefix is replaced"),
        pytest.param("GET", "/v1/unknown", id="unknown route"),
    ],
)
def test_what_matches_no_function_is_404_with_an_empty_body(host: Any, method: str, path: str) -> None:
    answer = host.client.request(method, host.url + path)
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("path", [pytest.param("fail", id="raises"), pytest.param("nothing", id="returns None")])
def test_a_failed_function_is_500_with_an_empty_body(host: Any, path: str) -> None:
    answer = host.client.get(f"{host.url}/v1/{path}")
    assert (answer.status_code, answer.content) == (500, b"")


def test_the_log_names_each_run_and_why_it_failed(host: Any) -> None:
    host.client.get(f"{host.url}/v1/default_route")
    host.client.get(f"{host.url}/v1/fail")
    assert "Executing Functions.default_route (" in host.log
    assert "Executed Functions.default_route (Succeeded, " in host.log
    assert "a line from the function" in host.log
    failed = next(line for line in host.log.splitlines() if "Executed Functions.fail (Failed" in line)
    assert failed.endswith("ValueError: a failing function")


def test_cookies_arrive_with_their_attributes(host: Any) -> None:
    one, two = host.client.get(f"{host.url}/v1/cookies").headers.get_list("set-cookie")
    assert set(one.split("; ")) == {"one=1", "Path=/v1", "HttpOnly", "SameSite=Lax", "Max-Age=60"}
    assert set(two.split("; ")) == {"two=2", "Path=/", "Secure", "expires=Fri, 01 Jan 2100 00:00:00 GMT"}


def test_the_context_continues_the_trace_of_the_caller(host: Any) -> None:
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {"traceparent": f"00-{trace_id}-{span_id}-01"}
    name, invocation_id, parent = host.client.get(f"{host.url}/v1/context", headers=headers).text.split()
    assert (name, len(invocation_id)) == ("context_probe", 36)
    assert parent.startswith(f"00-{trace_id}-")
    assert span_id not in parent


def test_outputs_of_an_http_function_reach_queue_and_blob(host: Any, storage: Any) -> None:
    answer = host.client.post(f"{host.url}/v1/fan-out", json={"folder": "north"})
    assert answer.text == "sent"
    assert storage.messages("fanned") == ["one", "two", "three"]
    (name,) = storage.blobs.get_container_client("copies").list_blob_names(name_starts_with="north/")
    assert storage.read("copies", name) == b"a copy"


def test_an_output_path_without_a_value_fails_the_run(host: Any) -> None:
    assert host.client.post(f"{host.url}/v1/fan-out", json={}).status_code == 500
    assert "LookupError: No value for named parameter 'folder'." in host.log


def test_settings_come_from_the_file_unless_the_environment_has_them(host: Any) -> None:
    assert host.client.get(f"{host.url}/v1/setting/WORK_QUEUE").text == "work"
    assert host.client.get(f"{host.url}/v1/setting/GREETING").text == "from the environment"


def test_the_start_lists_functions_with_routes_and_triggers(host: Any) -> None:
    lines = {line.strip() for line in host.log.splitlines()}
    assert f"items: [GET,POST] {host.url}/v1/items/{{id:int?}}" in lines
    assert {
        "work: queueTrigger work",
        "tick: timerTrigger */1 * * * * *",
        "copy_blob: blobTrigger inbox/{name}",
    } <= lines


def test_an_empty_route_prefix_and_an_empty_route(start_host: Any, new_storage: Any) -> None:
    host = start_host("plain_app", new_storage())
    assert host.client.get(f"{host.url}/").text == "the root"
    assert host.client.get(f"{host.url}/hello").text == "hello"
    assert host.client.get(f"{host.url}/api/hello").status_code == 404


def test_the_admin_endpoint_lists_functions_and_refuses_what_it_cannot_run(host: Any) -> None:
    functions = {item["name"]: item for item in host.client.get(f"{host.url}/admin/functions").json()}
    assert functions["work"]["config"]["bindings"][0]["queueName"] == "work"
    assert host.client.post(f"{host.url}/admin/functions/unknown", json={"input": ""}).status_code == 404
    assert host.client.post(f"{host.url}/admin/functions/items", json={"input": ""}).status_code == 400
    assert host.client.post(f"{host.url}/admin/functions/work", content=b"[1]").status_code == 400


def test_a_disabled_function_is_not_served(start_host: Any, new_storage: Any) -> None:
    host = start_host("plain_app", new_storage(), {"AzureWebJobs.hello.Disabled": "true"})
    assert host.client.get(f"{host.url}/hello").status_code == 404
    assert host.client.get(f"{host.url}/").text == "the root"
