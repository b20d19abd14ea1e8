"""Call sync: what Enreach says of calls becomes phone calls in Dynamics, each exactly once.

running    the runs: which time, under one lease, how far
handling   some thousand calls: facts, decisions, writes
adopting   the rows that agents' clients made of the same calls
late_rows  those that they made after the call was logged
writing    what is planned, carried out
worlds     what all of it reaches
"""
