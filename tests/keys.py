"""Keys and certificates for tests, in the forms in which Key Vault hands them out."""

import base64
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

type PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def certificate_for(key: PrivateKey, ends: datetime) -> x509.Certificate:
    """A self-signed certificate of a year."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "switchboard")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(ends - timedelta(days=365)).not_valid_after(ends).sign(key, hashes.SHA256())


def key_pem(key: PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def pem(key: PrivateKey, certificate: x509.Certificate) -> str:
    return key_pem(key) + certificate.public_bytes(serialization.Encoding.PEM).decode()


def pfx(key: PrivateKey, certificate: x509.Certificate | None, password: str = "") -> str:
    secrecy = (
        serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    )  # fmt: skip
    return base64.b64encode(pkcs12.serialize_key_and_certificates(None, key, certificate, None, secrecy)).decode()
