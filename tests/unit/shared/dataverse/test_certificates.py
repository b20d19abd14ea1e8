"""Certificates in the two forms of Key Vault; what cannot be used is explained without being shown."""

import base64
import textwrap
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from shared.dataverse.certificates import days_to_warn_of, read_certificate
from tests.keys import certificate_for, key_pem, pem, pfx

KEY = rsa.generate_private_key(65537, 2048)
ENDS = datetime(2027, 3, 1, tzinfo=UTC)
CERTIFICATE = certificate_for(KEY, ENDS)
PEM = pem(KEY, CERTIFICATE)
CERTIFICATE_PEM = CERTIFICATE.public_bytes(serialization.Encoding.PEM).decode()
UNUSABLE = "is neither PEM with a private key and a certificate, nor base64 of a PFX without a password"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PEM, id="PEM"),
        pytest.param(PEM.replace("\n", "\r\n"), id="PEM with carriage returns"),
        pytest.param(PEM.replace("\n", "\\n"), id="PEM with the line feeds spelled out"),
        pytest.param(CERTIFICATE_PEM + key_pem(KEY), id="PEM, certificate first"),
        pytest.param(pfx(KEY, CERTIFICATE), id="PFX"),
        pytest.param(textwrap.fill(pfx(KEY, CERTIFICATE), 76), id="PFX in lines"),
    ],
)
def test_both_forms_of_key_vault_are_read(text: str) -> None:
    assert read_certificate(text).ends == ENDS


OTHER = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", UNUSABLE, id="nothing"),
        pytest.param("secret", UNUSABLE, id="a word"),
        pytest.param(base64.b64encode(b"secret").decode(), UNUSABLE, id="other base64"),
        pytest.param(CERTIFICATE_PEM, UNUSABLE, id="no key"),
        pytest.param(key_pem(KEY), UNUSABLE, id="no certificate"),
        pytest.param(pfx(KEY, CERTIFICATE, "pw"), UNUSABLE, id="a PFX with a password"),
        pytest.param(pfx(KEY, None), "has a private key but no certificate", id="a PFX without certificate"),
        pytest.param(key_pem(OTHER) + CERTIFICATE_PEM, "belongs to another certificate", id="another's key"),
        pytest.param(pem(CURVE, certificate_for(CURVE, ENDS)), "is not RSA", id="an elliptic curve"),
    ],
)
def test_what_cannot_be_used_is_explained(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        read_certificate(text)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_certificate_does_not_show_its_key() -> None:
    shown = repr(read_certificate(PEM))
    assert "PRIVATE" not in shown
    assert "2027" in shown


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (timedelta(days=365), None),
        (timedelta(days=30), None),
        (timedelta(days=29, hours=23), 29),
        (timedelta(hours=5), 0),
        (timedelta(days=-3), -3),
    ],
)
def test_the_warning_begins_thirty_days_before_the_end(left: timedelta, days: int | None) -> None:
    assert days_to_warn_of(ENDS, ENDS - left) == days
