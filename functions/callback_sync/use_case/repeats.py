"""Requests from a number for which a phone call is open already: each becomes a note on that one."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from functions.callback_sync.decide.phone_calls import callback_id_in, note_row
from functions.callback_sync.decide.requests import Request, new_record
from functions.callback_sync.decide.there import MERGED, NOT_NOTED, refused
from functions.callback_sync.queries import QUEUE_OF_ROW, notes_there, open_calls_of_numbers, phone_calls_there
from functions.callback_sync.use_case.worlds import Dynamics
from shared.callbacks.ids import repeat_note_id
from shared.callbacks.records import CallbackRecord
from shared.dataverse.denied_sets import SetSender
from shared.dataverse.errors import AlreadyExistsError, NotFoundError
from shared.dataverse.odata import ChangeSet, create_part
from shared.dataverse.tables import ANNOTATION, PHONE_CALL_OPEN


async def open_calls(dynamics: Dynamics, own_user: UUID, requests: Sequence[Request]) -> dict[tuple[UUID, str], UUID]:
    """The phone calls of callback requests that are open for the numbers of those requests that may be merged, by queue
    and number; the oldest of several."""
    merging = [each for each in requests if each.target.profile.merge_repeats and each.number is not None]
    if not merging:
        return {}
    queues = {each.target.queue_id for each in merging}
    numbers = [each.number for each in merging if each.number is not None]
    rows = await dynamics.query_packed(open_calls_of_numbers(own_user, queues, numbers))
    found: dict[tuple[UUID, str], UUID] = {}
    for row in sorted((row for part in rows for row in part), key=lambda row: (row["createdon"], row["activityid"])):
        if callback_id_in(row.get("description")) is not None:
            found.setdefault((UUID(str(row[QUEUE_OF_ROW])), row["phonenumber"]), UUID(str(row["activityid"])))
    return found


async def note_repeats(
    dynamics: Dynamics,
    repeats: Sequence[tuple[Request, UUID]],
    safe: Collection[UUID],
    heads: Sequence[Request],
    now: datetime,
) -> list[CallbackRecord]:
    """What becomes of these requests, which repeat what the phone calls with these keys are of.

    `heads` were made in this run, `safe` are those that were read back. A request counts as merged when its note was
    read back on a phone call that is still open: who completed it meanwhile may not have seen the note.
    """
    new = {each.phone_call_id for each in heads}
    noted = [(each, key) for each, key in repeats if key not in new or key in safe]
    rows = [note_row(each, key) for each, key in noted]
    sets = [ChangeSet((create_part(ANNOTATION, row),)) for row in rows]
    errors = await SetSender(dynamics, "note repeat").send(sets)
    refusals = {
        each.id: refused(type(error).__name__, error.code)
        for (each, _), error in zip(noted, errors, strict=True)
        if error is not None and not isinstance(error, AlreadyExistsError | NotFoundError)
    }
    notes = notes_there(each.id for each, _ in noted)
    answers = await dynamics.query_packed([*notes, *phone_calls_there({key for _, key in noted})]) if noted else []
    there = {str(row["annotationid"]) for part in answers[: len(notes)] for row in part}
    still_open = {
        UUID(str(row["activityid"]))
        for part in answers[len(notes) :]
        for row in part
        if row["statecode"] == PHONE_CALL_OPEN
    }
    found = []
    for each, key in repeats:
        is_noted = str(repeat_note_id(each.id)) in there and key in still_open
        said = MERGED if is_noted else refusals.get(each.id, NOT_NOTED)
        place = key if is_noted else None
        found.append(new_record(each, now, said.outcome, said.reason, phone_call_id=place, done=said.done))
    return found
