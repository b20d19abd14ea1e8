"""Values as Dataverse writes them: moments and GUIDs."""

import re
from datetime import UTC, datetime
from uuid import UUID

_GUID = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|\{([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}")


def utc_text(moment: datetime) -> str:
    """A moment as Dataverse writes it: `2026-11-21T08:00:00Z`. Raises ValueError without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone cannot go to Dataverse")
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat("T", "seconds")[:-6] + "Z"


def utc_moment(text: str) -> datetime:
    """The moment that Dataverse wrote, in UTC. A value without an offset is UTC (Web API date behaviour)."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def guid_text(value: object, column: str) -> str:
    """A GUID in canonical form: lower case, no braces. Raises ValueError, which names the column, for anything else."""
    if isinstance(value, UUID):
        return str(value)
    found = _GUID.fullmatch(value.lower()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{column} takes a GUID")
    return found[1] or found[2]
