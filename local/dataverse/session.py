"""Who is calling, what the caller may do, and what a change set has made so far."""

from dataclasses import dataclass, field

from local.dataverse.roles import Grants
from local.dataverse.store import Table


@dataclass
class Session:
    """Who writes, and what the change set has created so far under a Content-ID."""

    caller: str
    business_unit: str
    references: dict[str, tuple[Table, str]] = field(default_factory=dict)
    grants: Grants | None = None  # None: everything is allowed

    def require(self, table: Table, right: str) -> None:
        """Refuses what the caller's roles do not allow."""
        if self.grants is not None:
            self.grants.require(table, right)
