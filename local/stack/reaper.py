"""Stops the process groups of a stack that was killed.

Started by the stack with a pipe on stdin, which works on every Unix (prctl does not).

Lines `+ID` and `-ID` say which groups are alive. The pipe ends when the stack ends, however it ends; what is still
listed then gets SIGTERM, and SIGKILL when that did not help. Imports the standard library only, so it is up at once.
"""

import os
import signal
import sys
import time
from contextlib import suppress

GRACE_SECONDS = 6.0


def main() -> None:
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line.startswith("+") else groups.discard)(group)
    deadline = time.monotonic() + GRACE_SECONDS
    for group in groups:
        send(group, signal.SIGTERM)
    while any(send(group, 0) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in groups:
        send(group, signal.SIGKILL)


def send(group: int, signal_number: int) -> bool:
    """Whether the group was there to get the signal."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal_number)
        return True
    return False


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
