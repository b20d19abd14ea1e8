"""Dataverse: `tables` has the names, `odata` the wire rules, `client` the I/O, `errors` what can go wrong."""
