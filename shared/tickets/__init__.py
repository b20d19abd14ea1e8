"""What became of each ticket request, and why; which messages wait for a person.

ids      the primary keys in Dynamics that follow from a call and a ticket configuration: pure
records  what is remembered of a request, of a parked message and of a slot: pure
layout   which row of the table holds what: pure
ledger   reading, writing and forgetting
slots    which call's case a customer's next calls go onto, while it is being opened
"""
