"""The phone calls that agents' clients made of the same calls: which they are, and how each pair ends as one row."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from functions.call_sync.decide.adoption import (
    LOGGED_LATER,
    ClientRow,
    Decision,
    LoggedCall,
    Nearness,
    OwnRow,
    Pair,
    match,
    resolve,
    start_of,
)
from functions.call_sync.decide.fields import Written, call_id_in, is_touched
from functions.call_sync.decide.outcome import Site, customer_number
from functions.call_sync.queries import notes_on, rows_of_others
from functions.call_sync.use_case.worlds import Dynamics
from shared.calls.call import Call
from shared.calls.ids import phone_call_id
from shared.dataverse.tables import PHONE_CALL, JsonRow
from shared.enreach.models import Direction
from shared.long_work import aside


@dataclass(frozen=True, slots=True)
class Adoption:
    """A call and the row of a client that is its own, as it was read."""

    decision: Decision
    row: JsonRow


class Clients:
    """The rows of others in Dynamics."""

    def __init__(self, dynamics: Dynamics, site: Site) -> None:
        self._dynamics = dynamics
        self._site = site
        self._nearness = Nearness(timedelta(seconds=site.rules.call_start_margin))

    @property
    def reach(self) -> timedelta:
        """The most that lies between a call and the start that a client's clock told."""
        return self._nearness.reach

    async def rows_since(self, since: datetime, until: datetime | None = None) -> list[JsonRow]:
        """Phone calls that others than the app created in `[since, until)`. One request, or one for each 5,000."""
        own_user = await self._dynamics.own_user_id()
        return await self._dynamics.query(rows_of_others(self._site.rules, own_user, since, until))

    async def rows_of(self, calls: Collection[Call]) -> list[JsonRow]:
        """Those of them that can be of these calls."""
        first = min(call.started for call in calls) - self.reach
        last = max(call.ended or call.started for call in calls) + LOGGED_LATER
        return await self.rows_since(first, last + self.reach)

    async def stamped(self, calls: Collection[Call]) -> dict[str, JsonRow]:
        """The phone calls of others that bear the ids of these calls, by call id."""
        ids = {call.id for call in calls}
        found = {_client_row(row, self._site).stamp: row for row in await self.rows_of(calls)}
        return {call_id: row for call_id, row in found.items() if call_id in ids}

    async def adoptions(
        self,
        calls: Sequence[LoggedCall],
        rows: Sequence[JsonRow],
        own: Mapping[str, tuple[JsonRow, Written]] | None = None,
    ) -> dict[str, Adoption]:
        """What to do with each call that one of these rows belongs to, by call id.

        `own` are the rows of ours that are there, with what we last wrote to them, by call id. Costs requests only
        where a call has two rows.
        """
        if not rows or not calls:
            return {}
        by_id = {str(row[PHONE_CALL.primary_id]).lower(): row for row in rows}
        client_rows = [_client_row(row, self._site) for row in by_id.values()]
        pairs = await aside(match, calls, client_rows, self._nearness, self._site.region)
        own_rows = {pair.call.call_id: own[pair.call.call_id] for pair in pairs if own and pair.call.call_id in own}
        decided = resolve(*await self._with_notes(pairs, own_rows))
        row_of = {pair.call.call_id: by_id[pair.row.id] for pair in pairs}
        return {call_id: Adoption(decision, row_of[call_id]) for call_id, decision in decided.items()}

    async def _with_notes(
        self, pairs: Iterable[Pair], own: Mapping[str, tuple[JsonRow, Written]]
    ) -> tuple[list[Pair], dict[str, OwnRow]]:
        """The pairs and the rows of ours, as what decides between two rows of one call sees them."""
        doubled = [pair for pair in pairs if pair.call.call_id in own]
        keys = [pair.row.id for pair in doubled] + [str(own[pair.call.call_id][0][_KEY]) for pair in doubled]
        found = await self._dynamics.query_many(list(notes_on(keys))) if keys else []
        noted = {str(note["_objectid_value"]).lower() for notes in found for note in notes}
        rows = {call_id: _own_row(row, written, noted) for call_id, (row, written) in own.items()}
        return [replace(pair, row=replace(pair.row, has_dependents=pair.row.id in noted)) for pair in pairs], rows


_KEY = PHONE_CALL.primary_id


def logged_call(call: Call, site: Site, owner: str | None, *, gets_a_row: bool) -> LoggedCall | None:
    """The call as a client's row can be known for it; None where it has no number or no owner to be known by."""
    if owner is None or call.customer_number is None:
        return None
    service = call.records.service
    talks = [leg.started for leg in call.legs if leg.answered and leg.direction is call.direction]
    reached = [moment for moment in (*talks, service.answered_at if service else None) if moment is not None]
    return LoggedCall(
        call_id=call.id,
        phone_call_id=str(phone_call_id(call.id)),
        number=customer_number(call, site) or call.customer_number,
        owner_id=owner.lower(),
        outgoing=call.direction is Direction.OUT,
        started=call.started,
        reached_owner=max(reached, default=None),
        ended=call.ended,
        gets_a_row=gets_a_row,
    )


def _client_row(row: JsonRow, site: Site) -> ClientRow:
    start = start_of(row)
    description = str(row.get("description") or "")
    column = site.rules.own_audit_column
    return ClientRow(
        id=str(row[_KEY]).lower(),
        number=str(row.get("phonenumber") or ""),
        owner_id=str(row.get("_ownerid_value") or "").lower(),
        outgoing=row.get("directioncode") is True,
        started=start.moment,
        started_is_exact=start.is_exact,
        stamp=call_id_in(str(row.get(column) or "") if column else description),
        description=description,
    )


def _own_row(row: JsonRow, written: Written, noted: Collection[str]) -> OwnRow:
    key = str(row[_KEY]).lower()
    return OwnRow(
        id=key,
        description=str(row.get("description") or ""),
        changed_by_user=is_touched(written, row),
        has_dependents=key in noted,
    )
