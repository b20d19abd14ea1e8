"""Tokens, limits, faults, latency and the control surface."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from local.dataverse.simulator import Simulator

CLIENT = {"grant_type": "client_credentials", "client_id": "c", "client_secret": "s", "scope": "http://x/.default"}
KIND = {"@odata.type": "Microsoft.Dynamics.CRM.contact"}


def test_the_token_endpoint_issues_bearer_tokens(dataverse: Any) -> None:
    url = f"{dataverse.origin}/some-tenant/oauth2/v2.0/token"
    answer = dataverse.http.post(url, data=CLIENT).json()
    assert (answer["token_type"], answer["expires_in"], bool(answer["access_token"])) == ("Bearer", 3600, True)
    for missing in CLIENT:
        response = dataverse.http.post(url, data={name: value for name, value in CLIENT.items() if name != missing})
        assert response.status_code in {400, 401}, missing
        assert "error_description" in response.json()
    assert dataverse.control("GET", "stats").json()["tokens"] == 1
    named = {name: value for name, value in CLIENT.items() if not name.startswith("client_")}
    assert dataverse.http.post(url, data=named, auth=("c", "s")).status_code == 200
    assert dataverse.http.post(url, data=named, headers={"Authorization": "Basic %"}).status_code == 401


def test_a_request_without_a_token_is_refused_and_strict_tokens_refuse_foreign_ones(dataverse: Any) -> None:
    nameless = httpx.get(f"{dataverse.origin}/api/data/v9.2/WhoAmI")
    assert nameless.status_code == 401
    assert nameless.headers["WWW-Authenticate"].startswith("Bearer")
    assert "error" in nameless.json()
    dataverse.environment(strictTokens=True)
    assert dataverse.get("WhoAmI").status_code == 401
    token = dataverse.http.post(f"{dataverse.origin}/t/oauth2/v2.0/token", data=CLIENT).json()["access_token"]
    assert dataverse.get("WhoAmI", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_every_answer_carries_the_service_headers(dataverse: Any) -> None:
    dataverse.environment(dop_hint=17)
    headers = dataverse.get("WhoAmI", headers={"x-ms-client-request-id": "abc"}).headers
    assert headers["x-ms-dop-hint"] == "17"
    assert headers["x-ms-client-request-id"] == "abc"
    assert headers["REQ_ID"] == headers["x-ms-service-request-id"]
    assert int(headers["x-ms-ratelimit-burst-remaining-xrm-requests"]) == 5999
    assert "x-ms-ratelimit-time-remaining-xrm-requests" in headers


def test_the_affinity_cookie_is_a_switch(dataverse: Any) -> None:
    url = f"{dataverse.origin}/api/data/v9.2/WhoAmI"
    bearer = {"Authorization": "Bearer test"}
    assert "Set-Cookie" in httpx.get(url, headers=bearer).headers
    dataverse.environment(affinity_cookie=False)
    assert "Set-Cookie" not in httpx.get(url, headers=bearer).headers


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


def test_too_many_requests_are_refused_until_the_window_has_passed(dataverse: Any) -> None:
    dataverse.environment(request_limit=3)
    assert [dataverse.get("WhoAmI").status_code for _ in range(3)] == [200, 200, 200]
    response = dataverse.get("WhoAmI")
    assert refusal(response) == (
        429,
        "0x80072322",
        "Number of requests exceeded the limit of 3 over time window of 300 seconds.",
    )
    assert 299 <= int(response.headers["Retry-After"]) <= 301
    assert dataverse.control("GET", "stats").json()["throttled"] == 1
    dataverse.environment(window_s=0.05)
    time.sleep(0.1)
    assert dataverse.get("WhoAmI").status_code == 200


def test_too_much_execution_time_is_refused(dataverse: Any) -> None:
    dataverse.environment(execution_limit_ms=20, single_write_ms=30)
    assert dataverse.send("POST", "contacts", {}).status_code == 204
    response = dataverse.get("WhoAmI")
    status, code, message = refusal(response)
    assert (status, code) == (429, "0x80072321")
    assert message.startswith("Combined execution time of incoming requests exceeded limit of 20 milliseconds over")
    assert int(response.headers["Retry-After"]) > 200


def test_too_many_requests_at_once_are_refused_at_once(dataverse: Any) -> None:
    dataverse.environment(max_concurrent=2, latency_ms=600)
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: dataverse.get("WhoAmI"), range(5)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 3
    assert refusal(refused[0])[1:] == ("0x80072326", "Number of concurrent requests exceeded the limit of 2.")
    assert all(answer.headers["Retry-After"].isdigit() for answer in refused)
    assert refused[0].elapsed.total_seconds() < 0.6


def order(dataverse: Any, *rules: dict[str, Any]) -> None:
    assert dataverse.control("POST", "faults", list(rules)).status_code == 200


def test_a_status_fault_strikes_the_matching_request_and_no_other(dataverse: Any) -> None:
    action = {
        "status": 503,
        "code": "0x80044151",
        "message": "SQL timeout",
        "retryAfter": "Wed, 21 Oct 2026 07:28:00 GMT",
    }
    order(dataverse, {"match": {"method": "POST", "table": "contacts", "body": "Unlucky"}, "count": 1, **action})
    assert dataverse.send("POST", "contacts", {"lastname": "Lucky"}).status_code == 204
    response = dataverse.send("POST", "contacts", {"lastname": "Unlucky"})
    assert refusal(response) == (503, "0x80044151", "SQL timeout")
    assert response.headers["Retry-After"] == "Wed, 21 Oct 2026 07:28:00 GMT"
    assert dataverse.send("POST", "contacts", {"lastname": "Unlucky"}).status_code == 204
    assert dataverse.control("GET", "faults").json()[0]["hits"] == 1
    assert len(dataverse.rows("contacts", filter="lastname eq 'Unlucky'")) == 1


@pytest.mark.parametrize(("when", "rows"), [("before", 0), ("after", 1)])
def test_a_dropped_connection_leaves_the_row_only_when_it_is_cut_after_the_commit(
    dataverse: Any, when: str, rows: int
) -> None:
    order(dataverse, {"match": {"path": "/contacts"}, "nth": 1, "action": {"drop": when}})
    with pytest.raises(httpx.RemoteProtocolError):
        dataverse.send("POST", "contacts", {"lastname": "Dropped"})
    assert len(dataverse.rows("contacts", filter="lastname eq 'Dropped'")) == rows


def test_garbled_and_html_answers_keep_their_status(dataverse: Any) -> None:
    order(
        dataverse,
        {"match": {"pathRegex": "WhoAmI$"}, "nth": 1, "garble": True},
        {"match": {"pathRegex": "WhoAmI$"}, "nth": 1, "html": True},
    )
    garbled = dataverse.get("WhoAmI")
    assert garbled.status_code == 200
    with pytest.raises(ValueError, match=r"."):
        garbled.json()
    page = dataverse.get("WhoAmI")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html")


def test_a_delay_and_a_probability_are_honoured_and_repeatable(dataverse: Any) -> None:
    def struck() -> list[bool]:
        order(dataverse, {"match": {"path": "WhoAmI"}, "probability": 0.5, "seed": 7, "status": 500})
        statuses = [dataverse.get("WhoAmI").status_code == 500 for _ in range(20)]
        dataverse.control("DELETE", "faults")
        return statuses

    first = struck()
    assert 3 < sum(first) < 17
    assert struck() == first
    order(dataverse, {"delayMs": 120})
    assert dataverse.get("WhoAmI").elapsed.total_seconds() >= 0.12


def test_a_fault_can_strike_one_part_of_a_batch(dataverse: Any) -> None:
    order(dataverse, {"scope": "part", "match": {"table": "lead"}, "status": 412, "code": "0x80060892"})
    parts = [dataverse.part("POST", name, {"lastname": "A"}) for name in ("contacts", "leads", "contacts")]
    _, answers = dataverse.run_batch(parts, "odata.continue-on-error")
    assert [(answer.status, answer.code) for answer in answers] == [(204, ""), (412, "0x80060892"), (204, "")]


@pytest.mark.parametrize(
    "rule", [{}, {"status": 500, "nosuch": 1}, {"match": {"nosuch": 1}, "status": 500}, {"drop": "during"}]
)
def test_a_rule_that_is_not_understood_is_refused(dataverse: Any, rule: dict[str, Any]) -> None:
    assert dataverse.control("POST", "faults", [rule]).status_code == 400
    assert dataverse.control("GET", "faults").json() == []


def test_stats_count_requests_parts_and_records_and_reset_forgets_them(dataverse: Any) -> None:
    contact = dataverse.create("contacts", {"lastname": "A"})
    dataverse.send("PATCH", f"contacts({contact})", {"lastname": "B"})
    dataverse.run_batch([dataverse.part("POST", "leads", {}), dataverse.part("DELETE", f"contacts({contact})")])
    stats = dataverse.control("GET", "stats").json()
    assert stats["requests"] == {"total": 3, "POST contact": 1, "PATCH contact": 1, "POST $batch": 1}
    assert stats["parts"] == {"total": 2, "POST lead": 1, "DELETE contact": 1}
    assert stats["recordsWritten"] == {
        "created": {"contact": 1, "lead": 1},
        "updated": {"contact": 1},
        "deleted": {"contact": 1},
    }
    dataverse.control("POST", "reset", {"keep": ["stats"]})
    assert dataverse.control("GET", "stats").json()["requests"]["total"] == 3
    dataverse.control("POST", "reset")
    assert dataverse.control("GET", "stats").json()["requests"] == {"total": 0}
    assert dataverse.rows("leads", filter="subject eq null") == []


def rows_without_moments(simulator: Simulator) -> dict[str, list[list[Any]]]:
    found = {}
    for name, table in simulator.store.by_name.items():
        moments = {table.slots.get("createdon"), table.slots.get("modifiedon")}
        found[name] = [[v for slot, v in enumerate(row) if slot not in moments] for row in table.rows.values()]
    return found


def test_nothing_of_what_was_written_is_left_after_a_reset() -> None:
    simulator, fresh = Simulator(), Simulator()
    contacts = simulator.store.by_name["contact"]
    slot = contacts.slots["lastname"]
    assert list(contacts.ids_where(slot, "planted")) == []
    planted = simulator.plant({"contacts": [{"lastname": "Planted"}], "phonecalls": [{"subject": "Call"}]})
    assert list(contacts.ids_where(slot, "planted")) == planted["contacts"]
    with simulator.store.transaction():
        simulator.store.delete(contacts, next(iter(contacts.rows)))
    simulator.reset(frozenset())
    assert rows_without_moments(simulator) == rows_without_moments(fresh)
    assert list(contacts.ids_where(slot, "planted")) == []
    assert (simulator.store.version, simulator.store.written) == (fresh.store.version, fresh.store.written)
    assert contacts.deleted == []
    again = simulator.plant({"contacts": [{"contactid": planted["contacts"][0], "lastname": "Planted"}]})
    assert again == {"contacts": planted["contacts"]}


def test_numbers_of_cases_and_pages_begin_anew_with_a_reset(dataverse: Any) -> None:
    def number_of_a_case() -> str:
        account = dataverse.rows("accounts", top="1")[0]["accountid"]
        body = {"title": "A", "customerid_account@odata.bind": f"/accounts({account})"}
        case = dataverse.create("incidents", body)
        number: str = dataverse.get(f"incidents({case})").json()["ticketnumber"]
        return number.rpartition("-")[0]  # its end is drawn

    first = number_of_a_case()
    assert number_of_a_case() != first
    tracked = "odata.track-changes,odata.maxpagesize=5"
    page = dataverse.get("contacts", prefer=tracked, select="lastname").json()
    further = {"url": page["@odata.nextLink"], "headers": {"Prefer": tracked}}
    assert dataverse.http.get(**further).status_code == 200
    dataverse.control("POST", "reset")
    assert dataverse.http.get(**further).status_code == 400
    assert number_of_a_case() == first


def test_columns_that_were_kept_over_a_reset_go_with_the_next_one(dataverse: Any) -> None:
    column = {"new_kept": {"type": "String", "max_length": 5}}
    tables = {"contact": {"attributes": column, "keys": {"kept": ["new_kept"]}}}
    assert dataverse.control("POST", "columns", {"tables": tables}).status_code == 200
    assert dataverse.get("contacts", filter="new_kept eq 'a'").status_code == 200
    for _ in range(3):
        dataverse.control("POST", "reset", {"keep": ["columns"]})
        assert dataverse.rows("contacts", filter="new_kept eq 'a'") == []
        dataverse.create("contacts", {"lastname": "Holds the key", "new_kept": "a"})
    dataverse.control("POST", "reset")
    assert dataverse.get("contacts", filter="new_kept eq 'a'").status_code == 400


def test_rows_are_planted_with_read_only_columns_and_read_back_whole(dataverse: Any) -> None:
    account = dataverse.rows("accounts", top="1")[0]["accountid"]
    row = {
        "lastname": "Planted",
        "fullname": "As It Is",
        "statecode": 1,
        "statuscode": 2,
        "createdon": "2020-02-02T00:00:00Z",
        "parentcustomerid_account@odata.bind": f"/accounts({account})",
    }
    body: dict[str, Any] = {
        "contacts": [row, {"_parentcustomerid_value": account}],
        "systemusers": [{"isdisabled": True}],
    }
    ids = dataverse.control("POST", "rows", body).json()
    planted = {row["contactid"]: row for row in dataverse.control("GET", "rows?table=contacts").json()}
    first, second = (planted[row_id] for row_id in ids["contacts"])
    assert (first["fullname"], first["statecode"], first["createdon"]) == ("As It Is", 1, "2020-02-02T00:00:00Z")
    assert first["_parentcustomerid_value"] == second["_parentcustomerid_value"] == account
    expanded = dataverse.get(f"contacts({ids['contacts'][1]})", expand="parentcustomerid_account($select=name)")
    assert expanded.json()["parentcustomerid_account"] is not None
    assert dataverse.get(f"systemusers({ids['systemusers'][0]})").json()["isdisabled"] is True
    assert dataverse.control("GET", "stats").json()["recordsWritten"]["created"] == {}


def test_rows_of_an_unknown_shape_are_refused_and_none_is_planted(dataverse: Any) -> None:
    before = len(dataverse.rows("contacts"))
    bodies: list[Any] = [{"contacts": [{}, {"nosuch": 1}]}, {"nosuch": [{}]}, {"contacts": [{"lastname": 5}]}]
    for body in bodies:
        assert dataverse.control("POST", "rows", body).status_code == 400
    assert len(dataverse.rows("contacts")) == before


def test_custom_columns_choices_and_tables_are_as_strict_as_the_rest(dataverse: Any) -> None:
    tables: dict[str, Any] = {
        "systemuser": {"attributes": {"new_enreachuserid": {"type": "String", "max_length": 36}}},
        "incident": {"attributes": {"caseorigincode": {"options": [{"value": 100_000_001, "label": "Enreach"}]}}},
        "new_site": {"attributes": {"name": {"type": "String", "max_length": 10, "required_level": "SystemRequired"}}},
    }
    agent = dataverse.rows("systemusers", filter="firstname eq 'Åsa'")[0]
    address = f"systemusers({agent['systemuserid']})"
    assert dataverse.send("PATCH", address, {"new_enreachuserid": "u1"}).status_code == 400
    assert dataverse.control("POST", "columns", {"tables": tables}).status_code == 200
    assert dataverse.send("PATCH", address, {"new_enreachuserid": "u1"}).status_code == 204
    too_long = dataverse.send("PATCH", address, {"new_enreachuserid": "u" * 37})
    assert too_long.json()["error"]["code"] == "0x80044331"
    assert len(dataverse.rows("systemusers", filter="new_enreachuserid eq 'U1'")) == 1
    case = dataverse.rows("incidents", top="1")[0]["incidentid"]
    assert dataverse.send("PATCH", f"incidents({case})", {"caseorigincode": 100_000_001}).status_code == 204
    assert dataverse.send("PATCH", f"incidents({case})", {"caseorigincode": 1}).status_code == 204
    assert dataverse.send("POST", "new_sites", {}).json()["error"]["code"] == "0x80040200"
    assert dataverse.create("new_sites", {"name": "Oulu"})
    dataverse.control("POST", "reset")
    assert dataverse.get("new_sites").status_code == 404


def test_columns_that_cannot_be_read_change_nothing(dataverse: Any) -> None:
    tables: list[Any] = [{"attributes": {"new_a": {}}}, {"keys": {"k": ["nosuch"]}}, 5]
    for table in tables:
        assert dataverse.control("POST", "columns", {"contact": table}).status_code == 400
    assert dataverse.get("contacts", select="new_a").status_code == 400


def test_an_unknown_setting_is_refused_and_none_is_changed(dataverse: Any) -> None:
    for settings in ({"latency_ms": 5, "nosuch": 1}, {"latency_ms": -1}, {"slots": 0}, {"null_bind": "maybe"}):
        assert dataverse.control("POST", "environment", settings).status_code == 400
    assert dataverse.control("GET", "environment").json()["latency_ms"] == 0


def elapsed(send: Any) -> float:
    started = time.perf_counter()
    response = send()
    assert response.status_code < 300
    return time.perf_counter() - started


def test_each_kind_of_work_costs_what_the_environment_says(dataverse: Any) -> None:
    dataverse.environment(latency_ms=100, bulk_record_ms=20, single_write_ms=200, read_part_ms=60)
    targets = {"Targets": [KIND] * 20}
    assert 0.1 + 0.4 <= elapsed(
        lambda: dataverse.send("POST", "contacts/Microsoft.Dynamics.CRM.CreateMultiple", targets)
    ) < 1.0  # fmt: skip
    parts = [dataverse.part("POST", "contacts", {}), dataverse.part("GET", "WhoAmI")]
    assert 0.1 + 0.26 <= elapsed(lambda: dataverse.run_batch(parts)[0]) < 0.8


def test_an_action_of_a_change_set_costs_as_much_as_any_write(dataverse: Any) -> None:
    queue = dataverse.rows("queues", top="1")[0]["queueid"]
    call = dataverse.create("phonecalls", {"subject": "S"})
    target = {"Target": {"@odata.type": "Microsoft.Dynamics.CRM.phonecall", "activityid": call}}
    change_set = dataverse.change_set(
        [
            dataverse.part("PATCH", f"phonecalls({call})", {"subject": "T"}, "1"),
            dataverse.part("POST", f"queues({queue})/Microsoft.Dynamics.CRM.AddToQueue", target, "2"),
        ]
    )
    dataverse.environment(single_write_ms=100)
    assert 0.2 <= elapsed(lambda: dataverse.run_batch([change_set])[0]) < 0.6


def test_work_waits_for_a_free_slot(dataverse: Any) -> None:
    def three_at_once() -> float:
        started = time.perf_counter()
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: dataverse.send("POST", "contacts", {}), range(3)))
        return time.perf_counter() - started

    dataverse.environment(single_write_ms=100, slots=1)
    assert three_at_once() >= 0.3
    dataverse.environment(slots=3)
    assert three_at_once() < 0.25


def test_the_seed_makes_sense(dataverse: Any) -> None:
    elina = dataverse.rows("contacts", filter="mobilephone eq '+358504545641'", expand="parentcustomerid_account")
    assert [row["fullname"] for row in elina] == ["Elina Korhonen"]
    assert elina[0]["parentcustomerid_account"]["name"] == "Aurinko Energia Oy"
    assert elina[0]["parentcustomerid_account"]["customertypecode"] == 3
    assert len(dataverse.rows("contacts", filter="telephone1 eq '(09) 6221 150'")) == 2
    agents = dataverse.rows("systemusers", filter="employeeid ne null")
    assert len(agents) == 12
    assert [agent["lastname"] for agent in agents if agent["isdisabled"]] == ["Nguyễn"]
    assert {row["name"]: row["status"] for row in dataverse.rows("bookingstatuses")} == {
        "Committed": 2,
        "Proposed": 1,
        "Canceled": 3,
    }
    setup = dataverse.get("msdyn_bookingsetupmetadatas(4beb9fdb-48e9-453f-b008-5862ff902c5d)").json()
    assert setup["msdyn_entitylogicalname"] == "msdyn_shiftplan"
    assert {row["statecode"] for row in dataverse.rows("incidents")} == {0, 1}
    for empty in ("bookableresources", "msdyn_shiftactivitytypes", "msdyn_shiftplans", "bookableresourcebookings"):
        assert dataverse.rows(empty) == []


def test_the_seeded_agents_have_work_numbers_one_a_mobile_only_and_one_who_owns_a_case_none(dataverse: Any) -> None:
    agents = dataverse.rows("systemusers", filter="employeeid ne null")
    work = {agent["employeeid"]: agent["address1_telephone1"] for agent in agents}
    mobile = {agent["employeeid"]: agent["mobilephone"] for agent in agents}
    given = [number for number in (*work.values(), *mobile.values()) if number is not None]
    assert len(given) == 14
    assert len(set(given)) == len(given)
    assert all(re.fullmatch(r"\+358\d{7,9}", number) for number in given)
    siobhan, jose = [number for number in work if work[number] is None]
    assert mobile[siobhan] is not None
    assert mobile[jose] is None
    owned = dataverse.rows("incidents", filter="statecode eq 0", expand="owninguser($select=employeeid)")
    assert jose in {case["owninguser"]["employeeid"] for case in owned}
