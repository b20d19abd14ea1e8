"""What a refresh does, and what a row of Dataverse stands for in the index. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.customers import CustomerMatching, MatchKind
from shared.dataverse.tables import ACTIVE, JsonRow
from shared.number_index.keys import NumberKey
from shared.number_index.state import IndexState
from shared.phone_numbers import e164

KEPT = timedelta(minutes=1)
"""How long a replaced generation stays: readers remember for some seconds which one they read."""


@dataclass(frozen=True, slots=True)
class Build:
    """Read all rows into a new generation, beside the one that is there."""

    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class Update:
    """Ask what changed since these links, and bring the generation up to date."""

    generation: int
    links: Mapping[MatchKind, str]


@dataclass(frozen=True, slots=True)
class Idle:
    """Do nothing."""

    reason: str


type Step = Build | Update | Idle


def next_step(state: IndexState, settings: str, matching: CustomerMatching) -> Step:
    """What a refresh has to do. `settings` is the digest of those that run."""
    if matching.numbers_to_cut:
        return Idle("NumbersToCut finds numbers by a part of them: the index is not used")
    if not state.generation:
        return build(state, "there is no index")
    if state.settings != settings:
        return build(state, "the settings are other ones")
    return Update(state.generation, state.links)


def build(state: IndexState, reason: str) -> Build:
    """A build of a generation that no row was ever written for."""
    return Build(max(state.generation, *state.others, 0) + 1, reason)


def removable(state: IndexState, now: datetime) -> tuple[int, ...]:
    """The generations that nobody reads any more."""
    if state.switched_at is not None and now - state.switched_at < KEPT:
        return ()
    return tuple(sorted(state.others))


def digests(row: JsonRow, columns: tuple[str, ...], region: str | None, key: NumberKey) -> frozenset[str]:
    """The numbers of a row, as the index has them: none of an inactive row, none of texts that are no number."""
    if row.get("statecode") != ACTIVE:
        return frozenset()
    texts = {text for column in columns if isinstance(text := row.get(column), str)}
    return frozenset(key.digest(number) for text in texts if (number := e164(text, region)) is not None)
