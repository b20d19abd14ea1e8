"""Everything Switchboard needs on one machine, started together: `make run`, or `running_stack()` in tests.

    Azurite (storage), containers and configuration  |
    Dataverse simulator                              |  ->  functions host
    Enreach simulator                                |

Every part is a child process of its own process group. They stop in reverse order on Ctrl-C or SIGTERM; should the
stack itself be killed, its reaper stops them.
"""

from local.stack.ports import free_ports
from local.stack.running import RunningStack, StackError, running_stack

__all__ = ["RunningStack", "StackError", "free_ports", "running_stack"]
