"""Callback sync: each callback request of Enreach becomes one open phone call in a queue, exactly once.

running   the runs: under one lease, which profiles, how far
premises  what a run goes by: documents, and what the profiles mean
reading   what Enreach says of requests
making    requests that are to be in Dynamics: written, read back, remembered
repeats   requests from a number for which a phone call is open
closing   requests that are in Dynamics are closed in Enreach
following what became of phone calls and requests since: completed, expired, reached
events    what the webhook asks for
worlds    what all of it reaches
"""
