"""What Dataverse is asked: who was changed, and who has the role of voice users."""

from collections.abc import Iterable
from datetime import datetime

from shared.dataverse.odata import Query
from shared.dataverse.tables import ROLE, SYSTEM_USER_ROLE
from shared.users.queries import UserColumns


def changed_users(columns: UserColumns, since: datetime) -> Query:
    """Users changed at this moment or later."""
    return columns.query(columns.table.ge("modifiedon", since))


def users_of(columns: UserColumns, user_ids: Iterable[str]) -> list[Query]:
    """These users, in as few queries as the limits of a URL allow."""
    return [columns.query(where) for where in columns.table.in_chunks("systemuserid", user_ids)]


def copies_of_role(name: str) -> Query:
    """The role in each business unit."""
    return Query(table=ROLE, select=("roleid",), where=ROLE.eq("name", name))


def members_of(role_ids: Iterable[str]) -> list[Query]:
    """Who has one of these roles. A role that is given touches neither `modifiedon` of the user nor of the role."""
    return [
        Query(table=SYSTEM_USER_ROLE, select=("systemuserid",), where=where)
        for where in SYSTEM_USER_ROLE.in_chunks("roleid", role_ids)
    ]
