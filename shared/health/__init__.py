"""How the app is: each capability tells what it knows of itself and of what it needs, and the worst of it counts.

findings   what a check can find: pure
documents  the finding on a configuration document
board      the checks of a process
"""

from shared.health.findings import Finding, Status, overall

__all__ = ["Finding", "Status", "overall"]
