"""The OpenAPI description of the routing webhook cannot rot: it is held to the models and to the function."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

from functions.smart_routing.messages import LARGEST_BODY, BadRequestError, RouteRequest, read_request
from shared.routing_key import SHORTEST_KEY
from tests.openapi import PATH, document, operation, questions

PROSE = {"title", "description", "examples"}


def contract(schema: object) -> object:
    """A schema without prose, with "this or null" written in one way."""
    if isinstance(schema, list):
        return [contract(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    bare = {name: contract(value) for name, value in schema.items() if name not in PROSE}
    match bare.pop("anyOf", None):
        case None:
            return bare
        case [{"type": kind, **rest}, {"type": "null"}]:
            return {**bare, **rest, "type": [kind, "null"]}
        case other:
            return {**bare, "anyOf": other}


def schemas() -> dict[str, Any]:
    named: dict[str, Any] = document()["components"]["schemas"]
    return named


def schema_of(content: dict[str, Any]) -> jsonschema_rs.Validator:
    """The schema behind a reference of the document."""
    (name,) = re.findall(r"^#/components/schemas/(\w+)$", content["schema"]["$ref"])
    return jsonschema_rs.validator_for(schemas()[name])


def examples(content: dict[str, Any]) -> list[Any]:
    return [example["value"] for example in content["examples"].values()]


@pytest.mark.parametrize("path", sorted(PATH.parent.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_description_is_openapi(path: Path) -> None:
    described = schemathesis.openapi.from_path(path)
    described.validate()
    assert described.raw_schema["openapi"].startswith("3.1.")


def test_the_description_has_the_route_and_nothing_else() -> None:
    assert list(document()["paths"]) == ["/api/smart-routing"]
    assert list(document()["paths"]["/api/smart-routing"]) == ["post"]
    assert list(operation()["responses"]) == ["200", "204", "400", "401"]


def test_a_request_is_described_as_the_model_reads_it() -> None:
    assert contract(schemas()["RouteRequest"]) == contract(RouteRequest.model_json_schema())


def test_the_largest_body_is_that_of_the_reader() -> None:
    body = operation()["requestBody"]
    assert body["x-max-bytes"] == LARGEST_BODY
    assert f"{LARGEST_BODY:,} bytes" in body["description"]


def test_every_question_of_the_description_is_read() -> None:
    schema = schema_of(operation()["requestBody"]["content"]["application/json"])
    for name, question in questions().items():
        schema.validate(question)
        read = read_request(json.dumps(question).encode())
        wanted = (question["anum"], question["bnum"], question.get("extradata"))
        assert (read.anum, read.bnum, read.extradata) == wanted, name
    assert len(questions()) >= 4


VALUES: list[object] = ["x", "", " ", "\x1f", "\x85", "\ufeff", "\u200b", 7, None, True, [], {}]
QUESTIONS: list[dict[str, object]] = [{"bnum": value} for value in VALUES]
QUESTIONS += [{"bnum": "1", key: value} for key in ("anum", "targetid", "extradata") for value in VALUES]
QUESTIONS += [{}, {"anum": "1"}, {"bnum": "1", "more": [1]}]


@pytest.mark.parametrize("question", QUESTIONS, ids=ascii)
def test_the_description_and_the_reader_agree(question: dict[str, object]) -> None:
    described = jsonschema_rs.validator_for(schemas()["RouteRequest"]).is_valid(question)
    try:
        read_request(json.dumps(question).encode())
    except BadRequestError:
        assert not described
    else:
        assert described


@pytest.mark.parametrize("status", ["200", "400"])
def test_every_answer_of_the_description_fits_its_schema(status: str) -> None:
    ((media_type, content),) = operation()["responses"][status]["content"].items()
    assert media_type == {"200": "application/json", "400": "application/problem+json"}[status]
    for answer in examples(content):
        schema_of(content).validate(answer)


@pytest.mark.parametrize("status", ["204", "401"])
def test_the_other_answers_are_empty(status: str) -> None:
    assert "content" not in operation()["responses"][status]


def test_either_key_is_enough() -> None:
    assert document()["security"] == [{"apiKey": []}, {"basic": []}]
    schemes = document()["components"]["securitySchemes"]
    assert f"at least {SHORTEST_KEY} characters" in schemes["apiKey"]["description"]
    assert "security" not in operation()
