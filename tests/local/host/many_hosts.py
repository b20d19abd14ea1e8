"""`python -m tests.local.host.many_hosts PORT APP...`: the host on each of these apps, one after the other.

Each is a process of its own, forked when all that every host imports is there; its standard error is APP/stderr. The
exit codes are printed as JSON.
"""

import json
import os
import sys
from pathlib import Path

from local.host.__main__ import main


def ended(app: str, port: str) -> int:
    """The exit code of the host on this app."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    for name, number in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(Path(app) / name, os.O_WRONLY | os.O_CREAT), number)
    try:
        code = main(["--app", app, "--port", port])
    except BaseException:  # noqa: BLE001 - it must end here, whatever happens
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.stdout.write(json.dumps([ended(app, sys.argv[1]) for app in sys.argv[2:]]))
