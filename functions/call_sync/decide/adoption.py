"""Phone calls that the agents' own clients made: which call each of them is, and how both end as one row. Pure.

A client (a softphone in Dynamics) makes its row without any id of ours, before ours is written or up to 24 h after it.

matching   a row is a call's when number, owner and direction agree and its start is near the call's, one to one: as
           many pairs as possible, and of these the ones that lie closest together in time. So two calls seconds apart
           stay two, and the clock of an agent's computer may be wrong by `CLOCK_SKEW`
resolving  what to write so that each pair becomes one row that bears the call id (its *stamp*). A stamped row is
           its call's for good, so that it is found with our tables emptied

Every decision that takes two writes is applied in the order in which it names them, best as one change set. A run that
ends between them leaves what the next one finishes: one row, in which at worst a text also stands that went to that of
a redial. Source: issue 6, item 4; reliability, A31.
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

from functions.call_sync.decide.fields import LONGEST_DESCRIPTION, call_id_in, cut
from shared.dataverse.tables import PHONE_CALL, JsonRow, utc_moment
from shared.phone_numbers import e164

type Guid = str
"""In lower case, as Dataverse writes it."""

CLOCK_SKEW: Final = timedelta(seconds=30)
"""How wrong the clock of an agent's computer may be, either way, beside the setting's margin (reliability, A31)."""
LOGGED_LATER: Final = timedelta(hours=24)
"""How long after a call an agent may log it by hand."""

_STAMP_LINE = re.compile(r"^[ \t]*CallId is \{?[0-9a-f-]{32,36}[^\r\n]*", re.IGNORECASE | re.MULTILINE)
"""What `call_id_in` finds, to the end of its line."""
_STAMP_LENGTH = len("CallId is ") + 36
_NONE = timedelta(0)
_BIND = "@odata.bind"
_STATE = frozenset({"statecode", "statuscode"})


# -------------------------------------------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRow:
    """A phone call of Dynamics whose key does not follow from a call id: somebody else than us made it."""

    id: Guid
    number: str
    """As it is stored."""
    owner_id: Guid
    outgoing: bool
    started: datetime
    started_is_exact: bool
    """False: `started` is when the row was created, see `start_of`."""
    stamp: str | None = None
    """The call id that the row bears: canonical, None where it bears none."""
    description: str = ""
    has_dependents: bool = False
    """Notes hang on it, which cannot be moved and go with the row (annotation.objectid is set at creation alone)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedCall:
    """A call, as far as a row can be recognised as its own."""

    call_id: str
    """Canonical."""
    phone_call_id: Guid
    """The key that a row of ours has."""
    number: str
    """The customer's."""
    owner_id: Guid
    outgoing: bool
    started: datetime
    reached_owner: datetime | None = None
    """When the owner answered, perhaps after a queue: a client may take any moment until then for the start."""
    ended: datetime | None = None
    gets_a_row: bool = True
    """False: nothing is written for this call (too short, switched off). The client made a row for it all the same,
    which must not pass for that of a redial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRow:
    """The phone call whose key follows from a call id, where there is one."""

    id: Guid
    description: str = ""
    changed_by_user: bool = False
    """Since our last write."""
    has_dependents: bool = False
    """A case or a note hangs on it."""

    @property
    def is_untouched(self) -> bool:
        """Whether it may go without anybody missing anything."""
        return not (self.changed_by_user or self.has_dependents)


@dataclass(frozen=True, slots=True)
class Start:
    """When a row says that its call started; not exact: only when the row was created is known."""

    moment: datetime
    is_exact: bool


def start_of(row: JsonRow, zone: tzinfo = UTC) -> Start:
    """When the call of this row started: scheduledstart, else actualstart when it has a time of day, else createdon.

    actualstart has the format DateOnly (dataverse-metadata, phonecall): midnight, in UTC or in the zone in which the
    agents pick their dates, stands for a date alone. Raises KeyError for a row that was read without these columns.
    """
    scheduled, actual, created = row["scheduledstart"], row["actualstart"], row["createdon"]
    if scheduled:
        return Start(utc_moment(scheduled), is_exact=True)
    if actual and _has_time_of_day(moment := utc_moment(actual), zone):
        return Start(moment, is_exact=True)
    return Start(utc_moment(created), is_exact=False)


def _has_time_of_day(moment: datetime, zone: tzinfo) -> bool:
    return all(moment.astimezone(each).time() != time.min for each in (UTC, zone))


# ----------------------------------------------------------------------------------------------- matching


@dataclass(frozen=True, slots=True)
class Pair:
    """A row and the call that it is."""

    call: LoggedCall
    row: ClientRow


@dataclass(frozen=True, slots=True)
class Nearness:
    """How far apart a row and its call may be."""

    margin: timedelta
    """The setting `CallStartMargin`."""
    clock_skew: timedelta = CLOCK_SKEW

    @property
    def reach(self) -> timedelta:
        """The most that lies between a call and the start that a client's clock told."""
        return self.margin + self.clock_skew

    def apart(self, row: ClientRow, call: LoggedCall) -> timedelta | None:
        """The time between a row and a call; None where it is too much.

        A row with an exact start is held to the call's start (until it reached its owner). Of one that has the moment
        of its creation alone, by the clock of Dataverse and so without skew, any moment of the call is as good.
        """
        last, most = (_begun(call), self.reach) if row.started_is_exact else (_end(call), self.margin)
        apart = max(call.started - row.started, row.started - last, _NONE)
        return apart if apart <= most else None


def _begun(call: LoggedCall) -> datetime:
    return max(call.started, call.reached_owner or call.started)


def _end(call: LoggedCall) -> datetime:
    return max(_begun(call), call.ended or call.started)


def match(
    calls: Iterable[LoggedCall], rows: Iterable[ClientRow], nearness: Nearness, region: str | None = None
) -> tuple[Pair, ...]:
    """Which row is which call: one to one, in the order of call ids. `region` reads numbers without a country code.

    The rows and calls are all those of the past 24 h with these numbers, or a row that was logged by hand may be taken
    for the wrong call. Four steps, each among what the earlier ones left:
    1. A row that bears a call id is that call's, whatever became of its number and owner. Of several with one id the
       nearest is; the others stay alone.
    2. Rows and calls of one number, owner and direction: as many pairs as possible within reach, the least time between
       them in all.
    3. A row within reach of calls that all have their rows belongs to a chain of redials in which, before all of them
       were reported, one took the row of the next. It becomes the row of the call at the other end of the chain, so
       that there are as many rows as calls.
    4. A row that was created up to 24 h after a call is that call's, logged by hand, when no other call comes into
       question.
    """
    calls, rows = list(calls), list(rows)
    row_of = _stamped(calls, rows)
    clusters: defaultdict[_Line, tuple[list[LoggedCall], list[ClientRow]]] = defaultdict(lambda: ([], []))
    for row in rows:
        if row.stamp is None and (line := _line(row.number, row.owner_id, row.outgoing, region)):
            clusters[line][1].append(row)
    for call in calls:
        line = _line(call.number, call.owner_id, call.outgoing, region)
        if line is not None and line in clusters:
            clusters[line][0].append(call)
    for cluster in clusters.values():
        row_of.update(_Cluster(*cluster, row_of, nearness).row_of())
    return tuple(sorted((Pair(call, row_of[call.call_id]) for call in calls if call.call_id in row_of), key=_by_call))


def _by_call(pair: Pair) -> str:
    return pair.call.call_id


def _stamped(calls: Iterable[LoggedCall], rows: Iterable[ClientRow]) -> dict[str, ClientRow]:
    by_id = {call.call_id: call for call in calls}
    stamped = [(by_id[row.stamp], row) for row in rows if row.stamp in by_id]
    # The nearest comes last, and stays.
    stamped.sort(key=lambda each: (abs(each[0].started - each[1].started), each[1].id), reverse=True)
    return {call.call_id: row for call, row in stamped}


type _Line = tuple[str, Guid, bool]
"""Number, owner, direction."""


def _line(number: str, owner_id: Guid, outgoing: bool, region: str | None) -> _Line | None:
    # Text that is no number of the world (a short number) is itself in any spelling.
    key = e164(number, region) or "".join(sign for sign in number.casefold() if sign.isalnum())
    return (key, owner_id, outgoing) if key else None


class _Cluster:
    """Calls of one number, owner and direction, and the rows without a stamp that may be theirs."""

    def __init__(
        self,
        calls: Iterable[LoggedCall],
        rows: Iterable[ClientRow],
        stamped: Mapping[str, ClientRow],
        nearness: Nearness,
    ) -> None:
        self._calls = sorted(calls, key=lambda call: (call.started, call.call_id))
        self._rows = sorted(rows, key=lambda row: (row.started, row.id))
        self._nearness = nearness
        self._row_of = {call.call_id: stamped[call.call_id] for call in self._calls if call.call_id in stamped}
        self._paired: set[Guid] = set()

    def row_of(self) -> Mapping[str, ClientRow]:
        """The row of each call that has one, by call id."""
        for calls, rows in _stretches(self._free_calls(), self._rows, self._nearness.reach):
            for pair in _nearest_pairs(calls, rows, self._nearness):
                self._pair(pair.call, pair.row)
        for row in self._free_rows():
            if end := self._end_of_chain(row):
                self._pair(end, row)
        for row in self._free_rows():
            if call := self._logged_by_hand(row):
                self._pair(call, row)
        return self._row_of

    def _pair(self, call: LoggedCall, row: ClientRow) -> None:
        self._row_of[call.call_id] = row
        self._paired.add(row.id)

    def _free_calls(self) -> list[LoggedCall]:
        return [call for call in self._calls if call.call_id not in self._row_of]

    def _free_rows(self) -> list[ClientRow]:
        return [row for row in self._rows if row.id not in self._paired]

    def _end_of_chain(self, row: ClientRow) -> LoggedCall | None:
        """The first call without a row on the way from this row to calls within reach, from them to their rows, and so
        on. There is one whenever everything could be paired within reach: an augmenting path (Berge, 1957)."""
        ahead, seen = deque([row]), set[str]()
        while ahead:
            for call in self._calls_near(ahead.popleft()):
                if call.call_id not in self._row_of:
                    return call
                if call.call_id not in seen:
                    seen.add(call.call_id)
                    ahead.append(self._row_of[call.call_id])
        return None

    def _calls_near(self, row: ClientRow) -> list[LoggedCall]:
        near = ((self._nearness.apart(row, call), at) for at, call in enumerate(self._calls))
        return [self._calls[at] for _, at in sorted((apart, at) for apart, at in near if apart is not None)]

    def _logged_by_hand(self, row: ClientRow) -> LoggedCall | None:
        if row.started_is_exact:
            return None
        in_question = [call for call in self._free_calls() if call.started <= row.started <= _end(call) + LOGGED_LATER]
        return in_question[0] if len(in_question) == 1 else None


def _stretches(
    calls: Sequence[LoggedCall], rows: Sequence[ClientRow], reach: timedelta
) -> Iterator[tuple[list[LoggedCall], list[ClientRow]]]:
    """Calls and rows in the order of time, parted where no pair can be: most are alone, and what costs the square of
    their number stays cheap."""
    spans: list[tuple[datetime, datetime, LoggedCall | ClientRow]] = [
        (call.started, _end(call), call) for call in calls
    ]
    spans += [(row.started, row.started, row) for row in rows]
    stretch: tuple[list[LoggedCall], list[ClientRow]] = ([], [])
    last_end: datetime | None = None
    for start, end, item in sorted(spans, key=lambda span: span[0]):
        if last_end is not None and start > last_end + reach:
            yield stretch
            stretch, last_end = ([], []), None
        last_end = end if last_end is None else max(last_end, end)
        if isinstance(item, LoggedCall):
            stretch[0].append(item)
        else:
            stretch[1].append(item)
    yield stretch


def _nearest_pairs(calls: Sequence[LoggedCall], rows: Sequence[ClientRow], nearness: Nearness) -> Iterator[Pair]:
    """As many pairs as possible, and the least time in all; both come in the order of their starts.

    Pairs on a line need not cross: uncrossed, neither their total nor the longest of them grows. So the best for the
    first few rows and calls follows from the best without the last row, without the last call, or with both as a pair.
    """
    best = [[(0, _NONE)] * (len(calls) + 1) for _ in range(len(rows) + 1)]
    """The pairs, as a negative number, and the time between them: the least is the best."""
    for i, row in enumerate(rows, 1):
        for j, call in enumerate(calls, 1):
            best[i][j] = min(best[i - 1][j], best[i][j - 1])
            apart = nearness.apart(row, call)
            if apart is not None:
                pairs, total = best[i - 1][j - 1]
                best[i][j] = min(best[i][j], (pairs - 1, total + apart))
    i, j = len(rows), len(calls)
    while i and j:
        if best[i][j] == best[i - 1][j]:
            i -= 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            yield Pair(calls[j], rows[i])


# ---------------------------------------------------------------------------------------------- resolving


@dataclass(frozen=True, slots=True)
class Adopt:
    """Complete and stamp the client's row (`adopted_columns`): it is the call's only one."""

    call_id: str
    row_id: Guid


@dataclass(frozen=True, slots=True)
class AdoptInstead:
    """Complete and stamp the client's row, then delete ours, which nobody has touched."""

    call_id: str
    row_id: Guid
    own_id: Guid


@dataclass(frozen=True, slots=True)
class KeepOurs:
    """Write this description to ours, which somebody works with, then delete the client's row."""

    call_id: str
    own_id: Guid
    row_id: Guid
    description: str | None
    """None: it is there already."""


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """The stamped row is the call's; nothing of ours is to be made."""

    call_id: str
    row_id: Guid


@dataclass(frozen=True, slots=True)
class RemoveOurs:
    """Delete ours: the client's row was stamped before, and a run ended in between."""

    call_id: str
    own_id: Guid
    row_id: Guid
    """The row that stays."""


@dataclass(frozen=True, slots=True)
class LeaveBoth:
    """Write nothing: people work with ours, and notes that cannot be moved hang on the client's row."""

    call_id: str
    own_id: Guid
    row_id: Guid


type Decision = Adopt | AdoptInstead | KeepOurs | AlreadyThere | RemoveOurs | LeaveBoth


def resolve(pairs: Iterable[Pair], own_rows: Mapping[str, OwnRow]) -> dict[str, Decision]:
    """What to do with each call that has a client's row, by call id; every other call has ours alone, or needs it.

    `own_rows` are the rows of ours that exist, by call id. What is deleted is deleted as it was read (`If-Match`):
    whoever touches it in between keeps it, and the next run decides again.
    """
    return {
        pair.call.call_id: _resolved(pair, own_rows.get(pair.call.call_id)) for pair in pairs if pair.call.gets_a_row
    }


def _resolved(pair: Pair, own: OwnRow | None) -> Decision:
    call_id, row = pair.call.call_id, pair.row
    is_stamped = row.stamp == call_id
    if own is None:
        return AlreadyThere(call_id, row.id) if is_stamped else Adopt(call_id, row.id)
    if own.is_untouched:
        return RemoveOurs(call_id, own.id, row.id) if is_stamped else AdoptInstead(call_id, row.id, own.id)
    if row.has_dependents:
        return LeaveBoth(call_id, own.id, row.id)
    description = joined_description(row.description, own.description)
    return KeepOurs(call_id, own.id, row.id, description if description != own.description else None)


# ------------------------------------------------------------------------------------------------ columns


def completed_columns(row: JsonRow, wanted: Mapping[str, object]) -> dict[str, object]:
    """Of the row that we would have made (`PHONE_CALL.row`) what this one lacks, to be written to it.

    A lookup is lacking when it points nowhere, whatever it may point to. The key, the state and the parties stay: they
    are never empty, or set at creation alone. Raises KeyError for a row that was read without a column that counts:
    what was not read may hold an agent's words.
    """
    lacking = {}
    for name, value in wanted.items():
        if name in _STATE or name in PHONE_CALL.nested or name == PHONE_CALL.primary_id:
            continue
        if not _is_empty(value) and _is_empty(row[_read_name(name)]):
            lacking[name] = value
    return lacking


def _read_name(name: str) -> str:
    return PHONE_CALL.lookup(name.removesuffix(_BIND)).value_property if name.endswith(_BIND) else name  # type: ignore[arg-type]


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def adopted_columns(
    row: JsonRow, wanted: Mapping[str, object], audit: str, audit_column: str | None = None
) -> dict[str, object]:
    """What makes a client's row the call's: what it lacks, and the stamp.

    `audit` is the audit text, which begins with `CallId is <id>`. It becomes the last line of the description, behind
    the agent's own text, or goes to `audit_column`. Empty where the row has all of it. Raises as `completed_columns`.
    """
    changes = completed_columns(row, {name: value for name, value in wanted.items() if name != audit_column})
    place = audit_column or "description"
    if place in changes:
        return changes
    text = str(row[place] or "")
    stamped = stamped_description(text, audit) if audit_column is None else audit
    return changes if call_id_in(text) == call_id_in(audit) else changes | {place: stamped}


def stamped_description(text: str, audit: str) -> str:
    """The agent's text and behind it the audit text, as a line of its own.

    Where both are too long for the column the audit text is cut, down to `CallId is <id>`; only then the end of the
    agent's text: without a stamp the row would be doubled some day.
    """
    audit = cut(audit, max(LONGEST_DESCRIPTION - _length(text) - 1, _STAMP_LENGTH))
    return f"{cut(text, LONGEST_DESCRIPTION - _length(audit) - 1)}\n{audit}" if text.strip() else audit


def joined_description(clients: str, ours: str) -> str:
    """Ours with the client's text in front, and our stamp still last. The same when it is there already."""
    typed = cut(_parted(clients)[0].strip(), LONGEST_DESCRIPTION - _STAMP_LENGTH - 1)
    text, audit = _parted(ours)
    if _plain_ends(text).startswith(_plain_ends(typed)):
        return ours
    both = f"{typed}\n{text}" if text.strip() else typed
    return stamped_description(both, audit) if audit else cut(both, LONGEST_DESCRIPTION)


def _parted(text: str) -> tuple[str, str]:
    """A description without its audit line, and that line; empty where there is none."""
    lines = list(_STAMP_LINE.finditer(text))
    if not lines:
        return text, ""
    line = lines[-1]
    return text[: line.start()].removesuffix("\n").removesuffix("\r") + text[line.end() :], line[0].strip()


def _plain_ends(text: str) -> str:
    # Forms write other line ends than programs.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
