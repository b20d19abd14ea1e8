"""The stories of schedule import.

inbox       what arrived: a schedule file, a marker, a person's command       commands   approve, reject, undo, force
importing   a file: read, look, decide, weigh, write, report, archive         sweeping   what the events missed
looking     what Dynamics knows of a file                                     writing    the plan into Dynamics
filing      reports, rejected rows, the archive                               worlds     what all of them need
"""
