"""The rules of call sync, all of them pure.

outcome   what becomes of a call, and why
fields    what the phone call in Dynamics holds, and which of it may be changed later
moments   which time a run looks at, and when the nightly one comes
adoption  which phone calls of the agents' own clients are which calls, and how both end as one row
What both feeds say under one call id, put together, and which calls may be known: `shared.calls`. What an administrator
can choose, and the table of outcomes: docs/call-sync.md.
"""
