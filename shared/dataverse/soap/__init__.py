"""SOAP Execute on the wire, as pure functions: the envelope of an organization request, and its answer or fault.

For messages that OData does not offer. SOAP 1.1 with WCF's DataContract XML, where the order of child elements is
alphabetical and significant. Sources: the Dataverse WSDL (Organization.svc), Microsoft's service-scheduling sample.
"""

from shared.dataverse.soap.reply import read_reply
from shared.dataverse.soap.request import execute_body
from shared.dataverse.soap.values import (
    Entity,
    EntityCollection,
    EntityReference,
    Long,
    Money,
    OptionSetValue,
    SoapValue,
)

__all__ = [
    "HEADERS",
    "PATH",
    "Entity",
    "EntityCollection",
    "EntityReference",
    "Long",
    "Money",
    "OptionSetValue",
    "SoapValue",
    "execute_body",
    "read_reply",
]

PATH = "/XRMServices/2011/Organization.svc/web"
"""Below the address of the environment."""

HEADERS = {
    "Content-Type": "text/xml; charset=utf-8",
    "Accept": "application/xml, text/xml, */*",
    "SOAPAction": "http://schemas.microsoft.com/xrm/2011/Contracts/Services/IOrganizationService/Execute",
}
"""What every Execute carries beside its bearer token."""
