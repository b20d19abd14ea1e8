"""Call sync: what Enreach says of calls becomes phone calls in Dynamics, each exactly once.

running    the runs: which time, under one lease, how far
premises   what holds for all calls of a run: documents, numbers of ours, columns
handling   some thousand calls from what is said of them to what is written
planning   what has to be known for that, and what each of them is to become
adopting   the rows that agents' clients made of the same calls
whole_calls  those of which a change tells too little
late_rows  those that they made after the call was logged
writing    what is planned, carried out
worlds     what all of it reaches
"""
