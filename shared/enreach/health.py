"""What is known of Enreach without asking it anything. Pure."""

from datetime import datetime, timedelta

from shared.enreach.credentials import Absence
from shared.enreach.errors import DeniedError, EnreachError, UnavailableError
from shared.health import Finding, Status

OUTAGE = timedelta(minutes=5)
"""How long nothing may work before it is red: what is polled each minute has caught up soon after a short outage."""
_NAME = "Enreach"


def enreach_finding(failure: EnreachError | None, since: datetime | None, now: datetime) -> Finding:
    """`failure` is what the last request met, None after a success; `since` when that began, None before any."""
    if since is None:
        return Finding(_NAME, Status.GREEN, "nothing was asked of it yet")
    if failure is None:
        return Finding(_NAME, Status.GREEN, "it answers", since)
    is_red = isinstance(failure, DeniedError) or (isinstance(failure, UnavailableError) and now - since >= OUTAGE)
    return Finding(_NAME, Status.RED if is_red else Status.AMBER, str(failure), since)


def absence_finding(absence: Absence) -> Finding:
    """Of an app that has no credentials: as meant where nothing is set at all, else red by name."""
    return Finding(_NAME, Status.GREEN if absence.is_meant else Status.RED, absence.reason)
