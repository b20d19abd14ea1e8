"""What Dataverse is asked about its users. All of them: a technical user may own calls, a disabled one may have."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shared.dataverse.odata import Filter, Query
from shared.dataverse.tables import SYSTEM_USER, JsonRow, Table
from shared.users.matching import DynamicsUser, canonical_id, plain_email


@dataclass(frozen=True)
class UserColumns:
    """The columns of systemuser that the vendor's package or an administrator added; None where there is none."""

    enreach_id: str | None = None
    override_email: str | None = None

    @cached_property
    def table(self) -> Table[str, str, Any, Any]:
        """systemuser with these columns."""
        return SYSTEM_USER.with_columns(name for name in (self.enreach_id, self.override_email) if name)

    def query(self, where: Filter[str] | None = None, *, emails: bool = True) -> Query:
        """Users, with all that `read_user` reads; e-mails only where they are needed."""
        email_columns = ("internalemailaddress", *filter(None, (self.override_email,))) if emails else ()
        known = ("systemuserid", "fullname", "isdisabled", "mobilephone")
        select = (*known, *filter(None, (self.enreach_id,)), *email_columns)
        return Query(table=self.table, select=select, where=where)

    def read_user(self, row: JsonRow) -> DynamicsUser:
        """The user of a row."""
        mobile = row.get("mobilephone")
        return DynamicsUser(
            user_id=str(row["systemuserid"]).lower(),
            email=plain_email(row.get("internalemailaddress")),
            override_email=plain_email(row.get(self.override_email)) if self.override_email else "",
            enreach_id=canonical_id(row.get(self.enreach_id)) if self.enreach_id else "",
            is_disabled=row.get("isdisabled") is True,
            mobile=mobile if isinstance(mobile, str) else "",
            name=str(row.get("fullname") or ""),
        )
