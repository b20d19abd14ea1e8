"""`$batch` ("Execute batch operations using the Web API"): parses the multipart body, runs it, answers in kind."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from uuid import uuid4

from local.dataverse.environment import Environment
from local.dataverse.errors import DataverseError, invalid_argument, unreadable_payload
from local.dataverse.messages import Request, Response, error_response
from local.dataverse.service import Service
from local.dataverse.session import Session

MOST_REQUESTS = 1000
BOUNDARY = re.compile(r"""multipart/mixed\s*;(?:.*;)?\s*boundary=(?:"([^"]+)"|([^\s;"]+))""", re.IGNORECASE)
METHOD = re.compile(r"[A-Z]+")
ENTITY_ID = re.compile(r"/(\w+)\(([0-9a-f-]{36})\)$")

type Watch = Callable[[Request], Response | None]


@dataclass(frozen=True)
class Part:
    """One request of the batch; its Content-ID is empty when it has none."""

    request: Request
    content_id: str


@dataclass(frozen=True)
class ChangeSet:
    """Requests that succeed or fail together."""

    parts: tuple[Part, ...]


class ChangeSetFailedError(Exception):
    """Carries the answer of the part that failed out of the transaction."""

    def __init__(self, part: Part, response: Response) -> None:
        super().__init__(response.status)
        self.part = part
        self.response = response


def read_batch(request: Request) -> list[Part | ChangeSet]:
    """Returns the parts of a batch body, or refuses it."""
    steps = [_read_step(headers, content) for headers, content in _split(request.body, _boundary(request))]
    count = sum(len(step.parts) if isinstance(step, ChangeSet) else 1 for step in steps)
    if count > MOST_REQUESTS:
        raise invalid_argument(
            f"The batch has {count} requests. The maximum number of requests in a batch is {MOST_REQUESTS}."
        )
    return steps


def _boundary(request: Request) -> bytes:
    match = BOUNDARY.match(request.header("content-type"))
    if match is None:
        raise unreadable_payload("", "The Content-Type of a batch must be multipart/mixed with a boundary.")
    return (match[1] or match[2]).encode()


def _split(body: bytes, boundary: bytes) -> list[tuple[Mapping[str, str], bytes]]:
    """JSON holds no bare line break inside a string, so that CRLF and LF can be made one."""
    pieces = (b"\n" + _with_line_feeds(body)).split(b"\n--" + boundary)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise unreadable_payload("", f"The multipart body does not end with the boundary '{boundary.decode()}'.")
    return [_head_and_content(piece.partition(b"\n")[2]) for piece in pieces[1:-1]]


def _with_line_feeds(body: bytes) -> bytes:
    """Makes LF of each CRLF. Looking for one byte takes a twentieth of the time that looking for two of them takes."""
    first, *pieces = body.split(b"\r")
    return first + b"".join([piece if piece.startswith(b"\n") else b"\r" + piece for piece in pieces])


def _head_and_content(text: bytes) -> tuple[Mapping[str, str], bytes]:
    head, _, content = (b"\n" + text).partition(b"\n\n")
    return _headers(head), content


@lru_cache(maxsize=128)
def _headers(head: bytes) -> Mapping[str, str]:
    """The parts of a batch mostly have the same ones."""
    headers = {}
    for line in head.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers


def _read_step(headers: Mapping[str, str], content: bytes) -> Part | ChangeSet:
    kind = headers.get("content-type", "")
    if kind.startswith("multipart/mixed"):
        inner = Request("POST", "", "", headers, content)
        return ChangeSet(tuple(_changeset_part(h, c) for h, c in _split(content, _boundary(inner))))
    return _read_part(headers, content)


def _changeset_part(headers: Mapping[str, str], content: bytes) -> Part:
    if headers.get("content-type", "").startswith("multipart/mixed"):
        raise invalid_argument("A change set must not lie inside another change set.")
    part = _read_part(headers, content)
    if part.request.method == "GET":
        raise invalid_argument("A GET request is not allowed inside a change set.")
    if not part.content_id:
        raise DataverseError(400, "0x80060888", "Content-ID header not present")
    return part


def _read_part(headers: Mapping[str, str], content: bytes) -> Part:
    if not headers.get("content-type", "").startswith("application/http"):
        raise unreadable_payload("", "The Content-Type of a batch part must be application/http.")
    line, _, rest = content.lstrip(b"\n").partition(b"\n")
    method, url = _request_line(line.decode("utf-8", "replace"))
    inner_headers, body = _head_and_content(rest)
    path, _, query = url.partition("?")
    request = Request(method, path, query, inner_headers, body.strip(b"\n"), in_batch=True)
    return Part(request, headers.get("content-id", inner_headers.get("content-id", "")))


def _request_line(line: str) -> tuple[str, str]:
    """Returns method and URL. Taken apart without an expression: a URL may have 64,000 characters."""
    words = line.split()
    if len(words) != 3 or METHOD.fullmatch(words[0]) is None or line.rstrip() != f"{words[0]} {words[1]} HTTP/1.1":
        raise unreadable_payload("", f"'{line[:200]}' is not a request line.")
    return words[0], words[1]


class Batches:
    """Runs batches against the service."""

    def __init__(self, service: Service, environment: Environment, watch: Watch) -> None:
        self._service = service
        self._environment = environment
        self._watch = watch  # sees every part first, and may answer it (injected faults)

    def run(self, request: Request, session: Session, base: str) -> Response:
        """Returns the multipart answer. The top status is 400 when a part failed and the batch stopped there."""
        try:
            steps = read_batch(request)
        except DataverseError as error:
            return error_response(error)
        go_on = request.preference("odata.continue-on-error") is not None
        answers: list[bytes] = []
        cost, status = 0.0, 200
        for step in steps:
            failed, answer, step_cost = self._run_step(step, session, base)
            answers.append(answer)
            cost += step_cost
            if failed and not go_on:
                status = 400
                break
        content_type, body = _multipart("batchresponse", answers)
        return Response(status, {"Content-Type": content_type}, body, cost_ms=cost)

    def _run_step(self, step: Part | ChangeSet, session: Session, base: str) -> tuple[bool, bytes, float]:
        if isinstance(step, Part):
            response = self._run_part(step, replace(session, references={}), base)
            return response.status >= 400, _http_part(response, ""), response.cost_ms
        return self._run_change_set(step, session, base)

    def _run_part(self, part: Part, session: Session, base: str) -> Response:
        answered = self._watch(part.request)
        return answered or self._service.handle(part.request, session, base)

    def _run_change_set(self, step: ChangeSet, session: Session, base: str) -> tuple[bool, bytes, float]:
        inner = replace(session, references={})
        answers: list[bytes] = []
        cost = 0.0
        try:
            with self._service.store.transaction():
                for part in step.parts:
                    response = self._run_part(part, inner, base)
                    cost += response.cost_ms
                    if response.status >= 400:
                        raise ChangeSetFailedError(part, response)
                    self._remember(part, response, inner)
                    answers.append(_http_part(response, part.content_id))
        except ChangeSetFailedError as failure:
            answer = _http_part(failure.response, failure.part.content_id)
            wrapped = self._environment.changeset_error_wrapped
            return True, _nested([answer]) if wrapped else answer, cost
        return False, _nested(answers), cost

    def _remember(self, part: Part, response: Response, session: Session) -> None:
        """Makes the row reachable as `$<Content-ID>` for the later parts of the change set."""
        match = ENTITY_ID.search(response.headers.get("OData-EntityId", ""))
        if match is not None:
            session.references[f"${part.content_id}"] = (self._service.store.by_set[match[1]], match[2])


def _http_part(response: Response, content_id: str) -> bytes:
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id:
        head.append(f"Content-ID: {content_id}")
    inner = [f"HTTP/1.1 {response.status} {_reason(response.status)}", "OData-Version: 4.0"]
    inner += [f"{name}: {value}" for name, value in response.headers.items()]
    return "\r\n".join([*head, "", *inner, "", ""]).encode() + response.body


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _nested(answers: list[bytes]) -> bytes:
    content_type, body = _multipart("changesetresponse", answers)
    return f"Content-Type: {content_type}\r\n\r\n".encode() + body


def _multipart(kind: str, parts: list[bytes]) -> tuple[str, bytes]:
    boundary = f"{kind}_{uuid4()}"
    delimiter = f"--{boundary}\r\n".encode()
    body = b"".join(delimiter + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
    return f"multipart/mixed; boundary={boundary}", body
