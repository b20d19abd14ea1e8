"""Who the app is towards Enreach, or why it is nobody; and what health says of either."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from shared.enreach.credentials import Absence, Credentials, read_credentials
from shared.enreach.errors import (
    CredentialsError,
    EndpointError,
    EnreachError,
    RejectedError,
    ThrottledError,
    UnreadableReplyError,
)
from shared.enreach.health import absence_finding, enreach_finding
from shared.health import Status

REFERENCE = "@Microsoft.KeyVault(SecretUri=https://v/secrets/hidden)"
SINCE = datetime(2026, 3, 2, tzinfo=UTC)


def test_a_request_is_signed_with_basic_in_utf_8() -> None:
    credentials = read_credentials(" svc@example.com ", SecretStr("kåy\n"))
    assert credentials == Credentials("svc@example.com", "kåy")
    assert credentials.authorization == "Basic c3ZjQGV4YW1wbGUuY29tOmvDpXk="
    assert "svc" not in repr(credentials)
    assert "kåy" not in repr(credentials)


@pytest.mark.parametrize(
    ("user", "key", "names", "is_meant"),
    [
        (None, None, ["ENREACH_USER is not set", "ENREACH_SECRET_KEY is not set"], True),
        ("", " ", ["ENREACH_USER is not set", "ENREACH_SECRET_KEY is not set"], True),
        ("svc@example.com", None, ["ENREACH_SECRET_KEY is not set"], False),
        (None, "key", ["ENREACH_USER is not set"], False),
        ("svc@example.com", REFERENCE, ["ENREACH_SECRET_KEY is an unresolved Key Vault reference"], False),
        (f" {REFERENCE}", "key", ["ENREACH_USER is an unresolved Key Vault reference"], False),
        ("svc:x@example.com", "key", ["ENREACH_USER has a colon"], False),
    ],
)
def test_without_credentials_the_reason_names_settings_alone(
    user: str | None, key: str | None, names: list[str], is_meant: bool
) -> None:
    absence = read_credentials(user, None if key is None else SecretStr(key))
    assert isinstance(absence, Absence)
    assert absence.is_meant is is_meant
    for name in names:
        assert name in absence.reason
    assert absence.reason.count("ENREACH_") == len(names)
    assert "hidden" not in absence.reason
    assert "example.com" not in absence.reason
    assert absence_finding(absence).status is (Status.GREEN if is_meant else Status.RED)


@pytest.mark.parametrize(
    ("failure", "since", "minutes", "status"),
    [
        (None, None, 0, Status.GREEN),
        (None, SINCE, 60, Status.GREEN),
        (CredentialsError("refused"), SINCE, 0, Status.RED),
        (EndpointError("unknown"), SINCE, 0, Status.RED),
        (UnreadableReplyError("no list"), SINCE, 4.9, Status.AMBER),
        (UnreadableReplyError("no list"), SINCE, 5, Status.RED),
        (ThrottledError("429", retry_after=5), SINCE, 0, Status.AMBER),
        (ThrottledError("429", retry_after=5), SINCE, 60, Status.RED),
        (RejectedError("400"), SINCE, 60, Status.AMBER),
    ],
)
def test_how_enreach_is(failure: EnreachError | None, since: datetime | None, minutes: float, status: Status) -> None:
    finding = enreach_finding(failure, since, SINCE + timedelta(minutes=minutes))
    assert (finding.name, finding.status, finding.since) == ("Enreach", status, since)
    if failure is not None:
        assert str(failure) in finding.reason
