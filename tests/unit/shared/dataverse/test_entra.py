"""A refusal of Entra: whether to try later or to ask an operator, and what the operator should check."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dataverse.entra import token_error
from shared.dataverse.errors import DataverseError, DeniedError, UnavailableError

TRACE = "255d1aef-8c98-452f-ac51-23d051240864"


def refusal(code: int, oauth: str = "invalid_client", text: str = "Text with app 'b3c1' of contoso.") -> str:
    """As azure.identity words an answer of the token endpoint."""
    return (
        f"Microsoft Entra ID error '({oauth}) AADSTS{code}: {text} Trace ID: {TRACE} Correlation ID: "
        "fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7 Timestamp: 2026-11-21 02:02:12Z'"
    )


@pytest.mark.parametrize(
    ("status", "text", "kind", "says"),
    [
        (401, refusal(7000215), DeniedError, "must be the secret's value, not its id"),
        (401, refusal(7000222), DeniedError, "expired"),
        (401, refusal(700027), DeniedError, "DATAVERSE_CERTIFICATE"),
        (400, refusal(700016, "unauthorized_client"), DeniedError, "DATAVERSE_CLIENT_ID"),
        (400, refusal(90002, "invalid_request"), DeniedError, "DATAVERSE_TENANT_ID"),
        (400, refusal(500011, "invalid_resource"), DeniedError, "DATAVERSE_URL"),
        (400, refusal(65001, "invalid_grant"), DeniedError, "consent"),
        (401, refusal(700213), DeniedError, "managed identity as its subject"),
        (400, refusal(99999), DeniedError, "check the app registration"),
        (400, "Unexpected response \"{'message': 'Identity not found'}\"", DeniedError, "managed identity is assigned"),
        (400, refusal(90033, "temporarily_unavailable"), UnavailableError, "AADSTS90033"),
        (400, refusal(50196), UnavailableError, "AADSTS50196"),
        (400, refusal(99999, "server_error"), UnavailableError, "AADSTS99999"),
        (429, refusal(90055), UnavailableError, "status 429"),
        (503, "", UnavailableError, "status 503"),
        (500, refusal(7000215), UnavailableError, "AADSTS7000215"),
        (200, "Unexpected response from Microsoft Entra ID", UnavailableError, "status 200"),
        (None, "Cannot connect to host", UnavailableError, "no answer"),
    ],
)
def test_each_refusal(status: int | None, text: str, kind: type[DataverseError], says: str) -> None:
    error = token_error(status, text)
    assert type(error) is kind
    assert says in str(error)
    assert "contoso" not in str(error)
    assert error.status is None, "a 401 of Entra is not one of Dataverse"


def test_code_and_trace_are_kept_for_the_operator() -> None:
    error = token_error(401, refusal(7000215))
    assert (error.code, error.request_id) == ("AADSTS7000215", TRACE)
    assert str(error).startswith(f"no token for Dataverse: status 401, AADSTS7000215 (trace {TRACE}): ")


def test_a_wait_that_entra_names_is_kept() -> None:
    error = token_error(429, "", 17.0)
    assert isinstance(error, UnavailableError)
    assert error.retry_after == 17


@given(st.integers(400, 599), st.text())
def test_nothing_else_of_the_text_is_repeated(status: int, text: str) -> None:
    hostile = f"s3cret-of-contoso {text} AADSTS7000215s3cret Trace ID: s3cret"
    assert "s3cret" not in str(token_error(status, hostile))
