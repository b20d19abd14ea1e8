"""Who owns a row of Dynamics: a user or a team. Pure."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from shared.dataverse.tables import JsonRow


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns a row of Dynamics."""

    kind: Literal["user", "team"]
    id: UUID


def owner_of_queue(queue: JsonRow) -> Owner | None:
    """Who owns a queue; None where the row does not say."""
    if queue.get("_owninguser_value") is not None:
        return Owner("user", UUID(str(queue["_owninguser_value"])))
    if queue.get("_owningteam_value") is not None:
        return Owner("team", UUID(str(queue["_owningteam_value"])))
    owner = queue.get("_ownerid_value")
    return None if owner is None else Owner("user", UUID(str(owner)))


def own(row: JsonRow, owner: Owner | None) -> JsonRow:
    """The row of which this is the owner; of None the app's own user is. `ownerid` is the one lookup that leads to two
    tables under one name ("Associate table rows", owner)."""
    if owner is None:
        return row
    entity_set = "systemusers" if owner.kind == "user" else "teams"
    return {**row, "ownerid@odata.bind": f"/{entity_set}({owner.id})"}
