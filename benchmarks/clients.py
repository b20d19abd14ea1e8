"""Every client that is measured: which program runs it, how it is used, how many requests that must cost.

The requests are those of the earlier measurements (facts on performance, section 1), so that a peer that is used
wrongly here is noticed instead of beaten.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Program(StrEnum):
    """What runs a client."""

    APP = "app"
    PEER = "peer"
    NODE = "node"


class Use(StrEnum):
    """How a client is used."""

    OURS = "ours"
    DOCUMENTED = "as documented"
    TUNED = "tuned by hand"
    PLAIN = "plain HTTP library, tuned by hand"
    PROBE = "limit"


@dataclass(frozen=True, slots=True)
class Client:
    """One client in one way of use. `requests` is what 20,000 records must cost; None where it adapts."""

    name: str
    module: str
    use: Use
    program: Program = Program.PEER
    options: dict[str, Any] = field(default_factory=dict, hash=False)
    requests: int | None = None

    @property
    def in_python(self) -> bool:
        """Whether its processor time can be compared with ours."""
        return self.program is not Program.NODE


OURS = Client("Switchboard", "benchmarks.ours", Use.OURS, Program.APP)
PROBE = Client("probe", "benchmarks.probe", Use.PROBE, Program.APP)

BULK_PEERS = (
    Client("official SDK, sync", "official_sync", Use.DOCUMENTED, requests=3),
    Client(
        "official SDK, async, 1,000 x 8",
        "official_async",
        Use.DOCUMENTED,
        options={"chunk": 1000, "width": 8},
        requests=29,
    ),
    Client(
        "official SDK, async, 400 x 50",
        "official_async",
        Use.TUNED,
        options={"chunk": 400, "width": 50},
        requests=101,
    ),
    Client(
        "dataverse-api, upsert by $batch",
        "dataverse_api_client",
        Use.DOCUMENTED,
        options={"mode": "batch", "chunk": 500},
        requests=45,
    ),
    Client(
        "dataverse-api, CreateMultiple",
        "dataverse_api_client",
        Use.DOCUMENTED,
        options={"mode": "multiple", "chunk": 100},
        requests=205,
    ),
    Client("crmadminbrasil, $batch 100 x 5", "crmadminbrasil", Use.DOCUMENTED, requests=200),
    Client(
        "dynamics-client, single POST x 50",
        "dynamics_client",
        Use.DOCUMENTED,
        options={"mode": "single", "width": 50},
        requests=20_002,
    ),
    Client(
        "dynamics-client, action by hand x 50",
        "dynamics_client",
        Use.TUNED,
        options={"mode": "action", "chunk": 400, "width": 50},
        requests=52,
    ),
    Client(
        "npm dynamics-web-api, 1,000 x 8",
        "dynamics_web_api.mjs",
        Use.DOCUMENTED,
        Program.NODE,
        {"chunk": 1000, "width": 8},
        requests=20,
    ),
    Client(
        "npm dynamics-web-api, 400 x 50",
        "dynamics_web_api.mjs",
        Use.TUNED,
        Program.NODE,
        {"chunk": 400, "width": 50},
        requests=50,
    ),
    Client(
        "plain httpx, 400 x 50",
        "plain",
        Use.PLAIN,
        options={"library": "httpx", "chunk": 400, "width": 50},
        requests=50,
    ),
    Client(
        "plain aiohttp, 400 x 50, warm",
        "plain",
        Use.PLAIN,
        options={"library": "aiohttp", "chunk": 400, "width": 50, "warm": True},
        requests=100,
    ),
)
