"""From a message of the queue `tickets` to a case.

running     all of it, put together for a process
delivery    a message until it is settled: done, to come again, or parked
gathering   messages at hand, together
working     a group of requests: gather facts, decide, write, remember
premises    what all of them go by: documents, and what these name in Dynamics
filling     compact requests: the rest is asked of Enreach
deciding    which tickets a group makes
opening     onto which case each call goes
making      tickets, written in order
writing     the writes, in few requests
regarding   phone calls that come later than their case
parking     messages that no retry helps
tending     what is done every few minutes, and how tickets are
results     what becomes of a request
worlds      what all of it reaches
"""
