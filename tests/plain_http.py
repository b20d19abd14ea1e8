"""HTTP without TLS to servers of this machine."""

import ssl

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""`verify` of httpx clients that speak plain HTTP alone: to read the world's certificates takes each of them 25 ms."""
