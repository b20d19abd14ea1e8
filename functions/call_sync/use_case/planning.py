"""What has to be known before anything is written for some calls: what is in Dynamics, whose numbers they are, and what
the agents' clients made of them. With it each call is planned."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from functions.call_sync.decide.adoption import Adopt
from functions.call_sync.decide.fields import Party, Texts
from functions.call_sync.decide.news import Seen, without_row
from functions.call_sync.decide.outcome import (
    Decision,
    Facts,
    Log,
    PresentRow,
    decide,
    name_of,
    number_to_match,
    owner_of,
)
from functions.call_sync.decide.plans import Found, Plan, deleted_by_user, plan, present_row
from functions.call_sync.queries import keys_there, parties_of, rows_by_id
from functions.call_sync.use_case.adopting import Adoption, Clients, logged_call
from functions.call_sync.use_case.premises import Premises
from functions.call_sync.use_case.worlds import CallSyncGateways
from shared.calls.ids import phone_call_id
from shared.customers.many import find_customers
from shared.customers.matching import NOBODY
from shared.dataverse.tables import PHONE_CALL, JsonRow
from shared.long_work import aside
from shared.users.matching import UserMap


class Planning:
    """For the calls of one run."""

    def __init__(self, worlds: CallSyncGateways, premises: Premises, clients: Clients) -> None:
        self._worlds = worlds
        self._site = premises.site
        self._matching = premises.matching
        self._texts = premises.texts
        self._clients = clients

    async def planned(self, seen: Sequence[Seen]) -> list[Plan]:
        """What is to be written for these calls. Raises DataverseError."""
        rows = await self._rows_of(seen)
        seen = await self._with_rows_of_cut_off_runs(seen, rows)
        users = await self._worlds.users.read_users(self._site.region)
        decided = await self._decided(seen, rows, users)
        adoptions = await self._adoptions(seen, decided, users)
        parties = await self._parties_of(seen, rows)
        texts = self.texts_with(users)

        def plan_all() -> list[Plan]:
            found = (_found(each, rows, parties, adoptions.get(each.call.id)) for each in seen)
            return [
                plan(each, decided[each.call.id], known, self._site, texts, self._worlds.customer_key)
                for each, known in zip(seen, found, strict=True)
            ]

        return await aside(plan_all)

    def texts_with(self, users: UserMap) -> Texts:
        """The texts, with the names of the agents."""
        return replace(self._texts, name_of=lambda agent: name_of(agent, self._site, users))

    async def _with_rows_of_cut_off_runs(self, seen: Sequence[Seen], rows: dict[UUID, JsonRow]) -> list[Seen]:
        """The calls, some with another phone call than the ledger knows. What is found goes to `rows`."""
        gone = [each for each in seen if _is_gone(each, rows) and not each.is_deleted_by_user]
        if not gone:
            return list(seen)
        stamped = await self._clients.stamped([each.call for each in gone])
        rows |= {UUID(str(row[PHONE_CALL.primary_id])): row for row in stamped.values()}
        found = {
            each.call.id: without_row(
                each, UUID(str(stamped[each.call.id][PHONE_CALL.primary_id])) if each.call.id in stamped else None
            )
            for each in gone
        }
        return [found.get(each.call.id, each) for each in seen]

    async def _rows_of(self, seen: Iterable[Seen]) -> dict[UUID, JsonRow]:
        """The phone calls that were written before and are still there, by key."""
        keys = [key for each in seen if (key := each.written_before) is not None]
        if not keys:
            return {}
        found = await self._worlds.dynamics.query_many(list(rows_by_id(self._site.rules, keys)))
        return {UUID(str(row[PHONE_CALL.primary_id])): row for rows in found for row in rows}

    async def _parties_of(self, seen: Iterable[Seen], rows: Mapping[UUID, JsonRow]) -> dict[UUID, tuple[Party, ...]]:
        """Who takes part in the phone calls that were written before."""
        keys = [key for each in seen if (key := each.written_before) in rows and key is not None]
        if not keys:
            return {}
        parties: dict[UUID, list[Party]] = {key: [] for key in keys}
        for found in await self._worlds.dynamics.query_many(list(parties_of(keys))):
            for row in found:
                party = int(row["participationtypemask"]), str(row.get("_partyid_value") or "")
                parties[UUID(str(row["_activityid_value"]))].append(party)
        return {key: tuple(found) for key, found in parties.items()}

    async def _decided(self, seen: Sequence[Seen], rows: Mapping[UUID, JsonRow], users: UserMap) -> dict[str, Decision]:
        present: dict[str, PresentRow | None] = {}
        asked: dict[str, str] = {}
        for each in seen:
            if _is_gone(each, rows):
                continue
            known = present[each.call.id] = present_row(each, rows)
            number = number_to_match(each.call, self._site, known)
            if number is not None:
                asked[each.call.id] = number
        matches = (
            await find_customers(
                self._worlds.dynamics,
                sorted(set(asked.values())),
                self._matching,
                own=self._site.own_numbers,
                index=self._worlds.number_index,
            )
            if asked
            else {}
        )

        def decide_one(each: Seen) -> Decision:
            if each.call.id not in present:
                return deleted_by_user()
            number = asked.get(each.call.id)
            facts = Facts(
                match=NOBODY if number is None else matches[number],
                owner=owner_of(each.call, self._site, users),
                row=present[each.call.id],
                before=each.before.outcome if each.before is not None else None,
            )
            return decide(each.call, self._site, facts)

        return await aside(lambda: {each.call.id: decide_one(each) for each in seen})

    async def _adoptions(
        self, seen: Sequence[Seen], decided: Mapping[str, Decision], users: UserMap
    ) -> dict[str, Adoption]:
        """The rows that agents' clients made of the calls that are to be logged."""
        new = [each for each in seen if each.written_before is None]
        logged = [each.call for each in new if isinstance(decided[each.call.id], Log)]
        if not logged:
            return {}
        calls = [
            logged_call(
                each.call,
                self._site,
                owner_of(each.call, self._site, users),
                gets_a_row=isinstance(decided[each.call.id], Log),
            )
            for each in new
        ]
        rows = await self._clients.rows_of(logged)
        found = await self._clients.adoptions([call for call in calls if call is not None], rows)
        doubled = await self.with_a_row(call_id for call_id, each in found.items() if isinstance(each.decision, Adopt))
        # Ours is there though the ledger does not know: both are joined when it does.
        return {call_id: each for call_id, each in found.items() if call_id not in doubled}

    async def with_a_row(self, call_ids: Iterable[str]) -> set[str]:
        """Those of the calls that have a phone call of ours."""
        keys = {phone_call_id(call_id): call_id for call_id in call_ids}
        if not keys:
            return set()
        found = await self._worlds.dynamics.query_many(list(keys_there(keys)))
        return {keys[UUID(str(row[PHONE_CALL.primary_id]))] for rows in found for row in rows}


def _is_gone(seen: Seen, rows: Mapping[UUID, JsonRow]) -> bool:
    """Whether somebody deleted its phone call, now or before."""
    key = seen.written_before
    return seen.is_deleted_by_user or (key is not None and key not in rows)


def _found(
    seen: Seen, rows: Mapping[UUID, JsonRow], parties: Mapping[UUID, tuple[Party, ...]], adoption: Adoption | None
) -> Found:
    found = Found() if adoption is None else Found(adoption=adoption.decision, client_row=adoption.row)
    key = seen.written_before
    return found if key is None else replace(found, row=rows.get(key), parties=parties.get(key))
