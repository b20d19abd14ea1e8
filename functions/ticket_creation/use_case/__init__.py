"""From a message of the queue `tickets` to a case.

delivery, gathering   a message until it is settled; messages at hand together
working               a group of requests: gather facts, decide, write, remember
premises              what all of them go by: documents, and what these name in Dynamics
writing, regarding    what is written, and phone calls that come later than their case
parking, tending      messages that no retry helps, and what is done every few minutes
"""
