"""GET /api/health for whatever watches the app, GET /api/health/details for the people who look after it.

And what became of a call or a callback request, for whoever is asked: GET /api/calls/{callId}, POST /api/calls/search,
GET /api/callbacks/{callbackId}.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus

import azure.functions as func

from functions.operations.decide import told, told_callback
from functions.operations.messages import BadRequestError, read_call_id, read_callback_id, read_search
from functions.operations.use_case import (
    check_dataverse,
    check_documents,
    check_storage,
    look_up_call,
    search_calls,
)
from shared.calls.search_keys import search_key
from shared.clock import utc_now
from shared.enreach import client as enreach
from shared.gateways import Gateways
from shared.health import Finding, Status, overall
from shared.number_index.keys import key_problem
from shared.problems import MIMETYPE, problem
from shared.storage.errors import StorageError

_log = logging.getLogger(__name__)


def blueprint(gateways: Gateways) -> func.Blueprint:
    """The functions `health`, `health_details`, `call_history`, `search_calls` and `callback_history`."""
    health = gateways.health
    health.add("storage", partial(check_storage, gateways.files))
    health.add("documents", partial(check_documents, gateways.documents))
    health.add("Dataverse", partial(check_dataverse, gateways.dataverse))
    health.add("Enreach", partial(enreach.check, gateways.settings, gateways.enreach))
    bp = func.Blueprint()

    # Anonymous, for load balancers and monitors: so it tells no detail.
    @bp.function_name("health")
    @bp.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def health_of_all(req: func.HttpRequest) -> func.HttpResponse:
        status = overall(await health.findings())
        return _json({"status": status}, 503 if status is Status.RED else 200)

    @bp.function_name("health_details")
    @bp.route(route="health/details", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    async def health_details(req: func.HttpRequest) -> func.HttpResponse:
        findings = await health.findings()
        body = {"status": overall(findings), "checks": [_shown(finding) for finding in findings]}
        # 200 whatever it found: the details are there, and that is what was asked for.
        return _json(body, 200)

    _add_calls(bp, gateways)
    _add_callbacks(bp, gateways)
    return bp


def _add_calls(bp: func.Blueprint, gateways: Gateways) -> None:
    secret = gateways.settings.customer_id_key
    key, problem = search_key(secret), key_problem(secret)
    if problem is not None:
        _log.warning("CUSTOMER_ID_KEY %s: calls are not found by number or agent", problem)

    @bp.function_name("call_history")
    @bp.route(route="calls/{callId}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    async def call_history(req: func.HttpRequest) -> func.HttpResponse:
        async def answer() -> func.HttpResponse:
            call_id = read_call_id(req.route_params.get("callId", ""))
            known = await look_up_call(call_id, gateways.calls, gateways.tickets)
            if known is None:
                return _problem(HTTPStatus.NOT_FOUND, "nothing is known of this call")
            return _json(told(known), 200)

        return await _answered(answer)

    # Not GET: a number in an address would end up in logs (OWASP ASVS 14.2.1).
    @bp.function_name("search_calls")
    @bp.route(route="calls/search", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
    async def search_for_calls(req: func.HttpRequest) -> func.HttpResponse:
        async def answer() -> func.HttpResponse:
            if key is None:
                return _problem(HTTPStatus.SERVICE_UNAVAILABLE, f"CUSTOMER_ID_KEY {problem}: calls cannot be searched")
            search = read_search(req.get_body() or b"")
            found = await search_calls(search, gateways.calls, gateways.tickets, key, gateways.documents, utc_now())
            return _json([told(known) for known in found], 200)

        return await _answered(answer)


def _add_callbacks(bp: func.Blueprint, gateways: Gateways) -> None:
    @bp.function_name("callback_history")
    @bp.route(route="callbacks/{callbackId}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    async def callback_history(req: func.HttpRequest) -> func.HttpResponse:
        async def answer() -> func.HttpResponse:
            callback_id = read_callback_id(req.route_params.get("callbackId", ""))
            record = (await gateways.callbacks.read([callback_id])).get(callback_id)
            if record is None:
                return _problem(HTTPStatus.NOT_FOUND, "nothing is known of this callback request")
            return _json(told_callback(record), 200)

        return await _answered(answer)


async def _answered(answer: Callable[[], Awaitable[func.HttpResponse]]) -> func.HttpResponse:
    try:
        return await answer()
    except BadRequestError as error:
        return _problem(HTTPStatus.BAD_REQUEST, str(error))
    except StorageError as error:
        _log.warning("What became of it could not be read: %s", type(error).__name__)
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "storage did not answer")


def _shown(finding: Finding) -> dict[str, str]:
    since = {} if finding.since is None else {"since": finding.since.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {"name": finding.name, "status": finding.status, "reason": finding.reason, **since}


def _json(body: object, status_code: int) -> func.HttpResponse:
    headers = {"Cache-Control": "no-store"}
    return func.HttpResponse(
        json.dumps(body, ensure_ascii=False), status_code=status_code, headers=headers, mimetype="application/json"
    )


def _problem(status: HTTPStatus, detail: str) -> func.HttpResponse:
    """A refusal as RFC 9457 describes it."""
    headers = {"Cache-Control": "no-store"}
    return func.HttpResponse(problem(status, detail), status_code=status.value, headers=headers, mimetype=MIMETYPE)
