"""A plan is weighed, then held for a person or written, with what was there before in the journal."""

import tempfile
from dataclasses import replace
from datetime import date

from functions.schedule_import.containers import ARCHIVE
from functions.schedule_import.decide import precedence
from functions.schedule_import.decide.diff import Difference
from functions.schedule_import.decide.facts import Guid, ReferenceFacts, WantedBooking
from functions.schedule_import.decide.hold import Reason, plan_digest, weigh
from functions.schedule_import.decide.precedence import ImportState, PastImport
from functions.schedule_import.decide.scope import FileScope
from functions.schedule_import.decide.shift_days import Stretch, local_date, shift_starts
from functions.schedule_import.decide.undo import Touched, first_of_each, journal, removes
from functions.schedule_import.decide.wanted import (
    Wanted,
    canceled_status,
)
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.segments import Reading
from functions.schedule_import.use_case import filing, looking
from functions.schedule_import.use_case.planning import Plan
from functions.schedule_import.use_case.run import HeldError, Run
from functions.schedule_import.use_case.worlds import archive_path
from functions.schedule_import.use_case.writing import Progress, Written, write_plan
from shared.long_work import aside
from shared.storage.files import FileChangedError, FileMissingError, FileTooLargeError


async def hold_or_write(run: Run, profile: ScheduleProfile, reading: Reading, plan: Plan) -> None:
    """Write the plan and fill the report. Raises HeldError where a person has to look at it first."""
    report = run.report
    scope, references, wanted, difference = plan.scope, plan.references, plan.wanted, plan.difference
    reasons = await _reasons_to_wait(run, profile, reading, scope, wanted, difference)
    if reasons:
        digest = await aside(plan_digest, difference)
        if not _is_approved(run, digest):
            if run.order.approved:
                reasons.append(
                    Reason("PLAN_CHANGED", "what would be written is no longer what was approved; look again")
                )
            report.unchanged = difference.unchanged
            raise HeldError([Reason("PLAN", _figures(difference)), *reasons], digest)
    run.lease.check()
    written = await _write(run, profile, references, wanted, difference, scope)
    # Frozen for longer than the lease, it may have written over a newer file's bookings.
    run.lease.check()
    report.unchanged, report.protected = difference.unchanged, difference.protected + written.kept
    await _add_earlier_attempts(run, canceled_status(references)[0] if profile.removal == "cancel" else None)
    report.skipped += written.skipped
    report.issues += written.issues
    changed = bool(written.created or written.updated or written.removed)
    has_done = report.created or report.updated or report.removed or difference.changes or written.wrote_references
    if difference.unchanged and not has_done:
        report.status = "unchanged"
    run.this = replace(
        run.this,
        state=ImportState.APPLIED,
        changed=changed or run.this.changed,
        clean=all(filing.is_left_out_for_good(skip.code) for skip in report.skipped),
        bookings=sum(map(len, wanted.bookings.values())),
        plan_digest="",
    )


def _is_approved(run: Run, digest: str) -> bool:
    """Whether a person has approved this very plan, or one whose writing broke off."""
    known = run.known
    if not run.order.approved or known is None:
        return False
    if known.state is ImportState.FAILED and known.changed:
        return True
    # Held by the very command that is repeated now: nobody has seen these figures yet.
    unseen = run.order.asked and known.tried and known.tried.replace(microsecond=0) > run.order.asked
    return digest == known.plan_digest and not unseen


def _figures(difference: Difference) -> str:
    """The plan in one line, as a person weighs it."""
    return (
        f"+{len(difference.creates)} bookings, ~{len(difference.updates)} changed, -{len(difference.removals)} of "
        f"{difference.total.bookings}; {len(difference.without_work_tomorrow)} agents would have no work tomorrow"
    )


async def _reasons_to_wait(
    run: Run,
    profile: ScheduleProfile,
    reading: Reading,
    scope: FileScope,
    wanted: Wanted,
    difference: Difference,
) -> list[Reason]:
    """Everything that a person should look at before this is written; nothing for files that only add, and for what
    was weighed before."""
    again = run.order.again
    if again is not None and (again.sha256, again.profile_digest) == (run.this.sha256, run.this.profile_digest):
        return []
    if scope.days is None and (profile.scope.mode == "delta" or reading.dropped_again):
        newer = precedence.overruled_by(run.this, run.past) if not reading.dropped_again else None
        return [precedence.older_reason(newer)] if newer else []
    reasons = []
    if not reading.rows:
        reasons.append(Reason("EMPTY_FILE", "the file has a header and no rows; an empty schedule needs an approval"))
    if (newer := precedence.overruled_by(run.this, run.past)) is not None:
        reasons.append(precedence.older_reason(newer))
    if (moved := precedence.displaced(run.this, run.past, profile, run.gateways.now())) is not None:
        reasons.append(moved)
    # Where Dynamics has nothing of these agents and days there is nothing that a cut file could take away.
    before = precedence.perhaps_cut(run.this, run.past, profile) if difference.total.bookings else None
    if before is not None and await _is_cut(run, before):
        reasons.append(precedence.cut_reason(run.this, before))
    plans = await looking.plan_names(difference.by_plan.keys() - {""} - wanted.plan_names.keys(), run.gateways.dynamics)
    agents, without_rows = await aside(_agent_names, difference, wanted)
    # Whoever has no row loses the most: a person has to read who it is.
    agents |= await looking.user_names(without_rows, run.gateways.dynamics)
    return reasons + await aside(
        weigh, difference, profile.hold, agent_names=agents, plan_names=wanted.plan_names | plans
    )


def _agent_names(difference: Difference, wanted: Wanted) -> tuple[dict[Guid, str], list[Guid]]:
    """What the file calls its agents, and those whom it gives no row and who lose time."""
    agents = {user: bookings[0].agent for user, bookings in wanted.bookings.items() if bookings}
    return agents, [user for user, tally in difference.by_agent.items() if tally.lost and user not in agents]


async def _is_cut(run: Run, before: PastImport) -> bool:
    """Whether the file is the beginning of the archived file of an import."""
    with tempfile.TemporaryFile() as old:
        path = archive_path(run.inbox.profile, before.import_id, before.file)
        try:
            await run.gateways.files.read_into(ARCHIVE, path, old, max_bytes=run.gateways.max_bytes)
        except (FileMissingError, FileChangedError, FileTooLargeError):
            return False
        old.seek(0)
        run.stream.seek(0)
        return await aside(precedence.is_beginning, run.stream, old)


async def _write(
    run: Run,
    profile: ScheduleProfile,
    references: ReferenceFacts,
    wanted: Wanted,
    difference: Difference,
    scope: FileScope,
) -> Written:
    """Journal, then write. The report has what the import did over all its attempts."""
    removal = canceled_status(references) if profile.removal == "cancel" else None
    if difference.changes:
        # Written down before the first booking is: what was there can be restored wherever this breaks off.
        run.this = replace(run.this, changed=True)
        await run.history.remember(run.under_way)
        lines = journal(difference, removal[0] if removal else None)
        await run.history.write_journal(run.this.import_id, run.this.attempts, lines)
        run.journaled = True
    progress = Progress(run.inbox.path, difference.changes, run.gateways.now, run.lease.check, run.meter)
    written = await write_plan(
        difference, wanted.references, removal, _DayOf(wanted, scope), progress, run.gateways.dynamics
    )
    report = run.report
    report.created, report.updated, report.removed = written.created, written.updated, written.removed
    return written


class _DayOf:
    """The shift's day of a wanted booking."""

    def __init__(self, wanted: Wanted, scope: FileScope) -> None:
        self._wanted = wanted
        self._scope = scope

    def __call__(self, booking: WantedBooking) -> date:
        mine = self._wanted.bookings[booking.user]
        starts = shift_starts([Stretch(one.start, one.end) for one in mine], self._scope.margin)
        start = next(start for one, start in zip(mine, starts, strict=True) if one.id == booking.id)
        return local_date(start, self._scope.zone_of(booking.user))


async def _add_earlier_attempts(run: Run, removed_status: Guid | None) -> None:
    """What attempts that broke off have written counts too: the report speaks of the import as a whole."""
    if run.this.attempts <= run.this.settled + 1:
        return
    attempts = await run.history.journals(run.this.import_id, after=run.this.settled)
    await aside(_add_attempts, run, attempts, removed_status)


def _add_attempts(run: Run, attempts: list[list[Touched]], removed_status: Guid | None) -> None:
    earlier = attempts[:-1] if run.journaled else attempts
    last = {line.id for line in attempts[-1]} if run.journaled else set()
    report = run.report
    for line in first_of_each(earlier).values():
        if line.before is not None:
            run.changed_before.append(line.before)
        if line.id in last:
            continue
        if removes(line, removed_status):
            report.removed += 1
            continue
        # It was found as the file wants it, because an earlier attempt has made it so.
        report.unchanged -= 1
        if line.before is None:
            report.created += 1
        else:
            report.updated += 1
