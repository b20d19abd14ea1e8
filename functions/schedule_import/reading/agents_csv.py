"""`config/agents.csv`: which Dynamics user a vendor's own id stands for.

One row an agent: the column `email`, and a column for each scheme whose name a profile's `identity` may be.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import _csv

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

    Comma or semicolon, UTF-8 with or without a mark, or cp1252, as spreadsheets save it; empty columns and rows at the
    end and a first line `sep=;` are theirs, too.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    hint, _, rest = text.partition("\n")
    if hinted := _DELIMITER_HINT.fullmatch(hint.strip()):
        return _directory(csv.reader(_lines(rest), delimiter=hinted[1], strict=True), 1)
    delimiter = ";" if hint.count(";") > hint.count(",") else ","
    return _directory(csv.reader(_lines(text), delimiter=delimiter, strict=True), 0)


_DELIMITER_HINT = re.compile("sep=([,;])")


def _lines(text: str) -> io.StringIO:
    return io.StringIO(text, newline="")


def _directory(rows: "_csv.Reader", lines_before: int) -> AgentDirectory:
    try:
        header = _without_empty_end(next(rows, []))
        email_at = _email_column(header)
        # An ordered set of addresses: a column such as a team's name may have one value for thousands.
        found: defaultdict[AgentKey, dict[str, None]] = defaultdict(dict)
        agents = 0
        for row in rows:
            cells = _without_empty_end(row)
            if not cells:
                continue
            agents += 1
            line = rows.line_num + lines_before
            email = _checked_email(cells, len(row), header, email_at, line)
            if agents > MAX_AGENTS:
                raise ValueError(f"line {line}: there are more than {MAX_AGENTS} agents")
            for name, value in zip(header, cells, strict=False):
                if value:
                    found[name, value.casefold()][email] = None
    except csv.Error as error:
        raise ValueError(f"it is not a table: {error}") from None
    schemes = frozenset(header) - {header[email_at]}
    return AgentDirectory({key: tuple(emails) for key, emails in found.items() if key[0] in schemes}, schemes)


def _without_empty_end(row: list[str]) -> list[str]:
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _email_column(header: list[str]) -> int:
    names = [name.casefold() for name in header]
    if "email" not in names:
        raise ValueError("line 1: there is no column email")
    if len(set(names)) < len(names):
        raise ValueError("line 1: a column is there twice")
    return names.index("email")


def _checked_email(cells: list[str], fields: int, header: list[str], email_at: int, line: int) -> str:
    if fields < len(header) or len(cells) > len(header):
        raise ValueError(f"line {line}: it has {fields} fields, the header {len(header)}")
    if len(cells) <= email_at or not cells[email_at]:
        raise ValueError(f"line {line}: the e-mail is missing")
    return cells[email_at].casefold()
