"""The log never holds an address with data in it."""

import logging

import httpx
import pytest

from shared.telemetry import quiet_libraries


async def test_a_request_leaves_no_trace_of_its_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    quiet_libraries()
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as http:
        await http.get("https://org.example/contacts?$filter=telephone1 eq '+358501234567'")
    assert "358501234567" not in caplog.text
