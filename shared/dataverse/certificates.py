"""The certificate of an app registration, as Key Vault hands it out."""

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime, timedelta

WARN_BEFORE_END = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its private key, in PEM or PKCS#12 without a password. `ends` is in UTC."""

    data: bytes = field(repr=False)
    ends: datetime


def read_certificate(text: str) -> Certificate:
    """Reads PEM (the private key and the certificate) or base64 of a PFX without a password.

    These are the two forms in which Key Vault gives a certificate as a secret, by its content type. A PEM whose
    line feeds became the two characters `\\n` on the way through a settings file is read too. Raises ValueError with
    what is wrong, never with what stands in it.
    """
    # Some 30 ms, spent only where a certificate is used.
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        if "-----BEGIN" in text:
            data = text.replace("\\n", "\n").encode()
            key = serialization.load_pem_private_key(data, None)
            certificate: x509.Certificate | None = x509.load_pem_x509_certificate(data)
        else:
            data = base64.b64decode("".join(text.split()), validate=True)
            found, certificate, _ = pkcs12.load_key_and_certificates(data, None)
            if found is None:
                raise ValueError
            key = found
    except (binascii.Error, ValueError, TypeError):
        raise ValueError(
            "is neither PEM with a private key and a certificate, nor base64 of a PFX without a password"
        ) from None
    if certificate is None:
        raise ValueError("has a private key but no certificate")
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("has a key that is not RSA, which Entra does not take")
    if key.public_key() != certificate.public_key():
        raise ValueError("has a private key that belongs to another certificate")
    return Certificate(data, certificate.not_valid_after_utc)


def days_to_warn_of(ends: datetime, now: datetime) -> int | None:
    """Whole days that a certificate lasts yet, negative when it has ended; None while there is time enough."""
    left = ends - now
    return left.days if left < WARN_BEFORE_END else None
