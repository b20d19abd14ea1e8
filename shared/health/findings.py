"""What a check can find, and what all of it amounts to. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """Green: as it should be. Amber: it works, and somebody should look. Red: something does not work."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Finding:
    """How one thing is. No number, name or secret stands in `reason`."""

    name: str
    status: Status
    reason: str
    since: datetime | None = None
    """Since when it is so, where that is known."""


def overall(findings: Iterable[Finding]) -> Status:
    """The worst of them; green where there are none."""
    found = {finding.status for finding in findings}
    return next((status for status in (Status.RED, Status.AMBER) if status in found), Status.GREEN)
