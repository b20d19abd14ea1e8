"""`$batch`: change sets, references, stopping and going on, and what is refused."""

from typing import Any

import pytest

CONTACT = {"lastname": "Batch"}
BAD = {"lastname": "x" * 51}


def contacts_named_batch(dataverse: Any) -> int:
    return len(dataverse.rows("contacts", filter="lastname eq 'Batch'"))


def test_parts_are_answered_in_order_with_their_addresses(dataverse: Any) -> None:
    response, answers = dataverse.run_batch(
        [dataverse.part("POST", "contacts", CONTACT), dataverse.part("GET", "WhoAmI"), dataverse.part("GET", "nothing")]
    )
    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    assert [answer.status for answer in answers] == [204, 200, 404]
    assert answers[0].headers["Location"] == answers[0].headers["OData-EntityId"]


def test_a_batch_stops_at_the_first_error_and_keeps_what_was_done(dataverse: Any) -> None:
    parts = [dataverse.part("POST", "contacts", body) for body in (CONTACT, BAD, CONTACT)]
    response, answers = dataverse.run_batch(parts)
    assert response.status_code == 400
    assert [(answer.status, answer.code) for answer in answers] == [(204, ""), (400, "0x80044331")]
    assert contacts_named_batch(dataverse) == 1


def test_a_batch_goes_on_after_an_error_when_asked_to(dataverse: Any) -> None:
    parts = [dataverse.part("POST", "contacts", body) for body in (CONTACT, BAD, CONTACT)]
    response, answers = dataverse.run_batch(parts, "odata.continue-on-error")
    assert response.status_code == 200
    assert [answer.status for answer in answers] == [204, 400, 204]
    assert contacts_named_batch(dataverse) == 2


def test_batches_that_read_are_counted_apart_from_those_that_write(dataverse: Any) -> None:
    reading = [dataverse.part("GET", "WhoAmI"), dataverse.part("GET", "contacts?$top=1")]
    dataverse.run_batch(reading)
    dataverse.run_batch([*reading, dataverse.part("POST", "contacts", CONTACT)])
    dataverse.run_batch([dataverse.change_set([dataverse.part("POST", "contacts", CONTACT, "1")])])
    assert dataverse.control("GET", "stats").json()["batches"] == {"reading": 1, "writing": 2}


def test_a_change_set_refers_to_its_own_new_rows(dataverse: Any) -> None:
    change_set = dataverse.change_set(
        [
            dataverse.part("POST", "contacts", CONTACT, "1"),
            dataverse.part("POST", "incidents", {"title": "T", "customerid_contact@odata.bind": "$1"}, "2"),
            dataverse.part("PATCH", "$1", {"firstname": "Anna"}, "3"),
        ]
    )
    response, answers = dataverse.run_batch([change_set])
    assert response.status_code == 200
    assert b"changesetresponse_" in response.content
    assert b"Content-ID: 2" in response.content
    assert [answer.status for answer in answers] == [204, 204, 204]
    case = dataverse.rows("incidents", filter="title eq 'T'", expand="customerid_contact($select=fullname)")[0]
    assert case["customerid_contact"]["fullname"] == "Anna Batch"


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_failed_change_set_leaves_nothing_and_one_answer(dataverse: Any, wrapped: bool) -> None:
    dataverse.environment(changeset_error_wrapped=wrapped)
    contact = dataverse.create("contacts", {"lastname": "Before"})
    change_set = dataverse.change_set(
        [
            dataverse.part("POST", "contacts", CONTACT, "1"),
            dataverse.part("PATCH", f"contacts({contact})", {"lastname": "After"}, "2"),
            dataverse.part("DELETE", f"contacts({contact})", None, "3"),
            dataverse.part("POST", "contacts", BAD, "4"),
        ]
    )
    written = dataverse.control("GET", "stats").json()["recordsWritten"]
    response, answers = dataverse.run_batch([change_set, dataverse.part("GET", "WhoAmI")], "odata.continue-on-error")
    assert [answer.status for answer in answers] == [400, 200]
    assert (b"changesetresponse" in response.content) is wrapped
    assert contacts_named_batch(dataverse) == 0
    assert dataverse.get(f"contacts({contact})").json()["lastname"] == "Before"
    assert dataverse.control("GET", "stats").json()["recordsWritten"] == written


def test_a_reference_to_another_change_set_is_unknown(dataverse: Any) -> None:
    parts = [
        dataverse.change_set([dataverse.part("POST", "contacts", CONTACT, "1")]),
        dataverse.change_set([dataverse.part("POST", "incidents", {"customerid_contact@odata.bind": "$1"}, "2")], "d"),
    ]
    _, answers = dataverse.run_batch(parts)
    assert answers[1].status == 400
    assert answers[1].body["error"]["message"] == "Content-ID Reference: '$1' does not exist in the batch context."


def test_a_get_or_a_part_without_content_id_is_refused_in_a_change_set(dataverse: Any) -> None:
    read = dataverse.change_set([dataverse.part("GET", "WhoAmI", None, "1")])
    nameless = dataverse.change_set([dataverse.part("POST", "contacts", CONTACT)])
    for body, code in ((read, "0x80040203"), (nameless, "0x80060888")):
        response, _ = dataverse.run_batch([body])
        assert (response.status_code, response.json()["error"]["code"]) == (400, code)
    assert contacts_named_batch(dataverse) == 0


def test_a_batch_inside_a_batch_and_the_1001st_request_are_refused(dataverse: Any) -> None:
    _, answers = dataverse.run_batch([dataverse.part("POST", "$batch")])
    assert answers[0].status == 400
    response, _ = dataverse.run_batch([dataverse.part("GET", "WhoAmI")] * 1001)
    assert response.status_code == 400
    assert len(dataverse.run_batch([dataverse.part("GET", "WhoAmI")] * 1000)[1]) == 1000


def test_a_body_that_is_no_batch_is_refused_in_plain_json(dataverse: Any) -> None:
    response = dataverse.send("POST", "$batch", {})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80048d19")
    unfinished = dataverse.batch("--b\r\nContent-Type: application/http\r\n\r\nGET /api/data/v9.2/WhoAmI HTTP/1.1\r\n")
    assert unfinished.status_code == 400


@pytest.mark.parametrize("boundary", ['"b"', "b"], ids=["quoted", "bare"])
@pytest.mark.parametrize("line_break", ["\r\n", "\n"], ids=["CRLF", "LF"])
def test_boundaries_and_line_breaks_of_both_kinds_are_read(dataverse: Any, boundary: str, line_break: str) -> None:
    part = dataverse.part("POST", f"{dataverse.origin}/api/data/v9.2/contacts", CONTACT)
    body = f"--b\r\n{part}--b--\r\n".replace("\r\n", line_break)
    assert dataverse.batch(body, boundary=boundary).status_code == 200
    assert contacts_named_batch(dataverse) == 1


def test_a_part_has_its_own_preferences_and_a_longer_url(dataverse: Any) -> None:
    long = f"contacts?$select=fullname&$top=1&x={'a' * 60_000}"
    prefer = "Prefer: return=representation\r\n"
    _, answers = dataverse.run_batch(
        [
            dataverse.part("POST", "contacts?$select=lastname", CONTACT, headers=prefer),
            dataverse.part("GET", long),
            dataverse.part("GET", long + "a" * 6_000),
        ],
        "odata.continue-on-error",
    )
    assert [answer.status for answer in answers] == [201, 200, 414]
    assert answers[0].body["lastname"] == "Batch"


def test_bulk_messages_run_inside_a_batch(dataverse: Any) -> None:
    targets = [{"@odata.type": "Microsoft.Dynamics.CRM.contact", **CONTACT}] * 3
    _, answers = dataverse.run_batch(
        [dataverse.part("POST", "contacts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": targets})]
    )
    assert len(answers[0].body["Ids"]) == 3
    assert contacts_named_batch(dataverse) == 3
