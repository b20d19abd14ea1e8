"""What the phone call in Dynamics holds, how it is known again, and which of it may be changed later.

Columns: table reference of the phone call and the activity party. `actualstart` and `actualend` have the format
DateOnly there, so the scheduled ones and the duration carry the time of day too.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from functions.call_sync.decide.outcome import Log, Site, customer_number
from functions.call_sync.rules import CallSync
from shared.calls.call import Agent, Call, Kind, legs_text, received_of
from shared.calls.ids import canonical_guid, phone_call_id
from shared.customers.activities import REGARDING, Customer, CustomerKind, customer_party, user_party
from shared.customers.document import MatchKind
from shared.dataverse.tables import (
    PARTY_FROM,
    PARTY_TO,
    PHONE_CALL,
    PHONE_CALL_CANCELED,
    PHONE_CALL_COMPLETED,
    PHONE_CALL_OPEN,
    JsonRow,
    PhoneCallNavigation,
    Table,
    utc_moment,
    utc_text,
)
from shared.dataverse.texts import cut as cut
from shared.dataverse.texts import units
from shared.enreach.models import Direction

# Lengths of the phone call's columns, in UTF-16 code units (table reference).
LONGEST_SUBJECT: Final = 200
LONGEST_NUMBER: Final = 200
LONGEST_DESCRIPTION: Final = 2_000
_FRONT_OF_DESCRIPTION: Final = 1_000
"""What stands above the audit text has so much room, however much Enreach said: people read it."""

STATUS_OPEN: Final = 1
STATUS_MADE: Final = 2
STATUS_CANCELED: Final = 3
STATUS_RECEIVED: Final = 4

BLANK_SUBJECT: Final = "Call"
"""Of a phone call that must not tell anything any more."""

_FORMAT = 1
_CREATION: Final = timedelta(seconds=5)
"""What one change set takes at most, from the creation of the row to its state."""
_DATE_ONLY: Final = frozenset({"actualstart", "actualend"})
_MIDNIGHT: Final = time()
_MOMENTS: Final = _DATE_ONLY | {"scheduledstart", "scheduledend"}
_AUDIT = re.compile(r"^[ \t]*CallId is (\{?[0-9a-f-]{32,36}\}?)", re.IGNORECASE | re.MULTILINE)


class State(NamedTuple):
    """Both are written together: a status reason belongs to one state."""

    statecode: int
    statuscode: int


_NEW: Final = State(PHONE_CALL_OPEN, STATUS_OPEN)
"""What every phone call is when it has just been created: a state at creation is not documented."""


# --------------------------------------------------------------------------------------------- the audit text


def audit_text(call: Call, *, enabled: bool, longest: int) -> str:
    """`CallId is <id>`, and behind it, when enabled, every value that Enreach gave, in one line and cut to `longest`
    UTF-16 code units (guide 1.5.3, `EnableAudit`)."""
    text = f"CallId is {call.id}"
    if enabled:
        values = json.dumps(received_of(call.records), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        text = f"{text} {_one_line(values)}"
    return cut(text, longest)


def audit_in(wanted: "PhoneCall") -> str:
    """The audit text of a phone call as it should be, wherever it stands."""
    text = str(wanted.columns[wanted.audit_column or "description"])
    return text.rsplit("\n", 1)[-1]


def call_id_in(text: str | None) -> str | None:
    """The call id (canonical) in an audit text, or in a description that ends with one; None without."""
    found = _AUDIT.findall(text or "")
    return canonical_guid(found[-1]) if found else None


def _one_line(text: str) -> str:
    # JSON escapes what breaks a line, but for those of Unicode; half of a pair of UTF-16 can be sent nowhere.
    clean = text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "".join(" " if sign in "\x85\u2028\u2029" else sign for sign in clean)


# ------------------------------------------------------------------------------------------------- the phone call


@dataclass(frozen=True, slots=True)
class Texts:
    """What the phone call's texts need from elsewhere."""

    name_of: Callable[[Agent], str | None] = field(default=lambda _: None)
    """The full name of an agent's user in Dynamics."""
    recording_url: str | None = None
    """Of the API: what stands before the id of a recording. It opens for who has credentials only."""
    audit_length: int = 100
    """UTF-16 code units of `AuditColumn`, where there is one; as Dynamics makes a text column by itself."""


@dataclass(frozen=True, slots=True)
class PhoneCall:
    """A phone call as it should be. Columns are as Dataverse takes them."""

    id: UUID
    columns: Mapping[str, Any] = field(repr=False)
    owner: str | None
    """systemuserid."""
    customer: Customer | None
    is_outgoing: bool
    state: State
    audit_column: str | None = None

    @property
    def needs_state(self) -> bool:
        """Whether the state has to be set after the creation."""
        return self.state != _NEW


def phone_call(call: Call, site: Site, log: Log, texts: Texts | None = None) -> PhoneCall:
    """The phone call of a call that is to be logged."""
    rules, is_outgoing = site.rules, call.direction is Direction.OUT
    started = utc_text(call.started)
    ended = utc_text(max(call.ended, call.started)) if call.ended is not None else None
    columns: dict[str, Any] = {
        "subject": cut(_subject(call, rules), LONGEST_SUBJECT),
        "directioncode": is_outgoing,
        "phonenumber": _phone_number(call, site),
        "scheduledstart": started,
        "scheduledend": ended,
        "actualstart": started,
        "actualend": ended,
        "actualdurationminutes": _minutes(call) if call.has_ended else None,
        **_description(call, rules, texts or Texts()),
    }
    return PhoneCall(
        phone_call_id(call.id), columns, _guid(log.owner), log.customer, is_outgoing,
        final_state(call, site, several=log.several), rules.own_audit_column,
    )  # fmt: skip


def blank_phone_call(phone_call_key: UUID, call: Call, owner: str | None, rules: CallSync) -> PhoneCall:
    """What is left of the phone call of a call that turned private: that there was one, and when, to its owner. Who was
    on the phone is left out; the id of the call alone says nothing."""
    audit = f"CallId is {call.id}"
    started = utc_text(call.started)
    columns: dict[str, Any] = {
        "subject": BLANK_SUBJECT,
        "directioncode": call.direction is Direction.OUT,
        "phonenumber": None,
        "scheduledstart": started,
        "scheduledend": started,
        "actualstart": started,
        "actualend": started,
        "actualdurationminutes": 0,
        "description": audit if rules.own_audit_column is None else None,
    }
    if rules.own_audit_column is not None:
        columns[rules.own_audit_column] = audit
    state = State(PHONE_CALL_CANCELED, STATUS_CANCELED)
    return PhoneCall(
        phone_call_key, columns, owner, None, call.direction is Direction.OUT, state, rules.own_audit_column
    )


def final_state(call: Call, site: Site, *, several: bool) -> State:
    """Open while the call goes on; then by what became of it. Where several customers have the number, the status of
    `MultipleMatchPhoneCallStatus` with the state that owns it; one that Dynamics lacks changes nothing."""
    wanted = site.rules.multiple_match_phone_call_status
    if several and wanted in site.states:
        return State(site.states[wanted], wanted)
    if not call.has_ended:
        return _NEW
    is_outgoing = call.direction is Direction.OUT
    if not call.answered and site.rules.unanswered_status == "Canceled":
        return State(PHONE_CALL_CANCELED, STATUS_CANCELED)
    return State(PHONE_CALL_COMPLETED, STATUS_MADE if is_outgoing else STATUS_RECEIVED)


def _subject(call: Call, rules: CallSync) -> str:
    if call.direction is Direction.OUT:
        return rules.outgoing_direct_call_subject
    return rules.incoming_queue_call_subject if call.kind is Kind.QUEUE else rules.incoming_direct_call_subject


def _phone_number(call: Call, site: Site) -> str | None:
    number = customer_number(call, site) or call.customer_number
    return None if number is None else cut(number, LONGEST_NUMBER)


def _minutes(call: Call) -> int:
    """Whole minutes, half a minute up; at least one of a call that somebody answered."""
    return max(1, (call.talk_seconds + 30) // 60) if call.answered else 0


def _description(call: Call, rules: CallSync, texts: Texts) -> dict[str, str | None]:
    """`description`, and the audit column where there is one of its own."""
    front = "\n".join(filter(None, [legs_text(call, texts.name_of), _recordings(call, rules, texts)]))
    if rules.own_audit_column is not None:
        audit = audit_text(call, enabled=rules.enable_audit, longest=texts.audit_length)
        return {"description": cut(front, LONGEST_DESCRIPTION) or None, rules.own_audit_column: audit}
    front = _whole_lines(front, _FRONT_OF_DESCRIPTION)
    room = LONGEST_DESCRIPTION - units(front) - len("\n") if front else LONGEST_DESCRIPTION
    audit = audit_text(call, enabled=rules.enable_audit, longest=room)
    return {"description": f"{front}\n{audit}" if front else audit}


def _recordings(call: Call, rules: CallSync, texts: Texts) -> str:
    if not rules.write_recording_link:
        return ""
    return "\n".join(f"Recording: {texts.recording_url or ''}{each}" for each in call.recording_ids)


def _whole_lines(text: str, longest: int) -> str:
    """The text without the last lines that do not fit."""
    if units(text) <= longest:
        return text
    kept, more = [], "(more in Enreach)"
    room = longest - len(more)
    for line in text.split("\n"):
        room -= units(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, more])


# ---------------------------------------------------------------------------------------------------- as rows


def create_row(wanted: PhoneCall) -> JsonRow:
    """The row that creates it, with its parties. Its state is set afterwards (`state_row`)."""
    return _table(wanted).row(
        wanted.id, wanted.columns, _binds(wanted.owner, wanted.customer),
        {"phonecall_activity_parties": _party_rows(wanted.owner, wanted.customer, is_outgoing=wanted.is_outgoing)},
    )  # fmt: skip


def state_row(phone_call_key: UUID, state: State) -> JsonRow:
    """The row that sets the state."""
    return PHONE_CALL.row(phone_call_key, {"statecode": state.statecode, "statuscode": state.statuscode})


def _party_rows(owner: str | None, customer: Customer | None, *, is_outgoing: bool) -> list[JsonRow]:
    """Who is on the phone: the customer and our user, from and to by the direction. A caller who is no row of Dynamics
    has no party: the number stands in `phonenumber`."""
    of_user, of_customer = _masks(is_outgoing=is_outgoing)
    rows: list[JsonRow] = []
    if customer is not None:
        rows.append(customer_party(customer, of_customer))
    if owner is not None:
        rows.append(user_party(owner, of_user))
    return rows


def _masks(*, is_outgoing: bool) -> tuple[int, int]:
    """On which side our user is, and on which the customer."""
    return (PARTY_FROM, PARTY_TO) if is_outgoing else (PARTY_TO, PARTY_FROM)


def _table(wanted: PhoneCall) -> Table[str, str, PhoneCallNavigation, Literal["phonecall_activity_parties"]]:
    return PHONE_CALL.with_columns([] if wanted.audit_column is None else [wanted.audit_column])


def _binds(owner: str | None, customer: Customer | None) -> dict[PhoneCallNavigation, UUID | str]:
    binds: dict[PhoneCallNavigation, UUID | str] = {}
    if owner is not None:
        binds["ownerid"] = owner
    if customer is not None:
        binds[REGARDING[customer.kind]] = customer.id
    return binds


# ------------------------------------------------------------------------------------------- what was written


@dataclass(frozen=True, slots=True)
class Written:
    """What we last wrote to a phone call: what differs in Dynamics today was changed by a user."""

    columns: Mapping[str, Any] = field(repr=False)
    owner: str | None
    customer: Customer | None
    state: State
    is_outgoing: bool
    several: bool = False
    """Whether several customers had the number."""
    intended: "Written | None" = None
    """What was then to be written over it. Whether it was is not known: a run was cut off."""

    def found_in(self, current: JsonRow) -> "Written":
        """What is ours of the row as it stands: of each column what was intended, if that is there, else what was
        before."""
        meant = self.intended
        if meant is None:
            return self
        names = {*self.columns, *meant.columns}
        columns = {
            name: (meant if _is_same(name, current.get(name), meant.columns.get(name)) else self).columns.get(name)
            for name in names
        }
        owner = meant.owner if _guid(current.get("_ownerid_value")) == meant.owner else self.owner
        regarding = None if meant.customer is None else str(meant.customer.id)
        customer = meant.customer if _guid(current.get("_regardingobjectid_value")) == regarding else self.customer
        there = State(current["statecode"], current["statuscode"])
        state = meant.state if there == meant.state else self.state
        return Written(columns, owner, customer, state, meant.is_outgoing, self.several)

    @property
    def parties(self) -> frozenset["Party"]:
        """From and to."""
        of_user, of_customer = _masks(is_outgoing=self.is_outgoing)
        found = {(of_user, self.owner)} if self.owner is not None else set()
        return frozenset(found | ({(of_customer, str(self.customer.id))} if self.customer is not None else set()))

    def to_bytes(self) -> bytes:
        """For the ledger; `from_bytes` reads it."""
        document = {
            "v": _FORMAT,
            "c": dict(self.columns),
            "o": self.owner,
            "r": None if self.customer is None else [self.customer.kind.value, str(self.customer.id)],
            "s": list(self.state),
            "d": self.is_outgoing,
            "m": self.several,
        }
        if self.intended is not None:
            document["i"] = self.intended.to_bytes().decode()
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Written":
        """Raises ValueError for bytes that this version did not write."""
        try:
            document = json.loads(data)
            if document["v"] != _FORMAT:
                raise ValueError("another format")
            regarding, (statecode, statuscode) = document["r"], document["s"]
            customer = None if regarding is None else Customer(_kind(regarding[0]), UUID(regarding[1]))
            intended = cls.from_bytes(document["i"].encode()) if "i" in document else None
            state = State(statecode, statuscode)
            return cls(document["c"], document["o"], customer, state, document["d"], document["m"], intended)
        except (ValueError, TypeError, LookupError, AttributeError):
            raise ValueError("what was written to a phone call cannot be read") from None


def _kind(text: str) -> CustomerKind:
    kind = MatchKind(text)
    if kind is MatchKind.NONE or kind is MatchKind.AMBIGUOUS:
        raise ValueError("no kind of customer")
    return kind


def written_of(wanted: PhoneCall, log: Log) -> Written:
    """What the ledger keeps of a phone call that was created."""
    return Written(wanted.columns, wanted.owner, wanted.customer, wanted.state, wanted.is_outgoing, log.several)


def written_at_creation(current: JsonRow, wanted: PhoneCall) -> Written | None:
    """What we wrote to a phone call of which that was lost, such as when a run was cut off: what stands there, if
    nobody was there since it was created, else None. A regarding that is not the wanted one is not ours to tell."""
    if current["_modifiedby_value"] != current["_createdby_value"]:
        return None
    if utc_moment(current["modifiedon"]) - utc_moment(current["createdon"]) > _CREATION:
        return None
    regarding = _guid(current.get("_regardingobjectid_value"))
    customer = wanted.customer if wanted.customer is not None and str(wanted.customer.id) == regarding else None
    return Written(
        {name: current.get(name) for name in wanted.columns},
        _guid(current.get("_ownerid_value")),
        customer,
        State(current["statecode"], current["statuscode"]),
        current.get("directioncode") is True,
    )


# ------------------------------------------------------------------------------------------------- later versions


@dataclass(frozen=True, slots=True)
class Changes:
    """What a later version of the call changes. `parties`, where there are any, stand for the whole list."""

    columns: Mapping[str, Any] = field(repr=False)
    binds: Mapping[PhoneCallNavigation, UUID | str]
    parties: Sequence[JsonRow]
    state: State | None
    written: Written
    """What the ledger keeps when they are written, and also when there is nothing to write."""
    audit_column: str | None = None

    def __bool__(self) -> bool:
        return bool(self.columns or self.binds or self.parties or self.state)

    def row(self, phone_call_key: UUID) -> JsonRow:
        """The row that writes them."""
        state = {} if self.state is None else {"statecode": self.state.statecode, "statuscode": self.state.statuscode}
        table = PHONE_CALL.with_columns([] if self.audit_column is None else [self.audit_column])
        nested: dict[Literal["phonecall_activity_parties"], Sequence[JsonRow]] = {}
        if self.parties:
            nested["phonecall_activity_parties"] = self.parties
        return table.row(phone_call_key, {**self.columns, **state}, self.binds, nested)


type Party = tuple[int, str]
"""`participationtypemask` and the id of who takes part."""


def changes(
    written: Written, current: JsonRow, wanted: PhoneCall, parties_there: Collection[Party] | None = None
) -> Changes:
    """What of the wanted phone call is to be written over the current row, given what we last wrote.

    A column is changed where what we want is another value than before, and Dynamics still has the one before: so the
    edit of a user stays, be it that he emptied it. A customer is filled in where there was none, and Dynamics has none
    either; one who is there is never taken back. A phone call that is closed is not opened again. Parties follow owner
    and customer where those in Dynamics (`parties_there`; None: not read) are still ours.
    """
    written = written.found_in(current)
    columns, kept = _changed_columns(written, current, wanted)
    binds: dict[PhoneCallNavigation, UUID | str] = {}
    owner = written.owner
    if wanted.owner is not None and wanted.owner != owner:
        there = _guid(current.get("_ownerid_value"))
        if there == owner:
            binds["ownerid"] = wanted.owner
        if there in (owner, wanted.owner):
            owner = wanted.owner
    customer = written.customer
    if customer is None and wanted.customer is not None:
        there = _guid(current.get("_regardingobjectid_value"))
        if there is None:
            binds[REGARDING[wanted.customer.kind]] = wanted.customer.id
        if there in (None, str(wanted.customer.id)):
            customer = wanted.customer
    state, state_kept = _changed_state(written.state, current, wanted.state)
    after = Written(kept, owner, customer, state_kept, wanted.is_outgoing, written.several and customer is None)
    rows: list[JsonRow] = []
    if parties_there is not None and after.parties != written.parties and _ours(parties_there) == written.parties:
        rows = _party_rows(after.owner, after.customer, is_outgoing=wanted.is_outgoing)
    return Changes(columns, binds, rows, state, after, wanted.audit_column)


def is_touched(written: Written, current: JsonRow) -> bool:
    """Whether a user was there: anything of what we last wrote is another value in Dynamics, as far as it was read."""
    written = written.found_in(current)
    known = {name: value for name, value in written.columns.items() if name in current}
    if any(not _is_same(name, current[name], value) for name, value in known.items()):
        return True
    customer = None if written.customer is None else str(written.customer.id)
    links = (("_ownerid_value", written.owner), ("_regardingobjectid_value", customer))
    if any(name in current and _guid(current[name]) != value for name, value in links):
        return True
    return "statecode" in current and State(current["statecode"], current["statuscode"]) != written.state


def _changed_columns(written: Written, current: JsonRow, wanted: PhoneCall) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is to be written, and what the columns then hold of ours."""
    columns: dict[str, Any] = {}
    kept = dict(written.columns)
    for name, value in wanted.columns.items():
        before, there = written.columns.get(name), current.get(name)
        if _is_same(name, before, value):
            continue
        if _is_same(name, there, value):
            kept[name] = value
        elif _is_same(name, there, before):
            kept[name] = columns[name] = value
    return columns, kept


def _changed_state(written: State, current: JsonRow, wanted: State) -> tuple[State | None, State]:
    """The state to be written, if any, and the one that is then ours."""
    if wanted == written or (written.statecode != PHONE_CALL_OPEN and wanted.statecode == PHONE_CALL_OPEN):
        return None, written
    there = State(current["statecode"], current["statuscode"])
    if there == wanted:
        return None, wanted
    return (wanted, wanted) if there == written else (None, written)


def _is_same(name: str, one: Any, other: Any) -> bool:
    """Whether both mean the same value, whatever Dataverse makes of line breaks, empty texts and times of day."""
    if name in _MOMENTS and isinstance(one, str) and isinstance(other, str):
        first, second = utc_moment(one), utc_moment(other)
        # Whether a DateOnly column keeps the time of day is not documented.
        cut_off = name in _DATE_ONLY and _MIDNIGHT in (first.time(), second.time()) and first.date() == second.date()
        return first.replace(microsecond=0) == second.replace(microsecond=0) or cut_off
    return bool(_plain(one) == _plain(other))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n").rstrip() or None
    return value


def _guid(value: Any) -> str | None:
    return canonical_guid(value) if isinstance(value, str) else None


def _ours(there: Collection[Party]) -> frozenset[Party]:
    """The parties from and to; the platform adds others by itself, such as the owner."""
    return frozenset((mask, _guid(party) or party) for mask, party in there if mask in {PARTY_FROM, PARTY_TO})
