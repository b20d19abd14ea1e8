"""What a thousand tickets cost, in requests to Dynamics as the simulator counts them."""

from collections.abc import AsyncIterator
from itertools import batched
from typing import Any

import pytest

from functions.ticket_creation.use_case.results import DONE
from shared.dataverse.client import DataverseClient
from shared.ticket_request import TicketRequest
from tests.integration.enreach import Enreach
from tests.integration.tickets_site import TicketsSite, tickets_site

TICKETS = 1_000
GROUP = 500


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[TicketsSite]:
    async with tickets_site(dataverse, simulator, enreach.address) as site:
        yield site


def requests_of(site: TicketsSite, callers: int) -> list[TicketRequest]:
    """Calls of so many callers, half of whom are contacts."""
    numbers = [f"+35850{1_000_000 + each}" for each in range(callers)]
    contacts = [{"contactid": _guid(each), "lastname": f"Caller {each}", "telephone1": numbers[each]}
                for each in range(0, callers, 2)]  # fmt: skip
    site.plant(contacts=contacts)
    return [
        site.request(f"call {each}", ago=TICKETS - each, callerNumber=numbers[each % callers])
        for each in range(TICKETS)
    ]


def _guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


async def in_groups(site: TicketsSite, requests: list[TicketRequest]) -> int:
    """How many requests to Dynamics it takes to work off all of these."""
    before = site.dynamics_requests()
    for group in batched(requests, GROUP, strict=False):
        assert await site.take(*group) == [DONE] * len(group)
    return site.dynamics_requests() - before


@pytest.mark.parametrize(
    ("rules", "callers", "bound"),
    [
        # Of each group: customers, what is there, contacts, cases, notifications; the latter three 200 a request.
        pytest.param({"queue": "Case desk", "notifyAgent": True}, TICKETS, 24, id="a case each"),
        pytest.param(
            {"queue": "Case desk", "attach": {"policy": "newestOpenCase"}}, 200, 14, id="onto the newest open case"
        ),
        pytest.param({"queue": "Case desk", "attach": {"policy": "missedCallCase"}}, 200, 14, id="missed calls"),
    ],
)
async def test_a_thousand_tickets_take_some_twenty_requests(
    site: TicketsSite, rules: dict[str, Any], callers: int, bound: int
) -> None:
    site.configuration(**rules)
    await site.take(site.request("to know the place", callerNumber="+358401234567"))
    requests = requests_of(site, callers)
    seeded = len(site.cases())
    assert await in_groups(site, requests) <= bound
    opened = len(site.cases()) - seeded
    assert opened == callers
    assert len(site.rows("annotations")) - site.seeded_notes == TICKETS - callers
    assert await in_groups(site, requests) == 0, "all of it is remembered"
