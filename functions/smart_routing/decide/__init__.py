"""The rules of routing, all of them pure.

facts        what is known of a caller: customer, open cases, agents and their shifts
call         what is known of a call before anybody is asked
plan         `routing.json` made ready: which rules concern a call, what has to be asked for them
conditions   whether a rule's conditions hold
shifts       whether an agent is on shift
answers      the first rule that holds, and what Enreach is told
"""
