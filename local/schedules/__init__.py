"""`python -m local.schedules`: look at a schedule file before it is dropped. Nothing is needed but the file.

preview   what the app would read: agents, days, clock changes, overlaps, problems, and a picture
guess     a profile for a file that nobody has described yet, as JSON to edit

Alone in `local/` this uses the app's own reading and deciding: it shows what the app does, so it must not do otherwise.
"""
