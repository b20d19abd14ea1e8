"""What a decision asks Dynamics beside the customer, and what the answers mean. Pure: the use case sends these.

Cases, agents and their bookings hang on the caller's number by joins, so that they are asked in the same request as
the customer and nobody waits for a second one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from functions.smart_routing.decide.facts import Agent, Facts, OpenCase
from functions.smart_routing.decide.plan import AgentNeed, Needs
from functions.smart_routing.decide.shifts import ShiftBooking
from functions.smart_routing.rules import AgentKind
from shared.customers import (
    CustomerMatching,
    Ids,
    Match,
    MatchKind,
    customer_questions,
    join_choice,
    matched,
    searched,
)
from shared.dataverse.odata import ByText, Chosen, Condition, Fetch, Link, Parameter, Question, Texts
from shared.dataverse.tables import (
    ACCOUNT,
    ACTIVE,
    ACTIVITY_PARTY,
    ASSIGNMENT_AVAILABLE,
    BOOKABLE_RESOURCE,
    BOOKING,
    BOOKING_STATUS,
    BOOKING_STATUS_COMMITTED,
    CONTACT,
    INCIDENT,
    PHONE_CALL,
    PHONE_CALL_COMPLETED,
    SHIFT_ACTIVITY_TYPE,
    SHIFT_BOOKING_SETUP_METADATA_ID,
    SYSTEM_USER,
    JsonRow,
    Table,
    utc_moment,
)
from shared.phone_numbers import likely_spellings

MOST_ROWS = 200
"""Rows of a joined read: a case or call comes once for each booking of its owner, and few lie in the asked minutes."""

_IS_ACTIVE = Condition("statecode", "eq", ACTIVE)
_CASES = "cases"
_CONTACT_OWNER = "contact owner"
_ACCOUNT_OWNER = "account owner"
_LAST_AGENT = "last agent"
_CALLS = "calls"
_KINDS: Mapping[MatchKind, Table] = {MatchKind.CONTACT: CONTACT, MatchKind.ACCOUNT: ACCOUNT}


type _Columns = tuple[tuple[MatchKind, tuple[str, ...]], ...]
"""The searched columns of each kind that has any."""
type _Reads = Iterable[tuple[str, MatchKind, Fetch]]
"""Reads by name, each with the kind of customer on which it hangs."""


def questions(
    number: str,
    now: datetime,
    matching: CustomerMatching,
    needs: Needs,
    ids: Ids | None = None,
    joined: Texts | None = None,
) -> dict[str, Question]:
    """All that has to be asked about this caller (E.164), each under a name that `facts_of` knows.

    With `ids`, as the number index gives them, rows are read by primary key, and a kind without ids is not asked.
    `joined` are the spellings that joins ask for, the likely ones where absent.
    """
    joined = joined or ByText(likely_spellings(number, matching.default_region))
    asked = customer_questions(number, matching, needs.customer, ids=ids, joined=joined)
    columns = {kind: names for kind, names in searched(matching).items() if kind in _KINDS}
    if ids is not None:
        columns = {kind: names for kind, names in columns.items() if ids.get(kind)}
    choices = {kind: join_choice(kind, ids, joined) for kind in columns}
    moments = {
        "now": now,
        "until": now + timedelta(minutes=needs.shift_minutes),
        "since": now - timedelta(days=needs.look_back_days),
    }
    reads = _reads(needs, tuple(columns.items()))
    return asked | {name: fetch.ask({kind: choices[kind], **moments}) for name, kind, fetch in reads}


@lru_cache(maxsize=64)
def _reads(needs: Needs, columns: _Columns) -> tuple[tuple[str, MatchKind, Fetch], ...]:
    """The joined reads without number and moment: the same for every call until a document changes."""
    by_kind = dict(columns)
    return (
        *_case_reads(needs, by_kind),
        *_contact_owner_reads(needs, by_kind),
        *_account_owner_reads(needs, by_kind),
        *_last_agent_reads(needs, by_kind),
    )


# ---------------------------------------------------------------------------------------------------- reads


def _case_reads(needs: Needs, columns: Mapping[MatchKind, tuple[str, ...]]) -> _Reads:
    """Open cases of the caller as customer, and of a contact as the case's primary contact."""
    if needs.cases is None:
        return
    table = INCIDENT.with_columns(needs.case_columns)
    known = ("incidentid", "createdon", "_customerid_value", "_primarycontactid_value")
    for name, kind, lookup in (
        (f"{_CASES} of contact", MatchKind.CONTACT, "_customerid_value"),
        (f"{_CASES} with contact", MatchKind.CONTACT, "_primarycontactid_value"),
        (f"{_CASES} of account", MatchKind.ACCOUNT, "_customerid_value"),
    ):
        if _concerns(needs.cases, kind) and kind in columns:
            fetch = Fetch(
                table=table,
                select=tuple(dict.fromkeys((*known, *sorted(needs.case_columns)))),
                where=(_IS_ACTIVE,),
                links=(
                    _caller(kind, columns[kind], lookup),
                    *(_owners(needs, needs.cases) if needs.case_owner else ()),
                ),
                newest_first="createdon",
                top=MOST_ROWS,
            )
            yield name, kind, fetch


def _contact_owner_reads(needs: Needs, columns: Mapping[MatchKind, tuple[str, ...]]) -> _Reads:
    need = needs.contact_owner
    if need is not None and need.of_contact and MatchKind.CONTACT in columns:
        yield _CONTACT_OWNER, MatchKind.CONTACT, _owner_read(MatchKind.CONTACT, columns, needs, need)


def _account_owner_reads(needs: Needs, columns: Mapping[MatchKind, tuple[str, ...]]) -> _Reads:
    """The owner of the matched account, or of the matched contact's account."""
    need = needs.account_owner
    if need is None:
        return
    if need.of_account and MatchKind.ACCOUNT in columns:
        read = _owner_read(MatchKind.ACCOUNT, columns, needs, need)
        yield f"{_ACCOUNT_OWNER} of account", MatchKind.ACCOUNT, read
    if need.of_contact and MatchKind.CONTACT in columns:
        names = columns[MatchKind.CONTACT]
        member = Link(
            table=CONTACT.with_columns(names),
            from_column="_parentcustomerid_value",
            to_column="accountid",
            alias=_CALLS,
            outer=False,
            where=(_IS_ACTIVE, Chosen(names, MatchKind.CONTACT)),
        )
        links = (member, *_owners(needs, need))
        read = Fetch(table=ACCOUNT, select=("accountid",), links=links, top=MOST_ROWS)
        yield f"{_ACCOUNT_OWNER} of contact", MatchKind.CONTACT, read


def _owner_read(kind: MatchKind, columns: Mapping[MatchKind, tuple[str, ...]], needs: Needs, need: AgentNeed) -> Fetch:
    """The customers with the caller's number, with their owners."""
    table = _KINDS[kind].with_columns(columns[kind])
    return Fetch(
        table=table,
        select=(table.primary_id,),
        where=(_IS_ACTIVE, Chosen(columns[kind], kind)),
        links=_owners(needs, need),
        top=MOST_ROWS,
    )


def _last_agent_reads(needs: Needs, columns: Mapping[MatchKind, tuple[str, ...]]) -> _Reads:
    """Completed phone calls with the caller as a party."""
    need = needs.last_agent
    for kind in _KINDS:
        if need is None or not _concerns(need, kind) or kind not in columns:
            continue
        party = Link(
            table=ACTIVITY_PARTY,
            from_column="_activityid_value",
            to_column="activityid",
            alias="party",
            outer=False,
            links=(_caller(kind, columns[kind], "_partyid_value"),),
        )
        fetch = Fetch(
            table=PHONE_CALL,
            select=("activityid", "createdon", "scheduledend"),
            where=(
                Condition("statecode", "eq", PHONE_CALL_COMPLETED),
                Condition("createdon", "ge", Parameter("since")),
            ),
            links=(party, *_owners(needs, need)),
            newest_first="createdon",
            top=MOST_ROWS,
        )
        yield f"{_LAST_AGENT} of {kind}", kind, fetch


def _concerns(need: AgentNeed, kind: MatchKind) -> bool:
    return need.of_contact if kind is MatchKind.CONTACT else need.of_account


def _caller(kind: MatchKind, names: tuple[str, ...], lookup: str) -> Link:
    """The customers with the caller's number behind this lookup."""
    table = _KINDS[kind].with_columns(names)
    return Link(
        table=table,
        from_column=table.primary_id,
        to_column=lookup,
        alias=_CALLS,
        outer=False,
        select=(table.primary_id,),
        where=(_IS_ACTIVE, Chosen(names, kind)),
    )


def _owners(needs: Needs, need: AgentNeed) -> tuple[Link, ...]:
    """The user who owns the row, with the bookings that overlap the asked minutes."""
    user = SYSTEM_USER.with_columns(needs.agent_number)
    return (
        Link(
            table=user,
            from_column="systemuserid",
            to_column="_owninguser_value",
            alias="owner",
            select=tuple(dict.fromkeys(("systemuserid", "isdisabled", *needs.agent_number))),
            links=(_RESOURCE,) if need.shift else (),
        ),
    )


_RESOURCE = Link(
    table=BOOKABLE_RESOURCE,
    from_column="_userid_value",
    to_column="systemuserid",
    alias="resource",
    where=(_IS_ACTIVE,),
    links=(
        Link(
            table=BOOKING,
            from_column="_resource_value",
            to_column="bookableresourceid",
            alias="booking",
            select=(
                "bookableresourcebookingid",
                "starttime",
                "endtime",
                "statecode",
                "_msdyn_bookingsetupmetadataid_value",
            ),
            where=(
                _IS_ACTIVE,
                Condition("_msdyn_bookingsetupmetadataid_value", "eq", SHIFT_BOOKING_SETUP_METADATA_ID),
                Condition("starttime", "le", Parameter("until")),
                Condition("endtime", "gt", Parameter("now")),
            ),
            links=(
                Link(
                    table=BOOKING_STATUS,
                    from_column="bookingstatusid",
                    to_column="_bookingstatus_value",
                    alias="status",
                    select=("status",),
                ),
                Link(
                    table=SHIFT_ACTIVITY_TYPE,
                    from_column="msdyn_shiftactivitytypeid",
                    to_column="_msdyn_shiftactivitytype_value",
                    alias="activity",
                    select=("msdyn_shiftassignmentstatus",),
                ),
            ),
        ),
    ),
)


# -------------------------------------------------------------------------------------------------- answers


type Lines = Mapping[str, str]
"""The numbers at which Enreach reaches agents, by systemuserid in lower case."""
_NO_LINES: Lines = {}


@dataclass(frozen=True, slots=True)
class _Known:
    """How agents are read: by the columns that are asked for, and beside them."""

    needs: Needs
    lines: Lines


def facts_of(
    number: str,
    now: datetime,
    matching: CustomerMatching,
    needs: Needs,
    answers: Mapping[str, Sequence[JsonRow]],
    lines: Lines = _NO_LINES,
) -> Facts:
    """What the answers to `questions` say about this caller. `lines` serve agents who have no number in Dynamics."""
    known = _Known(needs, lines)
    caller = matched(number, matching, answers)
    # An ambiguous caller is nobody in particular: whose cases these are, or whose agent, nobody knows.
    if caller.row is None or caller.kind not in _KINDS:
        return Facts(caller)
    agents: dict[AgentKind, Agent | None] = {
        "contactOwner": _owner_of(answers.get(_CONTACT_OWNER, ()), "contactid", _id(caller, CONTACT), known),
        "accountOwner": _account_owner(caller, answers, known),
        "lastAgent": _last_agent(caller, now, answers, known),
    }
    return Facts(caller, _cases(caller, answers, known), {kind: agent for kind, agent in agents.items() if agent})


def _id(caller: Match, table: Table) -> object:
    return caller.row.get(table.primary_id) if caller.row else None


def _cases(caller: Match, answers: Mapping[str, Sequence[JsonRow]], known: _Known) -> tuple[OpenCase, ...]:
    own_id = _id(caller, _KINDS[caller.kind])
    cases: dict[object, list[JsonRow]] = {}
    for name, rows in answers.items():
        if not name.startswith(_CASES):
            continue
        for row in rows:
            # The number alone may be that of a second row, which a rereading has ruled out.
            if own_id in (row.get("_customerid_value"), row.get("_primarycontactid_value")):
                cases.setdefault(row.get("incidentid"), []).append(row)
    found = [OpenCase(rows[0], _owner(rows, known)) for rows in cases.values()]
    return tuple(sorted(found, key=lambda case: _age_key(case.row), reverse=True))


def _age_key(row: JsonRow) -> tuple[str, str]:
    return (str(row.get("createdon") or ""), str(row.get("incidentid") or ""))


def _account_owner(caller: Match, answers: Mapping[str, Sequence[JsonRow]], known: _Known) -> Agent | None:
    if not caller.accounts:
        return None
    rows = [row for name, each in answers.items() if name.startswith(_ACCOUNT_OWNER) for row in each]
    return _owner_of(rows, "accountid", caller.accounts[0].get("accountid"), known)


def _owner_of(rows: Iterable[JsonRow], key: str, row_id: object, known: _Known) -> Agent | None:
    own = [row for row in rows if row_id is not None and row.get(key) == row_id]
    return _owner(own, known) if own else None


def _last_agent(caller: Match, now: datetime, answers: Mapping[str, Sequence[JsonRow]], known: _Known) -> Agent | None:
    """Who had the latest call with the caller; calls are logged late now and then, so their own end decides."""
    own_id = _id(caller, _KINDS[caller.kind])
    key = f"{_CALLS}.{_KINDS[caller.kind].primary_id}"
    rows = [row for row in answers.get(f"{_LAST_AGENT} of {caller.kind}", ()) if row.get(key) == own_id]
    if not rows:
        return None
    latest = max(rows, key=lambda row: (_ended(row), str(row.get("activityid"))))
    return _owner([row for row in rows if row.get("activityid") == latest.get("activityid")], known)


def _ended(row: JsonRow) -> datetime:
    return utc_moment(str(row.get("scheduledend") or row.get("createdon")))


def _owner(rows: Sequence[JsonRow], known: _Known) -> Agent | None:
    """The owner of a row that comes once for each of its bookings; None when a team owns it."""
    first = rows[0]
    if first.get("owner.systemuserid") is None:
        return None
    columns = known.needs.agent_number
    number = next((text for column in columns if (text := _text(first.get(f"owner.{column}")))), None)
    if number is None:
        number = known.lines.get(str(first["owner.systemuserid"]).lower())
    bookings = {
        row["booking.bookableresourcebookingid"]: _booking(row)
        for row in rows
        if row.get("booking.bookableresourcebookingid") is not None
    }
    return Agent(first.get("owner.isdisabled") is not True, number, tuple(bookings.values()))


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _booking(row: JsonRow) -> ShiftBooking:
    return ShiftBooking(
        start=utc_moment(row["booking.starttime"]),
        end=utc_moment(row["booking.endtime"]),
        is_active=row.get("booking.statecode") == ACTIVE,
        is_committed=row.get("status.status") == BOOKING_STATUS_COMMITTED,
        is_shift=str(row.get("booking.msdyn_bookingsetupmetadataid")) == str(SHIFT_BOOKING_SETUP_METADATA_ID),
        is_assignable=row.get("activity.msdyn_shiftassignmentstatus") == ASSIGNMENT_AVAILABLE,
    )
