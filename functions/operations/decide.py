"""What the state of Dataverse and of storage means for the app's health. Pure."""

from datetime import datetime

from shared.health import Finding, Status

_BREAKER = {
    "open": (Status.RED, "it does not answer: callers keep their default route"),
    "half-open": (Status.AMBER, "it is being tried again after a failure"),
}


def dataverse_finding(breaker: str, since: datetime | None, failure: str | None) -> Finding:
    """`breaker` is the client's state, `failure` the type of error that a question met just now, if one was asked."""
    if breaker in _BREAKER:
        status, reason = _BREAKER[breaker]
        return Finding("Dataverse", status, reason, since)
    if failure is not None:
        return Finding("Dataverse", Status.RED, f"it did not answer just now ({failure})")
    return Finding("Dataverse", Status.GREEN, "it answers", since)


def broken_document_finding(name: str, problem: str) -> Finding:
    """A document whose newest version is not in force."""
    return Finding(name, Status.AMBER, problem)


def storage_finding(failure: str | None) -> Finding:
    """`failure` is the type of error that a request met just now."""
    if failure is not None:
        return Finding("storage", Status.RED, f"it did not answer just now ({failure})")
    return Finding("storage", Status.GREEN, "it answers")
