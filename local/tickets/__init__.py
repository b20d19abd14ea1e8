"""Tools of an administrator around tickets.

explain  which triggers of `ticket-triggers.json` a call would match, and what its case would hold
"""
