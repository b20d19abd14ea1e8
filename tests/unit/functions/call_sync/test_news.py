"""Which calls have news, and what is believed of a call whose memory is lost in part."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from functions.call_sync.decide.news import (
    MOST_LEGS,
    Seen,
    There,
    has_news,
    is_known_in_part,
    is_of_changes,
    is_settled,
    record_of,
    says_more,
    seen_of,
    waiting_of,
    without_row,
)
from functions.call_sync.decide.outcome import Site, site_of
from functions.call_sync.rules import CallSync
from shared.calls.call import NOTHING, Records, records_of
from shared.calls.ids import phone_call_id
from shared.calls.records import CallRecord, Glance, Outcome, digest_of
from shared.customers import CustomerMatching
from shared.enreach.models import Privacy
from tests.unit.shared.calls.feeds import BERT, CALL, CUSTOMER, LATER, START, leg, service

SITE = site_of(CallSync(), CustomerMatching())
LISTED = site_of(CallSync.model_validate({"NeverLogNumbers": [CUSTOMER]}), CustomerMatching())
KEY = phone_call_id(CALL)
WORK = records_of([leg()])
PRIVATE = records_of([leg(privacy=Privacy.PRIVATE)])
WITH_A_ROW = (Outcome.LOGGED, Outcome.ADOPTED, Outcome.MERGED)
NOT_LOGGED = (
    Outcome.NO_MATCH, Outcome.SEVERAL_MATCHES, Outcome.SWITCHED_OFF, Outcome.TOO_SHORT, Outcome.FAILED,
    Outcome.SKIPPED_PRIVATE, Outcome.NEVER_LOG, Outcome.WAITING,
)  # fmt: skip


def remembered(records: Records = WORK, site: Site = SITE, **changes: Any) -> CallRecord:
    """What the ledger says of a logged call whose ticket was offered."""
    seen = seen_of(records, None, site, LATER)
    record = record_of(
        seen, site, None, LATER, outcome=Outcome.LOGGED, reason="logged", phone_call_id=KEY, written=b"{}",
        ticket_offered=LATER,
    )  # fmt: skip
    return replace(record, **changes)


def glance(record: CallRecord) -> Glance:
    return Glance(
        call_id=record.call_id, outcome=record.outcome, done=record.done,
        ticket_offered=record.ticket_offered is not None, started=record.started, updated=record.updated,
        legs_digest=digest_of(record.legs), found_by=frozenset(),
    )  # fmt: skip


NEWS = [
    pytest.param(None, WORK, False, True, id="never seen"),
    pytest.param(remembered(), WORK, False, False, id="nothing new"),
    pytest.param(remembered(), WORK, True, False, id="nothing new by night"),
    pytest.param(remembered(), records_of([leg(BERT, after=100)]), False, True, id="another leg"),
    pytest.param(remembered(), PRIVATE, False, True, id="turned private"),
    pytest.param(remembered(ticket_offered=None), WORK, False, True, id="no ticket was offered"),
    *(
        pytest.param(remembered(outcome=each, done=False), WORK, False, True, id=f"{each}, not known to be written")
        for each in WITH_A_ROW
    ),
    *(
        pytest.param(
            remembered(outcome=each, phone_call_id=None, done=False), WORK, again, again, id=f"{each}, {again}"
        )
        for each in NOT_LOGGED
        for again in (False, True)
    ),
    pytest.param(remembered(outcome=Outcome.DELETED_BY_USER), WORK, True, False, id="deleted"),
]


@pytest.mark.parametrize(("before", "new", "again", "news"), NEWS)
def test_what_is_news(before: CallRecord | None, new: Records, again: bool, news: bool) -> None:
    assert has_news(seen_of(new, before, SITE, LATER), SITE, again=again) is news
    if before is not None:
        whole = new if new is not NOTHING else WORK
        assert is_settled(glance(before), whole, SITE, LATER, again=again) is not news


PRIVATE_BEFORE = [
    pytest.param(Outcome.LOGGED, KEY, True, id="its row was never taken away"),
    pytest.param(Outcome.FAILED, KEY, True, id="it could not be"),
    pytest.param(Outcome.WAITING, KEY, True, id="it is waited for"),
    pytest.param(Outcome.REMOVED_PRIVATE, KEY, False, id="it is blank"),
    pytest.param(Outcome.NEVER_LOG, KEY, False, id="it is blank for another reason"),
    pytest.param(Outcome.REMOVED_PRIVATE, None, False, id="it is gone"),
    pytest.param(Outcome.DELETED_BY_USER, KEY, False, id="somebody deleted it"),
]


@pytest.mark.parametrize(("outcome", "key", "must_go"), PRIVATE_BEFORE)
def test_a_phone_call_of_a_private_call_must_go(outcome: Outcome, key: UUID | None, must_go: bool) -> None:
    before = remembered(PRIVATE, outcome=outcome, phone_call_id=key, done=key is not None)
    seen = seen_of(PRIVATE, before, SITE, LATER)
    assert (seen.legs, seen.must_go, has_news(seen, SITE, again=False)) == (b"", must_go, must_go)


NOT_KEPT = remembered(PRIVATE, outcome=Outcome.SKIPPED_PRIVATE, phone_call_id=None)


@pytest.mark.parametrize(
    ("new", "before", "site", "is_part"),
    [
        pytest.param(WORK, None, SITE, False, id="never seen"),
        pytest.param(WORK, remembered(), SITE, False, id="its legs are kept"),
        pytest.param(WORK, NOT_KEPT, SITE, True, id="one leg turned Work"),
        pytest.param(records_of([], [service()]), NOT_KEPT, SITE, True, id="the queue alone"),
        pytest.param(PRIVATE, NOT_KEPT, SITE, False, id="private still"),
        pytest.param(WORK, NOT_KEPT, LISTED, False, id="on the list"),
    ],
)
def test_a_call_of_which_nothing_was_kept_is_known_in_part(
    new: Records, before: CallRecord | None, site: Site, is_part: bool
) -> None:
    assert is_known_in_part(new, before, site, LATER) is is_part


# ------------------------------------------------------------------------------------------------ what is gone


STAMPED = UUID(int=9)


def gone(stamped: UUID | None = None, **changes: Any) -> Seen:
    return without_row(seen_of(WORK, remembered(**changes), SITE, LATER), stamped)


def test_a_phone_call_that_is_gone_was_deleted_by_a_user() -> None:
    assert gone().before == remembered()


def test_one_that_was_being_taken_away_is_no_users_deletion() -> None:
    seen = gone(outcome=Outcome.WAITING)
    assert seen.before is not None
    assert (seen.before.outcome, seen.written_before, seen.before.written) == (Outcome.REMOVED_PRIVATE, None, b"")
    assert seen.in_ledger == remembered(outcome=Outcome.WAITING)


def test_one_whose_stamp_a_client_bears_was_joined_to_it() -> None:
    seen = gone(STAMPED)
    assert seen.before is not None
    assert (seen.before.outcome, seen.written_before, seen.in_ledger) == (Outcome.MERGED, STAMPED, remembered())


# ---------------------------------------------------------------------------------------------- what was lost

THERE = There(frozenset({KEY}))


def test_a_phone_call_that_is_there_is_the_calls_though_the_ledger_lost_it() -> None:
    before = seen_of(WORK, None, SITE, LATER, THERE).before
    assert before is not None
    assert (before.outcome, before.phone_call_id, before.done, before.ticket_offered) == (
        Outcome.LOGGED, KEY, True, None,
    )  # fmt: skip


def test_what_the_ledger_knows_of_the_call_is_kept() -> None:
    known = remembered(outcome=Outcome.NO_MATCH, phone_call_id=None, done=False)
    before = seen_of(WORK, known, SITE, LATER + timedelta(days=1), THERE).before
    assert before is not None
    assert (before.phone_call_id, before.ticket_offered, before.first_seen) == (KEY, LATER, LATER)
    assert seen_of(WORK, remembered(), SITE, LATER, THERE).before == remembered()


@pytest.mark.parametrize(
    ("outcome", "done", "is_done"),
    [(Outcome.LOGGED, True, True), (Outcome.LOGGED, False, False), (Outcome.NO_MATCH, False, False)],
)
def test_a_glance_alone_still_tells_what_was_done(outcome: Outcome, done: bool, is_done: bool) -> None:
    there = There(frozenset(), glances={CALL: glance(remembered(outcome=outcome, done=done))})
    before = seen_of(WORK, None, SITE, LATER, there).before
    assert (before is not None and before.done) is is_done
    assert (before is not None and before.ticket_offered == LATER) is is_done


def test_a_glance_that_is_lost_is_put_back() -> None:
    record = remembered()
    assert There(frozenset(), since=START).is_out_of_sight(record)
    assert not There(frozenset(), since=START, glances={CALL: glance(record)}).is_out_of_sight(record)
    assert not There(frozenset(), since=START + timedelta(seconds=1)).is_out_of_sight(record)
    assert not There(frozenset()).is_out_of_sight(record)


def test_a_call_that_waits_is_read_as_it_was_remembered() -> None:
    before = remembered(outcome=Outcome.WAITING, phone_call_id=None, done=False)
    seen = waiting_of(before, SITE, LATER)
    assert seen is not None
    assert (seen.call.id, seen.legs, seen.before) == (CALL, before.legs, before)
    assert waiting_of(replace(before, legs=b""), SITE, LATER) is None
    assert waiting_of(replace(before, legs=b"of another version"), SITE, LATER) is None


def test_of_a_call_with_a_thousand_legs_the_first_ones_are_kept() -> None:
    legs = [leg(after=number, received={"CallId": CALL, "Note": "x" * 1_000}) for number in range(1_000)]
    seen = seen_of(records_of(legs), None, SITE, LATER)
    assert 0 < len(seen.legs) <= MOST_LEGS
    again = seen_of(records_of(legs), remembered(records_of(legs)), SITE, LATER)
    assert not has_news(again, SITE, again=False)


def test_that_a_call_was_looked_at_is_nothing_to_write_down() -> None:
    before = remembered()
    assert says_more(before, None)
    assert not says_more(replace(before, updated=LATER + timedelta(minutes=1)), before)
    assert says_more(replace(before, reason="another"), before)


@pytest.mark.parametrize(
    ("modified", "read_until", "is_theirs"),
    [
        (None, None, False), (-300, None, False), (-299, None, True), (60, None, True),
        (-31, -30, False), (-30, -30, False), (-29, -30, True), (-100, -3600, True), (-300, -3600, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("by_queue", [False, True])
def test_what_has_just_changed_is_left_to_the_feed_of_changes(
    modified: int | None, read_until: int | None, is_theirs: bool, by_queue: bool
) -> None:
    moment = None if modified is None else LATER + timedelta(seconds=modified)
    until = None if read_until is None else LATER + timedelta(seconds=read_until)
    old = LATER - timedelta(hours=1)
    records = Records(
        (replace(leg(), modified_at=old if by_queue else moment), replace(leg(), modified_at=old)),
        replace(service(), modified_at=moment) if by_queue else None,
    )
    assert is_of_changes(records, until, LATER) is is_theirs
