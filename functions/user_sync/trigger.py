"""Azure in: the timer of the user sync, and POST /api/users/sync for people who do not want to wait for it."""

import json
from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import azure.functions as func

from functions.user_sync.messages import BadRequestError, read_order
from shared.clock import utc_now
from shared.enreach.client import EnreachClient
from shared.gateways import Gateways
from shared.health import Finding
from shared.problems import MIMETYPE, problem
from shared.users.users import columns_of

if TYPE_CHECKING:
    from functions.user_sync.use_case import Report, UserSync

_WAIT_SECONDS = 5.0
"""How long a person waits for the timer's run, which usually takes less than a second."""


def blueprint(gateways: Gateways) -> func.Blueprint:
    """The functions `sync_users` and `sync_users_now`."""
    enreach = gateways.enreach

    @cache
    def user_sync(client: EnreachClient) -> "UserSync":
        # Loaded with the first run: a caller on the phone does not wait for it at a cold start.
        from functions.user_sync.use_case import UserSync

        return UserSync(
            tables=gateways.tables,
            dynamics=gateways.dataverse,
            enreach=client,
            columns=columns_of(gateways.settings),
            role=gateways.settings.enreach_user_role,
            now=utc_now,
            map_changed=gateways.users.forget,
        )

    async def health() -> Sequence[Finding]:
        return () if enreach is None else await user_sync(enreach).health()

    gateways.health.add("user sync", health)
    bp = func.Blueprint()

    @bp.function_name("sync_users")
    @bp.timer_trigger(arg_name="timer", schedule=gateways.settings.user_sync_schedule)
    async def sync_users(timer: func.TimerRequest) -> None:
        if enreach is not None:
            await user_sync(enreach).run()

    @bp.function_name("sync_users_now")
    @bp.route(route="users/sync", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
    async def sync_users_now(req: func.HttpRequest) -> func.HttpResponse:
        if enreach is None:
            reason = "ENREACH_USER and ENREACH_SECRET_KEY are not set, or cannot be used"
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, reason)
        try:
            order = read_order(req.get_body() or b"")
        except BadRequestError as error:
            return _problem(HTTPStatus.BAD_REQUEST, str(error))
        report = await user_sync(enreach).run(everything=True, accept_fewer=order.accept_fewer, wait=_WAIT_SECONDS)
        return _answered(report)

    return bp


def _answered(report: "Report") -> func.HttpResponse:
    match report.outcome.value:
        case "done" | "incomplete":
            return func.HttpResponse(json.dumps(report_json(report)), mimetype="application/json")
        case "busy":
            return _problem(HTTPStatus.CONFLICT, report.reason)
        case _:
            return _problem(HTTPStatus.BAD_GATEWAY, report.reason)


def report_json(report: "Report") -> dict[str, Any]:
    """The report as it is answered."""
    return {
        "outcome": report.outcome.value,
        "reason": report.reason,
        "matched": report.matched,
        "updated": report.updated,
        "missing": report.missing,
        "ambiguous": report.ambiguous,
        "enreachUsers": report.enreach_users,
        "unreadableEnreachUsers": report.unreadable_enreach_users,
        "dynamicsUsers": report.dynamics_users,
        "refused": _side(report, "refused"),
        "missingInDynamics": _side(report, "missing_in_dynamics"),
        "missingInEnreach": _side(report, "missing_in_enreach"),
        "ambiguousInDynamics": _side(report, "ambiguous_in_dynamics"),
        "ambiguousInEnreach": _side(report, "ambiguous_in_enreach"),
    }


def _side(report: "Report", kind: str) -> dict[str, Any]:
    return {"count": getattr(report, kind), "ids": report.ids.get(kind, [])}


def _problem(status: HTTPStatus, detail: str) -> func.HttpResponse:
    """A refusal as RFC 9457 describes it."""
    return func.HttpResponse(problem(status, detail), status_code=status.value, mimetype=MIMETYPE)
