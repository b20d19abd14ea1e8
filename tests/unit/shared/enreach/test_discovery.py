"""Where the key may be sent: what discovery says is believed only where it is safe."""

from typing import Any

import pytest

from shared.enreach.discovery import (
    VENDORS_DISCOVERY,
    address_problem,
    below,
    discovery_request,
    endpoint_of,
)
from shared.enreach.errors import EndpointError, UnreadableReplyError

LOCAL = "http://127.0.0.1:7082"


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        (VENDORS_DISCOVERY, "https://discover.enreachvoice.com/api/user?user=svc%2B1@example.com"),
        (f"{VENDORS_DISCOVERY}/", "https://discover.enreachvoice.com/api/user?user=svc%2B1@example.com"),
        (f"{VENDORS_DISCOVERY}/api/user/", "https://discover.enreachvoice.com/api/user?user=svc%2B1@example.com"),
        ("https://test.example.com/x", "https://test.example.com/x/api/user?user=svc%2B1@example.com"),
    ],
)
def test_discovery_is_asked_for_the_users_place(address: str, asked: str) -> None:
    assert str(discovery_request(address, "svc+1@example.com")) == asked


@pytest.mark.parametrize(
    ("named", "discovered_at", "endpoint"),
    [
        ("https://api-x.enreachvoice.com/", VENDORS_DISCOVERY, "https://api-x.enreachvoice.com"),
        ("https://api-x.enreachvoice.com", VENDORS_DISCOVERY, "https://api-x.enreachvoice.com"),
        (" https://api-x.enreachvoice.com/silo2/ ", VENDORS_DISCOVERY, "https://api-x.enreachvoice.com/silo2"),
        (f"{LOCAL}/silo2/", LOCAL, f"{LOCAL}/silo2"),
        ("https://api-x.enreachvoice.com/", LOCAL, "https://api-x.enreachvoice.com"),
    ],
)
def test_an_endpoint_has_no_slash_at_its_end(named: str, discovered_at: str, endpoint: str) -> None:
    assert endpoint_of([{"siloName": "x", "apiEndpoint": named}, {"apiEndpoint": "no"}], discovered_at) == endpoint
    assert endpoint_of([{"APIENDPOINT": named}], discovered_at) == endpoint


UNSAFE = [
    ("http://api-x.enreachvoice.com/", VENDORS_DISCOVERY),
    ("http://api-x.enreachvoice.com/", LOCAL),
    (LOCAL, VENDORS_DISCOVERY),
    ("ftp://api-x.enreachvoice.com/", VENDORS_DISCOVERY),
    ("https://me:key@api-x.enreachvoice.com/", VENDORS_DISCOVERY),
    ("https://api-x.enreachvoice.com/?q=1", VENDORS_DISCOVERY),
    ("https://api-x.enreachvoice.com/#f", VENDORS_DISCOVERY),
    ("https://api-x.enreachvoice.com:port/", VENDORS_DISCOVERY),
    ("//api-x.enreachvoice.com/", VENDORS_DISCOVERY),
    ("https://", VENDORS_DISCOVERY),
    ("https://[::1/", VENDORS_DISCOVERY),
]


@pytest.mark.parametrize(("named", "discovered_at"), UNSAFE)
def test_the_key_goes_nowhere_else(named: str, discovered_at: str) -> None:
    with pytest.raises(EndpointError) as raised:
        endpoint_of([{"apiEndpoint": named}], discovered_at)
    assert "enreachvoice" not in str(raised.value)


def test_a_user_whom_discovery_does_not_know_is_named_by_the_setting() -> None:
    with pytest.raises(EndpointError, match="ENREACH_USER"):
        endpoint_of([], VENDORS_DISCOVERY)


@pytest.mark.parametrize("places", [[None], [{}], [{"apiEndpoint": None}], [{"apiEndpoint": " "}], ["https://x"]])
def test_another_shape_cannot_be_read(places: list[Any]) -> None:
    with pytest.raises(UnreadableReplyError):
        endpoint_of(places, VENDORS_DISCOVERY)


@pytest.mark.parametrize("address", ["https://api.example.com", "https://api.example.com/x/", LOCAL, "http://[::1]:1"])
def test_addresses_that_may_be_used(address: str) -> None:
    assert address_problem(address) is None


@pytest.mark.parametrize(
    ("named", "url"),
    [
        ("calls/recordings/1/content?token=t", "https://api.example.com/silo/calls/recordings/1/content?token=t"),
        ("/calls/recordings/1/content?token=t", "https://api.example.com/silo/calls/recordings/1/content?token=t"),
        ("//evil.example/x", "https://api.example.com/silo/evil.example/x"),
        ("calls?to=http://x", "https://api.example.com/silo/calls?to=http://x"),
        ("https://media.example.com/1?token=t", "https://media.example.com/1?token=t"),
    ],
)
def test_a_relative_address_is_below_the_api(named: str, url: str) -> None:
    assert below("https://api.example.com/silo", named) == url


@pytest.mark.parametrize("named", ["http://media.example.com/1?token=t", "http://127.0.0.1/1", "file:///etc/passwd"])
def test_a_recording_is_not_opened_in_plain_text(named: str) -> None:
    with pytest.raises(UnreadableReplyError) as raised:
        below("https://api.example.com", named)
    assert "token" not in str(raised.value)
