"""Tools of an administrator around tickets.

explain  which triggers of `ticket-triggers.json` a call would match, and what its case would hold
parked   which requests wait for a person, and the way back to the queue
"""
