"""The SOAP endpoint `/XRMServices/2011/Organization.svc/web`, message Execute only.

`xml_reading` safe XML with resolved types, `typed_values` DataContract values in, `writing` values and faults out,
`organization_requests` which messages there are, `execute` the endpoint.
"""
