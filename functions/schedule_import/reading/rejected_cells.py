"""Cells of rejected rows in a form that no spreadsheet takes for a formula, and back again.

A cell that begins with = + - @ tab, CR or NUL gets an apostrophe (OWASP, CSV Injection); so does one that begins with
apostrophes and then one of these, so that every cell can be told apart again.
"""

import re
from collections.abc import Iterable, Sequence

REASON_COLUMN = "reason"
_FORMULA = re.compile(r"'*[=+\-@\t\r\0]")
_MARKED = re.compile(r"'+[=+\-@\t\r\0]")
_REJECTED_NAME = re.compile(r"\.rejected(\.[^./]+)?$")


def with_mark(cell: str) -> str:
    """The cell as it can be shown in a spreadsheet."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def without_mark(cell: str) -> str:
    """The cell as it was before `with_mark`."""
    return cell[1:] if _MARKED.match(cell) else cell


def tells_reasons(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bool:
    """Whether a table is one of ours with rejected rows, whatever its name: its last column has reasons, one of which
    begins with the column that it speaks of, as we write them."""
    if header[-1:] != [REASON_COLUMN]:
        return False
    beginnings = tuple(f"{name}: " for name in header[:-1] if name)
    return any(len(row) == len(header) and without_mark(row[-1]).startswith(beginnings) for row in rows)


def is_rejected_file(name: str) -> bool:
    """Whether a file's name says that it is one of ours with rejected rows, mended and dropped again."""
    return _REJECTED_NAME.search(name) is not None
