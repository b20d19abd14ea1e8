"""The worst finding counts, and a check that fails or hangs is a finding and hides no other."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.config_documents import Document
from shared.health import Finding, Status, overall
from shared.health.board import Health
from shared.health.documents import document_finding

GREEN, AMBER, RED = (Finding(status.value, status, "a reason") for status in Status)


@pytest.mark.parametrize(
    ("findings", "status"),
    [
        ([], Status.GREEN),
        ([GREEN], Status.GREEN),
        ([GREEN, AMBER, GREEN], Status.AMBER),
        ([AMBER, RED, GREEN], Status.RED),
    ],
)
def test_the_worst_counts(findings: list[Finding], status: Status) -> None:
    assert overall(findings) is status


DOCUMENTS = [
    pytest.param(Document({}, None, "1"), None, Status.GREEN, "in force", id="good"),
    pytest.param(Document({}, "rules.0: wrong", "1"), None, Status.AMBER, "last good version", id="a broken newer one"),
    pytest.param(Document(None, "rules.0: wrong"), None, Status.AMBER, "no version", id="broken from the start"),
    pytest.param(Document(None), None, Status.GREEN, "as usual", id="one that need not be there"),
    pytest.param(Document(None), "nobody is routed", Status.AMBER, "nobody is routed", id="one that is missed"),
]


@pytest.mark.parametrize(("document", "when_missing", "status", "reason"), DOCUMENTS)
def test_how_a_document_is(document: Document[object], when_missing: str | None, status: Status, reason: str) -> None:
    finding = document_finding("routing.json", document, when_missing=when_missing)
    assert (finding.name, finding.status) == ("routing.json", status)
    assert reason in finding.reason


async def test_a_check_that_fails_or_hangs_hides_no_other() -> None:
    async def good() -> Sequence[Finding]:
        return (GREEN,)

    async def broken() -> Sequence[Finding]:
        raise ValueError("+358504545641")

    async def hanging() -> Sequence[Finding]:
        await asyncio.sleep(3600)
        return ()

    health = Health(patience=0.05)
    for check in (broken, hanging, good):
        health.add(check.__name__, check)
    first, second, third = await health.findings()
    assert first == Finding("broken", Status.RED, "the check failed (ValueError)")
    assert (second.name, second.status) == ("hanging", Status.RED)
    assert third == GREEN


@pytest.mark.parametrize(("good_for", "asked"), [(60, 1), (0, 2)])
async def test_findings_are_given_again_for_a_while(good_for: float, asked: int) -> None:
    count = 0

    async def counting() -> Sequence[Finding]:
        nonlocal count
        count += 1
        return ()

    health = Health(good_for=good_for)
    health.add("counting", counting)
    for _ in range(2):
        await asyncio.gather(health.findings(), health.findings())
    assert count == asked
