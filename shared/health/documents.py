"""How a configuration document is. Pure."""

from typing import Any

from shared.config_documents import Document
from shared.health.findings import Finding, Status


def document_finding(name: str, document: Document[Any], *, when_missing: str | None = None) -> Finding:
    """How a configuration document is. `when_missing` says what its absence means, None where that is usual."""
    if document.problem is not None:
        runs = "there is no version that can be used" if document.value is None else "the last good version runs"
        return Finding(name, Status.AMBER, f"{document.problem}; {runs}")
    if document.value is None:
        return Finding(name, Status.AMBER if when_missing else Status.GREEN, when_missing or "not there, as usual")
    return Finding(name, Status.GREEN, "in force")
