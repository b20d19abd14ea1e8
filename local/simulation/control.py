"""What the control surfaces under `/__sim/` have in common."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

type Handler = Callable[[web.Request], Awaitable[web.Response]]


def explained(
    handler: Handler, also: tuple[type[Exception], ...] = (), tell: Callable[[Exception], str] = str
) -> Handler:
    """A control request that is not understood is told why. `also`: errors besides those of values and types."""
    errors: tuple[type[Exception], ...] = (ValueError, TypeError, AttributeError, *also)

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except errors as error:
            return web.json_response({"error": tell(error)}, status=400)

    return answer


async def read_body(request: web.Request) -> Any:
    """Returns the JSON of a request, None where it has no body. Raises ValueError."""
    text = await request.text()
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise ValueError(f"The body is not JSON: {error}.") from error
