"""The rules of call sync, all of them pure.

calls     what both feeds say under one call id, put together
outcome   what becomes of a call, and why
fields    what the phone call in Dynamics holds, and which of it may be changed later
moments   which time a run looks at, and when the nightly one comes
adoption  which phone calls of the agents' own clients are which calls, and how both end as one row
What an administrator can choose, and the table of outcomes: docs/call-sync.md.
"""
