"""The import report: what a planner and an operator read after a file was dropped.

It lies as `<profile>/<name>.report.json` in the container `schedule-reports`. Every row that was not written stands in
`skipped` with line, column, reason and what to do; `issues` has everything else worth knowing about a row.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from functions.schedule_import.decide.coverage import Blocked, Gap
from functions.schedule_import.decide.overlaps import Claim, Overlap
from functions.schedule_import.reading.segments import Issue, Skip
from shared.dataverse.tables import utc_text

type ImportStatus = Literal["imported", "unchanged", "held", "rejected", "undone"]

MOST_LISTED = 10_000
"""Overlaps and gaps beyond this number are counted, not listed: a report must stay readable."""


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What became of one file. `final` says that the file leaves the inbox; a held one stays."""

    file: str
    profile: str
    import_id: str
    sha256: str
    status: ImportStatus
    reasons: list[str] = field(default_factory=list)
    rows: int = 0
    segments: int = 0
    created: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    protected: int = 0
    """Bookings that the file no longer has, kept because a bad row speaks of their agent and day."""
    skipped: list[Skip] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    overlaps: list[Overlap] = field(default_factory=list)
    overlaps_found: int = 0
    window: tuple[datetime, datetime] | None = None
    agents: int = 0
    coverage: list[Gap | Blocked] = field(default_factory=list)
    dataverse_requests: int = 0
    seconds: float = 0.0

    @property
    def final(self) -> bool:
        return self.status != "held"

    def json_bytes(self) -> bytes:
        """The report as it is stored: UTF-8 JSON, indented, for people and programs alike."""
        document = {
            "file": self.file,
            "profile": self.profile,
            "importId": self.import_id,
            "sha256": self.sha256,
            "status": self.status,
            "reasons": self.reasons,
            "rows": self.rows,
            "segments": self.segments,
            "created": self.created,
            "updated": self.updated,
            "removed": self.removed,
            "unchanged": self.unchanged,
            "protected": self.protected,
            "skipped": [_skip(skip) for skip in sorted(self.skipped, key=lambda skip: skip.row)],
            "issues": [_issue(issue) for issue in sorted(self.issues, key=lambda issue: issue.row)],
            "overlaps": [_overlap(overlap) for overlap in islice(self.overlaps, MOST_LISTED)],
            "overlapsFound": self.overlaps_found,
            "window": None
            if self.window is None
            else dict(zip(("from", "to"), map(utc_text, self.window), strict=True)),
            "agents": self.agents,
            "coverage": [_coverage(item) for item in islice(self.coverage, MOST_LISTED)],
            "dataverseRequests": self.dataverse_requests,
            "seconds": round(self.seconds, 3),
        }
        return json.dumps(document, ensure_ascii=False, indent=2).encode()


def _without_nothing(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _skip(skip: Skip) -> dict[str, Any]:
    return _without_nothing(row=skip.row, column=skip.column, code=skip.code, reason=skip.reason)


def _issue(issue: Issue) -> dict[str, Any]:
    return _without_nothing(
        code=issue.code,
        row=issue.row,
        agent=issue.agent,
        field=issue.field,
        chosenUtc=utc_text(issue.chosen_utc) if issue.chosen_utc else None,
        otherUtc=utc_text(issue.other_utc) if issue.other_utc else None,
        value=issue.value,
    )


def _overlap(overlap: Overlap) -> dict[str, Any]:
    return {
        "rows": [claim.row for claim in overlap if claim.row is not None],
        "segments": [_claim(claim) for claim in overlap],
    }


def _claim(claim: Claim) -> dict[str, Any]:
    return {
        "agent": claim.agent,
        "from": utc_text(claim.start),
        "to": utc_text(claim.end),
        "activity": claim.activity,
        "madeBy": "this file" if claim.row is not None else _maker(claim.mark),
    }


def _maker(mark: str) -> str:
    """Who made a booking that the file does not speak for."""
    parts = mark.split(":", 2)
    return f"profile {parts[1]}" if parts[0] == "sb" and len(parts) == 3 else "somebody else"


def _coverage(item: Gap | Blocked) -> dict[str, Any]:
    span = {"from": utc_text(item.start), "to": utc_text(item.end)}
    match item:
        case Gap():
            return {"code": "NO_ASSIGNABLE_AGENT", item.kind: item.name, **span}
        case Blocked():
            return {"code": "AGENT_BLOCKED", "agent": item.agent, **span, "activity": item.activity}
