"""`config/agents.csv`: which Dynamics user a vendor's own id stands for.

One row an agent: the column `email`, and a column for each scheme whose name a profile's `identity` may be.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

MAX_AGENTS = 100_000

type AgentKey = tuple[str, str]
"""An identity and its value in lower case."""


@dataclass(frozen=True, slots=True)
class AgentDirectory:
    """Values of a scheme and the e-mail addresses that they stand for, both in lower case."""

    emails: Mapping[AgentKey, tuple[str, ...]]
    schemes: frozenset[str]

    def emails_of(self, key: AgentKey) -> tuple[str, ...]:
        """The e-mail addresses that the value stands for: none, one, or several (then it is ambiguous)."""
        return self.emails.get(key, ())


NO_DIRECTORY = AgentDirectory({}, frozenset())


def read_agents(data: bytes) -> AgentDirectory:
    """The directory in the document. Raises ValueError, whose text names the line but no value.

    Comma or semicolon, UTF-8 with or without a mark, or cp1252, as spreadsheets save it.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ValueError(f"it is not a table: {error}") from None
    header = [cell.strip() for cell in rows[0]] if rows else []
    columns = {name.casefold(): place for place, name in enumerate(header)}
    if "email" not in columns:
        raise ValueError("line 1: there is no column email")
    if len(columns) != len(header) or len(rows) > MAX_AGENTS:
        raise ValueError(f"line 1: a column is there twice, or there are more than {MAX_AGENTS} agents")
    return _directory(header, columns["email"], rows[1:])


def _directory(header: list[str], email_at: int, rows: list[list[str]]) -> AgentDirectory:
    found: defaultdict[AgentKey, list[str]] = defaultdict(list)
    for number, cells in enumerate(rows, 2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise ValueError(f"line {number}: it has {len(cells)} fields, the header {len(header)}")
        email = cells[email_at].strip().casefold()
        if not email:
            raise ValueError(f"line {number}: the e-mail is missing")
        for place, cell in enumerate(cells):
            value = cell.strip().casefold()
            if place != email_at and value and email not in found[header[place], value]:
                found[header[place], value].append(email)
    return AgentDirectory({key: tuple(emails) for key, emails in found.items()}, frozenset(header) - {header[email_at]})
