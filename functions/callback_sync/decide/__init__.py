"""The rules of callback sync, all of them pure.

profiles     which lists and queues the profiles mean, and which profiles are off
moments      which time a run looks at
requests     what Enreach says of requests, and what is to be done with each
phone_calls  what the phone call in Dynamics holds, and the note of a repeat
there        what was read back, and what follows from it
reached      which outgoing calls reached whom
"""
