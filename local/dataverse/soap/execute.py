"""The endpoint: headers, envelope, one Execute in, one answer or fault out.

Which refusals happen before the service is asked, and so carry no detail, follows WCF; their texts are UNCONFIRMED.
"""

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element

from local.dataverse.environment import Environment
from local.dataverse.errors import DataverseError
from local.dataverse.messages import Request, Response
from local.dataverse.safe_xml import (
    CONTRACTS,
    CORE_CONTRACTS,
    LARGEST,
    SERVICES,
    SOAP,
    TYPE,
    NotWellFormedError,
    read_xml,
)
from local.dataverse.session import Session
from local.dataverse.soap.organization_requests import OrganizationRequests
from local.dataverse.soap.typed_values import NotDeserializableError, children, is_nil, pairs, text_of
from local.dataverse.soap.writing import answer, channel_fault, service_fault

NAME = "Organization.svc"
PATH = "/XRMServices/2011/Organization.svc/web"
ACTION = f"{SERVICES}/IOrganizationService/Execute"
REQUEST = ("Parameters", "RequestId", "RequestName")


class Endpoint:
    """Answers the POSTs of the SOAP endpoint."""

    def __init__(self, requests: OrganizationRequests, environment: Environment, watch: Callable[[str], None]) -> None:
        self._requests = requests
        self._watch = watch  # is told the name of each request
        self._environment = environment

    def handle(self, request: Request, session: Session) -> Response:
        """Returns the answer to one request; a refusal is an answer too."""
        refused = _refuse_transport(request)
        if refused is not None:
            return refused
        try:
            name, parameters = _read_execute(read_xml(request.body))
        except NotWellFormedError:
            return Response(400)
        except NotDeserializableError as error:
            return channel_fault(
                "d:DeserializationFailed",
                "The formatter threw an exception while trying to deserialize the message: There was an error while "
                f"trying to deserialize parameter {SERVICES}:request. {error}",
            )
        return self._run(name, parameters, session)

    def _run(self, name: str, parameters: dict[str, Any], session: Session) -> Response:
        self._watch(name)
        try:
            results, written = self._requests.run(name, parameters, session)
        except DataverseError as error:
            response = service_fault(error, self._environment.soap_throttle_status)
            response.cost_ms = self._environment.read_part_ms
            return response
        response = answer(name, results)
        environment = self._environment
        response.cost_ms = written * environment.single_write_ms if written else environment.read_part_ms
        return response


def _refuse_transport(request: Request) -> Response | None:
    kind = request.header("content-type").partition(";")[0].strip().lower()
    action = request.header("soapaction").strip().strip('"')
    if request.method != "POST":
        return Response(405, {"Allow": "POST"})
    if kind != "text/xml":
        return Response(415)
    if len(request.body) > LARGEST:
        return Response(413)
    if action != ACTION:
        return channel_fault(
            "d:ActionNotSupported",
            f"The message with Action '{action}' cannot be processed at the receiver, due to a ContractFilter mismatch "
            "at the EndpointDispatcher.",
        )
    return None


def _read_execute(root: Element) -> tuple[str, dict[str, Any]]:
    if root.tag != f"{{{SOAP}}}Envelope":
        raise NotDeserializableError("The root is not a SOAP 1.1 Envelope.")
    parts = children(root, ("Header", "Body"), SOAP)
    for header in parts.get("Header", ()):
        # Acting for another user by this header is not simulated; ignoring it would write in the wrong name.
        if header.get(f"{{{SOAP}}}mustUnderstand") == "1" or header.tag == f"{{{CONTRACTS}}}CallerId":
            raise NotDeserializableError(f"The header {header.tag} was not understood.")
    body = parts.get("Body")
    if body is None or len(body) != 1:
        raise NotDeserializableError("The Body holds one element.")
    execute = children(body, ("Execute",), SERVICES).get("Execute")
    request = None if execute is None else children(execute, ("request",), SERVICES).get("request")
    if request is None or is_nil(request):
        raise NotDeserializableError("The element Execute holds a request.")
    members = children(request, REQUEST)
    name = text_of(members.get("RequestName"))
    if not name:
        raise NotDeserializableError("The request has no RequestName.")
    if request.get(TYPE) not in {None, f"{{{CORE_CONTRACTS}}}{name}Request"}:
        raise NotDeserializableError(f"The type {request.get(TYPE)} does not belong to the request {name}.")
    return name, pairs(members.get("Parameters"))
