"""The key check matrix of the route webhook: what is sent against what is configured, by header and by Basic."""

import base64

import pytest
from pydantic import SecretStr

from shared.routing_key import RoutingKeys, routing_keys

OLD = "old-key-0123456789-0123456789-0123456789"
NEW = "new-key-0123456789-0123456789-0123456789"
REFERENCE = "@Microsoft.KeyVault(SecretUri=https://vault.example.test/secrets/routing-key)"

CONFIGURED: dict[str, tuple[str | None, str | None]] = {
    "old only": (OLD, None),
    "old and new": (OLD, NEW),
    "new only": (NEW, None),
    "none valid": (REFERENCE, "too-short"),
}
SENT = {
    "old key": OLD,
    "new key": NEW,
    "wrong key": "wrong-key-0123456789-0123456789-0123456789",
    "missing": None,
    "non-ASCII key": "kéy-0123456789-0123456789-0123456789",
    "10 kB key": "k" * 10_240,
    "unresolved reference": REFERENCE,
}
PASSES = {
    ("old key", "old only"): "current",
    ("old key", "old and new"): "current",
    ("new key", "old and new"): "next",
    ("new key", "new only"): "current",
}
MATRIX = [
    pytest.param(sent, configured, PASSES.get((sent, configured)), id=f"{sent} against {configured}")
    for sent in SENT
    for configured in CONFIGURED
]
NONE_VALID = [
    pytest.param(None, None, id="missing"),
    pytest.param("", "", id="empty"),
    pytest.param(" " * 40, "\n" * 40, id="blank"),
    pytest.param("k" * 31, "too-short", id="shorter than 32"),
    pytest.param(REFERENCE, REFERENCE, id="unresolved reference"),
]


def keys(current: str | None, later: str | None, user: str | None = "enreach") -> RoutingKeys:
    return routing_keys(
        SecretStr(current) if current is not None else None, SecretStr(later) if later is not None else None, user
    )


def basic(password: str | None, user: str = "enreach") -> str | None:
    if password is None:
        return None
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_the_matrix_has_28_cells() -> None:
    assert len(MATRIX) == 28


@pytest.mark.parametrize(("sent", "configured", "name"), MATRIX)
def test_header(sent: str, configured: str, name: str | None) -> None:
    assert keys(*CONFIGURED[configured]).accept(SENT[sent], None) == name


@pytest.mark.parametrize(("sent", "configured", "name"), MATRIX)
def test_basic(sent: str, configured: str, name: str | None) -> None:
    assert keys(*CONFIGURED[configured]).accept(None, basic(SENT[sent])) == name


@pytest.mark.parametrize(("current", "later"), NONE_VALID)
def test_without_a_valid_key_everybody_is_refused_and_both_are_named(current: str | None, later: str | None) -> None:
    configured = keys(current, later)
    for sent in (*SENT.values(), current, later, ""):
        assert not configured.accept(sent, basic(sent))
    problems = " ".join(configured.problems)
    assert "ROUTING_KEY_CURRENT" in problems
    assert "ROUTING_KEY_NEXT" in problems
    assert "too-short" not in problems
    assert "vault.example.test" not in problems


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(f" {OLD}", id="a space before"),
        pytest.param(f"{OLD} ", id="a space behind"),
        pytest.param(f"{OLD}\n", id="a newline behind"),
        pytest.param(OLD.upper(), id="another case"),
        pytest.param(OLD[:-1], id="cut short"),
        pytest.param("", id="empty"),
        pytest.param("\ud800" * 40, id="lone surrogates"),
    ],
)
def test_nearly_the_key_is_not_the_key(sent: str) -> None:
    assert not keys(OLD, None).accept(sent, None)


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("", id="empty"),
        pytest.param("Basic", id="no credentials"),
        pytest.param("Basic !!!", id="no base64"),
        pytest.param("Basic kéy", id="outside of ASCII"),
        pytest.param("Basic " + base64.b64encode(OLD.encode()).decode(), id="no colon"),
        pytest.param("Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(), id="no UTF-8"),
        pytest.param("Bearer " + base64.b64encode(f"enreach:{OLD}".encode()).decode(), id="another scheme"),
        pytest.param(basic(OLD, "somebody"), id="another user"),
        pytest.param(basic(OLD, ""), id="no user"),
        pytest.param(basic("", "enreach"), id="no password"),
    ],
)
def test_other_authorization_is_refused(authorization: str) -> None:
    assert not keys(OLD, NEW).accept(None, authorization)


def test_header_and_basic_are_never_both_required() -> None:
    configured = keys(OLD, None)
    assert configured.accept(OLD, None)
    assert configured.accept(None, basic(OLD))
    assert configured.accept("wrong", basic(OLD))
    assert configured.accept(OLD, "Basic wrong")


def test_the_scheme_is_read_in_any_case() -> None:
    assert keys(OLD, None).accept(None, (basic(OLD) or "").replace("Basic", "basic"))


@pytest.mark.parametrize("user", [pytest.param(None, id="missing"), pytest.param("", id="empty"), REFERENCE])
def test_without_a_configured_user_basic_is_off(user: str | None) -> None:
    configured = keys(OLD, None, user)
    assert not configured.accept(None, basic(OLD, user or ""))
    assert configured.accept(OLD, None)


def test_a_missing_next_key_is_no_problem() -> None:
    assert keys(OLD, None).problems == ()
    assert keys(OLD, NEW).problems == ()


def test_a_bad_next_key_is_named() -> None:
    assert keys(OLD, "short").problems == ("ROUTING_KEY_NEXT is shorter than 32 characters and counts as absent",)


def test_a_key_alone_in_next_works_and_the_missing_one_is_named() -> None:
    configured = keys(None, NEW)
    assert configured.accept(NEW, None)
    assert configured.problems == ("ROUTING_KEY_CURRENT is empty and counts as absent",)
