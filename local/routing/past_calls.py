"""Past calls in a file: CSV with a heading, or a request body a line."""

import csv
import io
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from functions.smart_routing.messages import BadRequestError, RouteRequest, read_request

_COLUMNS = ("anum", "bnum", "targetid", "extradata", "time")


class UnreadableCallsError(Exception):
    """The file holds no calls that can be replayed; the text names lines and reasons, no values."""


@dataclass(frozen=True, slots=True)
class PastCall:
    """A question of the past; `time` is None where the file does not say it."""

    line: int
    request: RouteRequest
    time: datetime | None


def read_calls(path: Path, zone: ZoneInfo | None) -> list[PastCall]:
    """The calls of a file, in its order. `zone` reads times without an offset. Raises UnreadableCallsError."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableCallsError("it is not text in UTF-8") from None
    calls, problems = [], []
    for line, body in _json_lines(text) if text.lstrip().startswith("{") else _csv_lines(text):
        try:
            calls.append(PastCall(line, read_request(body), _time(body, zone)))
        except ValueError as error:
            problems.append(f"line {line}: {error}")
    if problems:
        more = f"; and {len(problems) - 3:,} more lines" if len(problems) > 3 else ""
        raise UnreadableCallsError("; ".join(problems[:3]) + more)
    if not calls:
        raise UnreadableCallsError("it holds no calls")
    return calls


def _json_lines(text: str) -> list[tuple[int, bytes]]:
    return [(number, line.encode()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _csv_lines(text: str) -> list[tuple[int, bytes]]:
    heading = text.split("\n", 1)[0]
    delimiter = ";" if heading.count(";") > heading.count(",") else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = {name: name.strip().casefold() for name in reader.fieldnames or ()}
    if not {"anum", "bnum"} <= set(names.values()):
        raise UnreadableCallsError(f"it needs the columns anum and bnum; it may have {', '.join(_COLUMNS[2:])}")
    rows = []
    for row in reader:
        cells = {names[key]: value for key, value in row.items() if key in names and value}
        body: dict[str, Any] = {key: cells[key] for key in _COLUMNS if key in cells}
        if "extradata" in body:
            try:
                body["extradata"] = json.loads(body["extradata"])
            except ValueError:
                raise UnreadableCallsError(f"line {reader.line_num}: extradata is not JSON") from None
        rows.append((reader.line_num, json.dumps(body).encode()))
    return rows


def _time(body: bytes, zone: ZoneInfo | None) -> datetime | None:
    text = json.loads(body).get("time")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise BadRequestError("time is not written as 2027-03-22T09:30:00+02:00") from None
    if moment.utcoffset() is None:
        if zone is None:
            raise BadRequestError("time has no offset from UTC; say with --time-zone where it is from")
        moment = moment.replace(tzinfo=zone)
    return moment
