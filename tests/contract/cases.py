"""The vocabulary of the contract: one case is a request and what the documentation says about its answer.

A section (`sections/*.py`) is a list of cases. Read one as: given these rows and settings, after these first requests,
this request is answered like this, and this is stored afterwards. What a case leaves out is not looked at.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.contract.sources import Source

type Row = dict[str, Any]


class Mark(Enum):
    """Expectations that are no value."""

    UNSAID = "the case says nothing about it"
    ABSENT = "the member or header is not there"
    PRESENT = "it is there, with whatever value"
    EMPTY = "there is no body"


UNSAID, ABSENT, PRESENT, EMPTY = Mark.UNSAID, Mark.ABSENT, Mark.PRESENT, Mark.EMPTY


@dataclass(frozen=True)
class Call:
    """One request. A body that is bytes is sent as it is, any other as JSON.

    `{etag}`, `{id}`, `{next}`, `{delta}`, `{token}` and `{item}` stand for what the requests before it brought.
    """

    method: str
    path: str
    body: Any = UNSAID
    prefer: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_id: str = ""  # in a batch
    answered: int | None = None  # the status that it must have when it is sent first; None is any success


@dataclass(frozen=True)
class ChangeSet:
    """Requests of a batch that succeed or fail together."""

    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Part:
    """What is expected of one answer in a batch response."""

    status: int
    code: str = ""
    message: Any = UNSAID
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Any = UNSAID
    content_id: Any = UNSAID
    nested: Any = UNSAID  # True: inside a changesetresponse


@dataclass(frozen=True, kw_only=True)
class Case:
    """One fact. A refused request (not a batch) must leave every row as it was; that need not be said."""

    fact: str
    source: Source
    confirmed: bool = True  # False: no source states it, so that it is a switch or a choice of the simulator
    settings: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict)  # custom columns, choices and keys
    roles: Mapping[str, list[str]] | None = None  # the rights of the caller by table; None is every right
    given: Mapping[str, list[Row]] = field(default_factory=dict)
    first: Sequence[Call] = ()
    meanwhile: Call | None = None  # under way while the request is sent
    call: Call
    status: int
    code: str = ""
    message: Any = UNSAID
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Any = UNSAID
    parts: Sequence[Part] | None = None
    added: Mapping[str, int] = field(default_factory=dict)  # rows more (or fewer) by entity set
    stored: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)  # "set(id)": columns, None: no row

    def __str__(self) -> str:
        return self.fact


def get(path: str, prefer: str = "", answered: int | None = None, **headers: str) -> Call:
    """A GET; header names are given with `_` for `-`."""
    return Call("GET", path, UNSAID, prefer, _named(headers), answered=answered)


def post(path: str, body: Any, prefer: str = "", content_id: str = "", **headers: str) -> Call:
    """A POST."""
    return Call("POST", path, body, prefer, _named(headers), content_id)


def patch(path: str, body: Any, prefer: str = "", content_id: str = "", **headers: str) -> Call:
    """A PATCH."""
    return Call("PATCH", path, body, prefer, _named(headers), content_id)


def put(path: str, body: Any) -> Call:
    """A PUT."""
    return Call("PUT", path, body)


def delete(path: str, content_id: str = "", **headers: str) -> Call:
    """A DELETE."""
    return Call("DELETE", path, UNSAID, "", _named(headers), content_id)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def change_set(*calls: Call) -> ChangeSet:
    """Requests of a batch that succeed or fail together."""
    return ChangeSet(calls)


def batch(*steps: Call | ChangeSet, prefer: str = "", quoted: bool = False, line_break: str = "\r\n") -> Call:
    """A `$batch` of these steps; the boundary is bare unless it is quoted."""
    content_type = 'multipart/mixed; boundary="batch_x"' if quoted else "multipart/mixed; boundary=batch_x"
    body = multipart(steps, "batch_x").replace("\r\n", line_break).encode()
    return Call("POST", "$batch", body, prefer, {"Content-Type": content_type})


def multipart(steps: Sequence[Call | ChangeSet], boundary: str) -> str:
    """The body of a batch or change set, in the grammar of the documentation."""
    parts = []
    for number, step in enumerate(steps):
        if isinstance(step, ChangeSet):
            inner = f"changeset_{number}"
            parts.append(f"Content-Type: multipart/mixed; boundary={inner}\r\n\r\n{multipart(step.calls, inner)}")
        else:
            parts.append(_part(step))
    return "".join(f"--{boundary}\r\n{part}" for part in parts) + f"--{boundary}--\r\n"


def _part(call: Call) -> str:
    path = call.path if call.path.startswith(("/", "$", "http")) else f"/api/data/v9.2/{call.path}"
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    lines += [f"Content-ID: {call.content_id}"] if call.content_id else []
    lines += ["", f"{call.method} {path} HTTP/1.1"]
    lines += ["Content-Type: application/json; type=entry"] if call.body is not UNSAID else []
    lines += [f"Prefer: {call.prefer}"] if call.prefer else []
    lines += [f"{name}: {value}" for name, value in call.headers.items()]
    return "\r\n".join([*lines, "", "" if call.body is UNSAID else json.dumps(call.body), ""])


def targets(table: str, *rows: Row) -> dict[str, list[Row]]:
    """The body of a bulk message: each row with its type."""
    return {"Targets": [{"@odata.type": f"Microsoft.Dynamics.CRM.{table}", **row} for row in rows]}


def text(*words: str) -> re.Pattern[str]:
    """A text that has these words in this order."""
    return re.compile(".*".join(["", *map(re.escape, words), ""]), re.DOTALL)


GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
