"""Dataverse: `client` is what the app calls and has the map; `tables` the names; `errors` what can go wrong."""
