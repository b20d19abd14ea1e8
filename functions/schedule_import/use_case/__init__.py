"""The stories of schedule import.

inbox       what arrived: a schedule file, a marker, a person's command       commands   approve, reject, undo, force
importing   a file: fetch, read, plan, hold or write, report, archive         sweeping   what the events missed

prerequisites   profile, directory, marker, companion       applying   weigh a plan, hold it or write it
planning        the file beside Dynamics                    writing    rows into Dynamics
looking         what Dynamics knows of a file               filing     reports, rejected rows, the archive
run             one file under work                         worlds     what all of them need of the outside
memory          large files: what they leave behind
"""
