"""GET /api/health for whatever watches the app, GET /api/health/details for the people who look after it."""

import json
from functools import partial

import azure.functions as func

from functions.operations.use_case import check_dataverse, check_documents, check_storage
from shared.gateways import Gateways
from shared.health import Finding, Status, overall


def blueprint(gateways: Gateways) -> func.Blueprint:
    """The functions `health` and `health_details`."""
    health = gateways.health
    health.add("storage", partial(check_storage, gateways.files))
    health.add("documents", partial(check_documents, gateways.documents))
    health.add("Dataverse", partial(check_dataverse, gateways.dataverse))
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

    return bp


def _shown(finding: Finding) -> dict[str, str]:
    since = {} if finding.since is None else {"since": finding.since.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {"name": finding.name, "status": finding.status, "reason": finding.reason, **since}


def _json(body: object, status_code: int) -> func.HttpResponse:
    headers = {"Cache-Control": "no-store"}
    return func.HttpResponse(
        json.dumps(body, ensure_ascii=False), status_code=status_code, headers=headers, mimetype="application/json"
    )
