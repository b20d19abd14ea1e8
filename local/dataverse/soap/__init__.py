"""The SOAP endpoint `/XRMServices/2011/Organization.svc/web`, message Execute only.

`typed_values` DataContract values in (from `safe_xml`), `writing` values and faults out,
`organization_requests` which messages there are, `execute` the endpoint.
"""
