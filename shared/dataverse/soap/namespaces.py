"""The XML namespaces of the organization service, with the prefixes that our own envelopes use for them."""

PREFIXES = {
    "s": "http://schemas.xmlsoap.org/soap/envelope/",
    "d": "http://schemas.microsoft.com/xrm/2011/Contracts/Services",
    "a": "http://schemas.microsoft.com/xrm/2011/Contracts",
    "b": "http://schemas.datacontract.org/2004/07/System.Collections.Generic",
    "c": "http://www.w3.org/2001/XMLSchema",
    "e": "http://schemas.microsoft.com/2003/10/Serialization/",
    "i": "http://www.w3.org/2001/XMLSchema-instance",
}

# As ElementTree writes a name: {namespace}name.
S, D, A, B, C, E, I = (f"{{{uri}}}" for uri in PREFIXES.values())  # noqa: E741 - the prefixes of the service's own texts
