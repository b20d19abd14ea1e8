"""Past calls through the running and the edited rules: what would change."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from functions.smart_routing.decide.answers import Forward
from functions.smart_routing.use_case import Outcome, SmartRouting
from local.routing.explain import Explained, answer, explained
from local.routing.past_calls import PastCall
from local.routing.site import call_time, masked
from shared.dataverse.errors import DataverseError

MOST_CALLS = 50
"""Changed calls that are shown without --all."""
_NO_ANSWER = "Dataverse did not answer"


@dataclass(frozen=True, slots=True)
class Replayed:
    """A call by both; None where Dataverse did not answer."""

    call: PastCall
    old: Explained | None
    new: Explained | None

    @property
    def is_complete(self) -> bool:
        """Whether both can be compared."""
        return self.old is not None and self.new is not None

    @property
    def is_changed(self) -> bool:
        """Whether Enreach would be told something else."""
        return self.old is not None and self.new is not None and _told(self.old.outcome) != _told(self.new.outcome)


async def replay(calls: Sequence[PastCall], running: SmartRouting, edited: SmartRouting) -> list[Replayed]:
    """Each call at its own time, one after the other, so that the times are those of a call alone."""
    found = []
    for call in calls:
        token = call_time.set(call.time)
        try:
            found.append(Replayed(call, await _asked(running, call), await _asked(edited, call)))
        finally:
            call_time.reset(token)
    return found


async def _asked(routing: SmartRouting, call: PastCall) -> Explained | None:
    try:
        return await explained(routing, call.request)
    except DataverseError:
        return None


def _told(outcome: Outcome) -> object:
    decision = outcome.decision
    return (decision.target, decision.fail_target, decision.extra) if isinstance(decision, Forward) else None


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of the values does not exceed (nearest rank). Of none it is NaN."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


# -------------------------------------------------------------------------------------------------------- output


def show(found: Sequence[Replayed], deadline_seconds: float, console: Console, *, everything: bool) -> None:
    """Print counts, changed calls and times."""
    changed = [each for each in found if each.is_changed]
    console.print(f"{len(found):,} calls, {len(changed):,} would be answered otherwise", style="bold")
    if changed:
        counts = Counter((_label(each.old), _label(each.new)) for each in changed)
        table = Table("calls", "running rules", "edited rules", title="What would change", title_justify="left")
        for (old, new), count in counts.most_common():
            table.add_row(f"{count:,}", escape(old), escape(new))
        console.print(table)
        shown = changed if everything else changed[:MOST_CALLS]
        table = Table("line", "caller", "called", "time", "running", "edited", title="The calls", title_justify="left")
        for each in shown:
            request, moment = each.call.request, each.call.time
            table.add_row(
                str(each.call.line), masked(request.caller), escape(masked(request.bnum)),
                moment.isoformat(" ", "minutes") if moment else "now",
                escape(_label(each.old)), escape(_label(each.new)),
            )  # fmt: skip
        console.print(table)
        if len(shown) < len(changed):
            console.print(f"{len(changed) - len(shown):,} more; --all shows them", markup=False)
    other_rule = sum(
        not each.is_changed and each.old.outcome.decision.rule != each.new.outcome.decision.rule
        for each in found
        if each.old and each.new
    )
    if other_rule:
        console.print(f"{other_rule:,} get the same answer by another rule", markup=False)
    if missing := sum(not each.is_complete for each in found):
        console.print(f"{missing:,} cannot be compared: {_NO_ANSWER}", style="yellow")
    for name, each_side in (("running", [e.old for e in found if e.old]), ("edited", [e.new for e in found if e.new])):
        times = [each.milliseconds for each in each_side]
        late = sum(each > deadline_seconds * 1000 for each in times)
        console.print(
            f"{name}: p50 {percentile(times, 0.5):.1f} ms, p99 {percentile(times, 0.99):.1f} ms, "
            f"requests to Dataverse: {sum(each.requests for each in each_side):,}, "
            f"over the deadline of {deadline_seconds:g} s: {late:,}",
            markup=False, soft_wrap=True,
        )  # fmt: skip


def _label(found: Explained | None) -> str:
    if found is None:
        return _NO_ANSWER
    rule = found.outcome.decision.rule
    return f"{answer(found.outcome)} ({rule})" if rule else answer(found.outcome)
