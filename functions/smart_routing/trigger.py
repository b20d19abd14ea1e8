"""POST /api/smart-routing: Enreach asks where a call should go, while the caller waits; and the warm-up before."""

import json
import logging
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import assert_never

import azure.functions as func
from azure.functions.warmup import WarmUpContext

from functions.smart_routing.decide.answers import Decision, Default, Forward
from functions.smart_routing.messages import BadRequestError, read_request
from functions.smart_routing.use_case import SmartRouting
from shared.clock import utc_now
from shared.gateways import Gateways
from shared.health import Finding, Status
from shared.keep_warm import KeepWarm
from shared.problems import MIMETYPE, problem
from shared.rate_limit import KeyedLimit, Tally
from shared.routing_key import KEY_NAMES, RoutingKeys, routing_keys
from shared.users.agent_lines import AgentLines

_log = logging.getLogger(__name__)
_TELL_EVERY_SECONDS = 60.0
"""How often the log may tell of calls that were refused or limited."""


def blueprint(gateways: Gateways) -> func.Blueprint:
    """The functions `smart_routing` and `warmup`. Names in the log each routing key that cannot be used."""
    settings = gateways.settings
    keys = routing_keys(settings.routing_key_current, settings.routing_key_next, settings.routing_basic_user)
    for wrong in keys.problems:
        _log.warning("Smart routing: %s", wrong)
    agent_lines = AgentLines(gateways.users, gateways.enreach)
    routing = SmartRouting(
        documents=gateways.documents,
        dynamics=gateways.dataverse,
        numbers=gateways.number_index,
        now=utc_now,
        deadline_seconds=settings.routing_deadline_seconds,
        cache_seconds=settings.routing_cache_seconds,
        agent_lines=agent_lines,
    )

    async def keys_health() -> Iterable[Finding]:
        return (_keys_finding(keys),)

    limit = KeyedLimit(KEY_NAMES, settings.routing_calls_per_second)
    refused, limited = Tally(_TELL_EVERY_SECONDS), Tally(_TELL_EVERY_SECONDS)
    keep_warm = KeepWarm(
        {
            "rules": routing.warm_up,
            "number index": gateways.number_index.warm_up,
            "connection to Dataverse": gateways.dataverse.keep_warm,
            "numbers of agents": agent_lines.refresh,
        }
    )
    gateways.health.add("smart routing", routing.health)
    gateways.health.add("routing keys", keys_health)
    bp = func.Blueprint()

    # Anonymous to the platform: Enreach can send its own header or HTTP Basic only, and a function key in the URL
    # would end up in logs (OWASP ASVS 14.2.1).
    @bp.function_name("smart_routing")
    @bp.route(route="smart-routing", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
    async def smart_routing(req: func.HttpRequest) -> func.HttpResponse:
        now = time.monotonic()
        key = keys.accept(req.headers.get("X-Benemen-APIKey"), req.headers.get("Authorization"))
        if key is None:
            # Nothing is taken from the limit: who floods the route without a key cannot keep others out.
            if calls := refused.add(now):
                _log.warning("Routing refused %s", json.dumps({"calls": calls, "reason": "no valid key"}))
            return func.HttpResponse(status_code=401, headers={"WWW-Authenticate": 'Basic realm="smart-routing"'})
        if not limit.allows(key, now):
            if calls := limited.add(now):
                _log.warning("Routing limited %s", json.dumps({"calls": calls, "key": key}))
            return func.HttpResponse(status_code=204)
        try:
            keep_warm.start()
            return _rendered(await routing.route(read_request(req.get_body() or b"")))
        except BadRequestError as error:
            return _problem(str(error))
        except Exception as error:  # noqa: BLE001 - a caller waits: the default route is better than an error
            # The type alone: texts of exceptions repeat values, and so numbers.
            _log.error("Smart routing failed and gave the default: %s", type(error).__name__)
            return func.HttpResponse(status_code=204)

    # Azure calls the one function of this very name before it sends callers to an instance that it adds.
    # https://learn.microsoft.com/azure/azure-functions/functions-bindings-warmup
    @bp.function_name("warmup")
    @bp.warm_up_trigger(arg_name="instance")
    async def warmup(instance: WarmUpContext) -> None:
        await keep_warm.warm_up()

    return bp


def _keys_finding(keys: RoutingKeys) -> Finding:
    """Without a valid key everybody is refused (facts on the routing webhook: fail closed)."""
    if not keys.is_any_valid:
        return Finding("routing keys", Status.RED, "; ".join(keys.problems))
    if keys.problems:
        return Finding("routing keys", Status.AMBER, "; ".join(keys.problems))
    return Finding("routing keys", Status.GREEN, "in force")


def _rendered(decision: Decision) -> func.HttpResponse:
    match decision:
        case Forward():
            body = {"InitialTarget": decision.target, **decision.extra}
            if decision.fail_target is not None:
                body["FailTarget"] = decision.fail_target
            return func.HttpResponse(json.dumps(body, allow_nan=False), mimetype="application/json")
        case Default():
            return func.HttpResponse(status_code=204)
        case _:
            assert_never(decision)


def _problem(detail: str) -> func.HttpResponse:
    """A refusal as RFC 9457 describes it."""
    return func.HttpResponse(problem(HTTPStatus.BAD_REQUEST, detail), status_code=400, mimetype=MIMETYPE)
