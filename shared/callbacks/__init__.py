"""What became of each callback request, and why.

ids      one spelling of a request's id, and the keys in Dynamics that follow from it: pure
records  what is remembered of a request: pure
layout   which row of the table holds what: pure
ledger   reading, writing and forgetting
docs/operations.md says how people ask it.
"""
