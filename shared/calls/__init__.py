"""What Enreach says of a call, and what became of it, and why: the ledger, and how people find a call in it.

call         what both feeds of Enreach say under one call id, put together: pure
privacy      which calls may be known: pure
tickets      the ticket request of a call: pure
lookup       the ticket request of a call of which the id alone is known
ids          one spelling of a call id, and the phone call's key that follows from it: pure
records      what is remembered of a call: pure
search_keys  numbers and agents as HMAC: none of them ever stands in a key; pure
layout       which row of the table holds what: pure
ledger       reading, writing, finding and forgetting
docs/operations.md says how people ask it.
"""
