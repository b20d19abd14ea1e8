"""`$batch`: many requests in one, and change sets of requests that succeed or fail together.

Source: "Execute batch operations using the Web API". JSON holds no bare line break, and a `Part` none in its path
and headers, so nothing in a part can end it early.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.dataverse.errors import UnavailableError
from shared.dataverse.odata.answers import PartReply
from shared.dataverse.odata.json_text import json_bytes, read_json
from shared.dataverse.odata.parts import API_PATH, Part, fits_url

BATCH_LIMIT = 1000
"""Requests in one `$batch`, those of change sets included."""

_REFERENCE = re.compile(r"\$(\d+)(?![\w])")


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Writes that succeed or fail together.

    They get the Content-IDs `first_id`, `first_id + 1`, ... and a later one of them may address the row that an
    earlier one makes as `$<Content-ID>`, in its path or in a bind. Without `first_id` the batch numbers them.
    Raises ValueError for none, for a GET, and for a reference to anything but an earlier write of this set.
    """

    parts: tuple[Part, ...]
    first_id: int | None = None

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("a change set needs at least one request")
        for position, part in enumerate(self.parts):
            if part.method == "GET":
                raise ValueError("a change set takes no GET")
            for number in _references(part):
                if self.first_id is None or not self.first_id <= number < self.first_id + position:
                    raise ValueError(f"${number} is no earlier request of its change set")


@dataclass(frozen=True, slots=True)
class ChangeSetReply:
    """What became of a change set: the answer to each of its requests, or the one failure that undid them all.

    `failed` is the position of the request that failed, None where the answer does not name it.
    """

    replies: tuple[PartReply, ...]
    failure: PartReply | None = None
    failed: int | None = None


type Step = Part | ChangeSet


def batch_body(steps: Sequence[Step], boundary: str) -> bytes:
    """A `$batch` of requests and change sets, in this order.

    Raises ValueError above 1,000 requests, for a GET too long for any URL, and for Content-IDs that stand twice.
    """
    count = sum(len(step.parts) if isinstance(step, ChangeSet) else 1 for step in steps)
    if count > BATCH_LIMIT:
        raise ValueError(f"a $batch takes at most {BATCH_LIMIT} requests, not {count}")
    if not _BOUNDARY_TEXT.fullmatch(boundary):
        raise ValueError("a boundary has 1 to 50 letters, digits, - and _")
    delimiter = b"--" + boundary.encode()
    pieces: list[bytes] = []
    for step, first_id in zip(steps, _first_ids(steps), strict=True):
        pieces.append(delimiter)
        if isinstance(step, Part):
            pieces += (_PART_HEAD, _http_request(step))
        else:
            pieces += _change_set(step, first_id, boundary)
    pieces += (delimiter + b"--", b"")
    return b"\r\n".join(pieces)


_BOUNDARY_TEXT = re.compile(r"[A-Za-z0-9_-]{1,50}")
_PART_HEAD = b"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"


def _http_request(part: Part) -> bytes:
    if part.method == "GET" and not fits_url(part.path, in_batch=True):
        raise ValueError("the URL of a GET is too long even for a $batch")
    headers = "".join(f"{name}: {value}\r\n" for name, value in part.headers)
    head = f"{part.method} {API_PATH}{part.path} HTTP/1.1\r\nAccept: application/json\r\n{headers}"
    if part.body is None:
        return f"{head}\r\n".encode()
    return f"{head}Content-Type: application/json; type=entry\r\n\r\n".encode() + json_bytes(part.body)


def _change_set(step: ChangeSet, first_id: int, boundary: str) -> list[bytes]:
    inner = f"changeset_{first_id}_{boundary}"
    delimiter = b"--" + inner.encode()
    pieces = [f'Content-Type: multipart/mixed; boundary="{inner}"\r\n'.encode()]
    for content_id, part in enumerate(step.parts, first_id):
        pieces += (delimiter, _PART_HEAD + f"Content-ID: {content_id}\r\n".encode(), _http_request(part))
    pieces += (delimiter + b"--", b"")
    return pieces


def _references(part: Part) -> Iterable[int]:
    texts = [value for name, value in (part.body or {}).items() if name.endswith("@odata.bind")]
    found = [_REFERENCE.match(text) for text in (part.path, *texts) if isinstance(text, str)]
    return [int(match[1]) for match in found if match]


def _first_ids(steps: Sequence[Step]) -> list[int]:
    """The first Content-ID of each change set (0 for a request on its own), unique over the whole batch."""
    sets = [step for step in steps if isinstance(step, ChangeSet)]
    if not sets:
        return [0] * len(steps)
    taken: set[int] = set()
    for change_set in sets:
        if change_set.first_id is not None:
            own = range(change_set.first_id, change_set.first_id + len(change_set.parts))
            if own.start < 1 or not taken.isdisjoint(own):
                raise ValueError("the Content-IDs of a $batch start at 1 and none may stand twice")
            taken.update(own)
    free = max(taken, default=0) + 1
    first_ids = []
    for step in steps:
        if isinstance(step, Part):
            first_ids.append(0)
        elif step.first_id is not None:
            first_ids.append(step.first_id)
        else:
            first_ids.append(free)
            free += len(step.parts)
    return first_ids


# ---------------------------------------------------------------------------------------------------- answers

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})")


def read_batch(content_type: str, body: bytes) -> list[PartReply]:
    """The answers inside a `$batch` reply, in order; those of a change set stand flat among the others.

    Raises UnavailableError when the reply is not the multipart message that was asked for.
    """
    flat: list[PartReply] = []
    for section in _sections(content_type, body):
        if isinstance(section, PartReply):
            flat.append(section)
        else:
            flat += section
    return flat


def read_steps(steps: Sequence[Step], content_type: str, body: bytes) -> list[PartReply | ChangeSetReply]:
    """The answer to each step, in their order. Steps after the last answer were not run.

    A failed change set is answered by one error, which may stand alone or be wrapped like a change set's answers:
    the documentation does not say which. Raises UnavailableError when the answers cannot be those of these steps.
    """
    sections = _sections(content_type, body)
    if len(sections) > len(steps):
        raise UnavailableError(f"the $batch reply answers {len(sections)} of {len(steps)} requests")
    replies: list[PartReply | ChangeSetReply] = []
    for step, section, first_id in zip(steps, sections, _first_ids(steps), strict=False):
        if isinstance(step, ChangeSet):
            replies.append(_change_set_reply(step, section, first_id))
        elif isinstance(section, PartReply):
            replies.append(section)
        else:
            raise UnavailableError("the $batch reply has a change set where one request was asked for")
    return replies


def _change_set_reply(step: ChangeSet, section: PartReply | list[PartReply], first_id: int) -> ChangeSetReply:
    answers = [section] if isinstance(section, PartReply) else section
    failure = next((reply for reply in answers if reply.status >= 400), None)
    if failure is not None:
        position = _position(failure, first_id)
        return ChangeSetReply((), failure, position if position in range(len(step.parts)) else None)
    if isinstance(section, PartReply) or len(answers) != len(step.parts):
        raise UnavailableError(f"a change set of {len(step.parts)} requests has {len(answers)} answers")
    positions = [_position(reply, first_id) for reply in answers]
    if sorted(position for position in positions if position is not None) == list(range(len(answers))):
        answers = [reply for _, reply in sorted(zip(positions, answers, strict=True), key=lambda pair: pair[0] or 0)]
    return ChangeSetReply(tuple(answers))


def _position(reply: PartReply, first_id: int) -> int | None:
    content_id = reply.headers.get("content-id", "")
    return int(content_id) - first_id if len(content_id) < 10 and content_id.isdecimal() else None


def _sections(content_type: str, body: bytes) -> list[PartReply | list[PartReply]]:
    """Each answer of a multipart reply; the answers of a change set as a list of their own."""
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/mixed") or found is None:
        raise UnavailableError(f"the $batch reply has the content type {content_type.split(';')[0]!r}")
    sections = (b"\r\n" + body).split(b"\r\n--" + found.group(1).encode())
    if not sections[-1].startswith(b"--"):
        raise UnavailableError("the $batch reply ends in the middle")
    read: list[PartReply | list[PartReply]] = []
    for section in sections[1:-1]:
        head, _, rest = section.lstrip(b"\r\n").partition(b"\r\n\r\n")
        # A caller waits for this: the usual head of an answer to a read tells nothing.
        mime = {} if _TELLS_NOTHING.fullmatch(head) else _headers(head.split(b"\r\n"))
        inner_type = mime.get("content-type", "")
        if inner_type.lower().startswith("multipart/mixed"):
            read.append(read_batch(inner_type, rest))
        else:
            read.append(_part_reply(rest, mime))
    return read


_TELLS_NOTHING = re.compile(
    rb"Content-Type: application/http\r\nContent-Transfer-Encoding: binary(?:\r\n)?", re.IGNORECASE
)


def _part_reply(message: bytes, mime: dict[str, str]) -> PartReply:
    head, _, body = message.partition(b"\r\n\r\n")
    status_line, *header_lines = head.lstrip(b"\r\n").split(b"\r\n")
    status = _STATUS_LINE.match(status_line)
    if status is None:
        raise UnavailableError("a part of the $batch reply has no status line")
    headers = _headers(header_lines)
    if "content-id" in mime:
        headers.setdefault("content-id", mime["content-id"])
    return PartReply(int(status.group(1)), headers, read_json(body) if body.strip() else None)


def _headers(lines: Iterable[bytes]) -> dict[str, str]:
    pairs = (line.decode("latin-1").partition(":") for line in lines if b":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
