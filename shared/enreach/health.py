"""What is known of Enreach without asking it anything. Pure."""

from datetime import datetime

from shared.enreach.credentials import Absence
from shared.enreach.errors import DeniedError, EnreachError, NotFoundError, RejectedError
from shared.health import Finding, Status

_NAME = "Enreach"


def enreach_finding(failure: EnreachError | None, since: datetime | None) -> Finding:
    """`failure` is what the last request met, None after a success; `since` when that began, None before any."""
    if since is None:
        return Finding(_NAME, Status.GREEN, "nothing was asked of it yet")
    if failure is None:
        return Finding(_NAME, Status.GREEN, "it answers", since)
    if isinstance(failure, NotFoundError | RejectedError):
        # It answers. What it refuses, or has no more, is one request's matter.
        return Finding(_NAME, Status.AMBER, str(failure), since)
    reason = str(failure) if isinstance(failure, DeniedError) else f"it could not be used just now: {failure}"
    return Finding(_NAME, Status.RED, reason, since)


def absence_finding(absence: Absence) -> Finding:
    """Of an app that has no credentials: as meant where nothing is set at all, else red by name."""
    return Finding(_NAME, Status.GREEN if absence.is_meant else Status.RED, absence.reason)
