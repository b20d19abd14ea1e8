"""The runs of callback sync: which profiles, under one lease, and how far they got."""

import asyncio
import contextlib
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from functions.callback_sync.decide.moments import (
    first_checkpoint,
    grouped,
    is_asked,
    reached,
    read_from,
    slices,
    tried_again_from,
)
from functions.callback_sync.decide.profiles import Resolved, Target, age_warning
from functions.callback_sync.decide.requests import is_worth_a_look
from functions.callback_sync.use_case.events import answered_checkpoint, asked_checkpoint
from functions.callback_sync.use_case.following import Following
from functions.callback_sync.use_case.making import Making
from functions.callback_sync.use_case.premises import Premises, PremisesReader
from functions.callback_sync.use_case.reading import read_feed
from functions.callback_sync.use_case.run import Run
from functions.callback_sync.use_case.worlds import CallbackGateways
from shared.callbacks.records import CallbackOutcome, CallbackRecord, Unfinished
from shared.enreach.windows import Window
from shared.health import Finding, Status
from shared.long_work import many_objects
from shared.storage.checkpoints import Checkpoint
from shared.storage.leases import Lease
from shared.sync_runs import BUDGET, GOES_ON, LATE, NotNowError, Sync, UnusableError

KEPT = timedelta(days=60)
"""How long the ledger remembers a request (architecture, decision 2)."""
MOST_UNFINISHED = 20_000
"""Unfinished requests that a run looks at, the oldest first."""
_MANY = 1_000
_NAME = "callback sync"


class CallbackRuns:
    """Callback sync of one process."""

    def __init__(self, worlds: CallbackGateways) -> None:
        self._worlds = worlds
        self._sync = Sync(_NAME, worlds.tables, "callbacks", worlds.now)
        self._premises = PremisesReader(worlds)
        self._progress = Checkpoint(worlds.tables, "callbacks")
        self._asked = asked_checkpoint(worlds.tables)
        self._answered = answered_checkpoint(worlds.tables)
        self._begun: set[str] = set()
        """Lists that are known to have a checkpoint."""
        self._swept: date | None = None

    async def every_minute(self) -> Run:
        """One tick of `sync_callbacks`."""
        return await self._sync.carry_out(Run("timer"), self._minute, due=self._is_on)

    async def on_event(self) -> Run:
        """What an event asks for: the requests of the profiles that listen to events."""
        return await self._sync.carry_out(Run("event"), self._event, due=self._is_on)

    async def health(self) -> Sequence[Finding]:
        """Which profiles are off, how far the sync got, and what keeps requests from being in Dynamics."""
        try:
            rules, _ = await self._premises.documents()
        except UnusableError as error:
            return (Finding(_NAME, Status.RED, f"no callback request is taken: {error}"),)
        if rules is None or not rules.active:
            return ()
        now, reached_at = self._worlds.now(), await self._progress.read()
        found = [self._sync.progress(reached_at, "every callback list is read")]
        await self._premises.glance()
        behind = await self._behind(now) if found[0].status is Status.GREEN else {}
        if behind:
            # Another instance may know better: the queue may be gone.
            await self._premises.glance(anew=True)
            behind = await self._behind(now)
        off = {each.profile.name: each.reason for each in self._premises.disabled}
        for profile in rules.active:
            reasons = [off.get(profile.name), behind.get(profile.name), age_warning(profile)]
            if known := [reason for reason in reasons if reason is not None]:
                found.append(Finding(f"callback profile {profile.name}", Status.AMBER, "; ".join(known)))
        return [*found, *_unfinished_findings(await self._worlds.ledger.count_unfinished())]

    async def _behind(self, now: datetime) -> dict[str, str]:
        """Which profiles are not read though runs come to their end: Enreach refuses to tell of their lists."""
        polled = [each for each in self._premises.targets if each.profile.polls]
        read = await asyncio.gather(*(_checkpoint(self._worlds, each.list_key).read() for each in polled))
        text = "Enreach has not told of its callback list for %d minutes"
        return {
            each.profile.name: text % ((now - at).total_seconds() // 60)
            for each, at in zip(polled, read, strict=True)
            if at is not None and now - at > LATE
        }

    # ------------------------------------------------------------------------------------------------- runs

    async def _is_on(self) -> None:
        rules, _ = await self._premises.documents()
        if rules is None or not rules.active:
            raise NotNowError("no callback profile is active")

    async def _minute(self, run: Run, held: Lease) -> None:
        now, asked = self._worlds.now(), await self._asked.read()
        hears = is_asked(asked, await self._answered.read())
        premises = await self._premises.read()
        await self._begin(premises.resolved, held)
        due = [each for each in premises.resolved.targets if each.profile.polls or (hears and each.profile.hears)]
        if await self._pass(run, held, premises, due, whole=True) and asked is not None:
            await self._answered.advance(asked, held.fence)
        await self._progress.advance(now, held.fence)
        if self._swept != now.date():
            await self._worlds.ledger.sweep(now - KEPT)
            self._swept = now.date()

    async def _event(self, run: Run, held: Lease) -> None:
        asked, premises = await self._asked.read(), await self._premises.read()
        due = [each for each in premises.resolved.targets if each.profile.hears]
        if await self._pass(run, held, premises, due, whole=False) and asked is not None:
            await self._answered.advance(asked, held.fence)

    async def _begin(self, resolved: Resolved, held: Lease) -> None:
        """Remember since when each list is wanted, also by a profile that is off or waits for an event."""
        wanted = {each.list_key: each.profile for each in resolved.targets}
        wanted |= {each.list_key: each.profile for each in resolved.disabled if each.list_key is not None}
        for key, profile in wanted.items():
            if key in self._begun:
                continue
            checkpoint = _checkpoint(self._worlds, key)
            if await checkpoint.read() is None:
                await checkpoint.advance(first_checkpoint(self._worlds.now(), profile.age), held.fence)
            self._begun.add(key)

    async def _pass(self, run: Run, held: Lease, premises: Premises, due: Sequence[Target], *, whole: bool) -> bool:
        """Read the lists of the profiles that are due; in a `whole` run look at everything that is unfinished too.
        Whether all that an event can tell of was read."""
        making = Making(self._worlds, premises, held, run, self._worlds.now() + BUDGET)
        following = Following(self._worlds, premises, held, making)
        unfinished = await self._worlds.ledger.unfinished(MOST_UNFINISHED, fence=held.fence) if whole else []
        try:
            is_read = await self._read(run, held, making, due)
            await following.closed_in_enreach(making.to_follow)
            making.to_follow.clear()
            if whole:
                left = [each for each in unfinished if each.callback_id not in making.touched]
                await self._try_again(premises, making, [each for each in left if not each.done])
                await following.closed_in_enreach(making.to_follow)
                await following.unfinished(left)
                await following.expire()
                await following.reached(making.made_since)
        finally:
            if making.is_in_doubt:
                self._premises.forget()
        if making.closing.failure is not None:
            error = making.closing.failure
            run.reason = f"requests stay open in Enreach: {type(error).__name__}: {error}"
        return is_read and not any(each.profile.hears and each.looked_up for each in premises.resolved.disabled)

    async def _read(self, run: Run, held: Lease, making: Making, targets: Sequence[Target]) -> bool:
        """Whether all was read."""
        now = self._worlds.now()
        run.profiles = len(targets)
        checkpoints = {each.list_key: _checkpoint(self._worlds, each.list_key) for each in targets}
        known = {key: await each.read() for key, each in checkpoints.items()}
        starts = [(each, read_from(known[each.list_key], now, each.profile.age)) for each in targets]
        is_whole = True
        for start, group in grouped(starts).items():
            left: Sequence[Target] = group
            for window in slices(start, now):
                read = await self._slice(run, making, window, left, known)
                if read is None:
                    run.reason = GOES_ON
                    return False
                for target in read:
                    await checkpoints[target.list_key].advance(reached(window, now), held.fence)
                # What Enreach refused to tell of one list is asked for again before anything later of it.
                is_whole &= len(read) == len(left)
                left = read
        return is_whole

    async def _slice(
        self, run: Run, making: Making, window: Window, group: Sequence[Target], known: dict[str, datetime | None]
    ) -> Sequence[Target] | None:
        """Whose requests of this time are all looked at; None where the time of the run is over."""
        feed = await read_feed(self._worlds.enreach, window, group, self._worlds.now(), making.region)
        run.slices += 1
        run.seen += feed.seen
        run.unreadable += feed.unreadable
        requests = feed.requests.values()
        worth = [each for each in requests if is_worth_a_look(each, known[each.target.list_key])]
        # Its search through everything at the end costs more than a few objects do.
        with many_objects() if len(worth) > _MANY else contextlib.nullcontext():
            return feed.read if await making.take(worth) else None

    async def _try_again(self, premises: Premises, making: Making, waiting: Sequence[CallbackRecord]) -> None:
        """Requests that are not in Dynamics yet, as they stand in Enreach now."""
        now = self._worlds.now()
        by_target: dict[Target, list[CallbackRecord]] = {}
        for each in waiting:
            if (target := premises.target_of(each)) is not None:
                by_target.setdefault(target, []).append(each)
        for target, records in by_target.items():
            start = tried_again_from((each.created for each in records), now)
            if start is None:
                continue
            wanted, found, is_read = {each.callback_id for each in records}, set[str](), True
            for window in slices(start, now):
                feed = await read_feed(self._worlds.enreach, window, [target], now, making.region)
                await making.take([each for key, each in feed.requests.items() if key in wanted])
                found.update(feed.requests)
                is_read &= bool(feed.read)
            if is_read:
                await making.give_up([each for each in records if each.callback_id not in found], now)


def _checkpoint(worlds: CallbackGateways, list_key: str) -> Checkpoint:
    """Of a callback list, whatever its profile is called."""
    name = hashlib.sha256(list_key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return Checkpoint(worlds.tables, f"callbacks-{name}")


def _unfinished_findings(counted: Mapping[Unfinished, int]) -> list[Finding]:
    """Requests that something keeps from being in Dynamics, or from being closed in Enreach, by profile and reason."""
    counts = Counter[tuple[str, str]]()
    for each, count in counted.items():
        if not each.done or each.outcome is not CallbackOutcome.QUEUED or "still open in Enreach" in each.reason:
            counts[each.profile, each.reason] += count
    by_profile: dict[str, list[str]] = {}
    for (profile, reason), count in sorted(counts.items()):
        by_profile.setdefault(profile, []).append(f"{count} x {reason}")
    return [
        Finding(f"callback requests of {profile}", Status.AMBER, "; ".join(reasons))
        for profile, reasons in by_profile.items()
    ]
