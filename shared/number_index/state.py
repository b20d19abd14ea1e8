"""What the index was built with, from where its changes go on, and until when it may be believed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import phonenumbers

from shared.customers import CustomerMatching, MatchKind, searched
from shared.number_index.keys import NumberKey

MISSED_TICKS = 3
LONGEST_TRUST = timedelta(minutes=10)
SHORTEST_TRUST = timedelta(minutes=3)
type Stored = str | int | datetime

_LAYOUT = 1
"""To be raised with every change of the rows or of how a stored text is read as a number."""


@dataclass(frozen=True, slots=True)
class IndexState:
    """The row `state` of the table."""

    settings: str = ""
    """A digest of whatever decides about the rows of this generation."""
    generation: int = 0
    """The generation that is read; 0 while none is complete."""
    others: frozenset[int] = frozenset()
    """Generations that may have rows and are not read: one that is being built, one that was, one that was left."""
    links: Mapping[MatchKind, str] = field(default_factory=dict)
    """Delta links: from where the next changes go on."""
    refreshed_at: datetime | None = None
    """The index knows everything that happened in Dataverse before this moment."""
    trusted_until: datetime | None = None
    switched_at: datetime | None = None
    """Since when this generation is the one that is read."""

    def is_trusted(self, settings: str, now: datetime) -> bool:
        """Whether a look-up may believe this index."""
        if not self.generation or self.settings != settings:
            return False
        if self.trusted_until is None or self.refreshed_at is None:
            return False
        # A moment in the future means that a clock is wrong, and then nobody knows how old the index is.
        return self.refreshed_at - SHORTEST_TRUST <= now < self.trusted_until

    def values(self) -> dict[str, Stored]:
        """The row as it is stored."""
        moments = {"refreshed_at": self.refreshed_at, "trusted_until": self.trusted_until,
                   "switched_at": self.switched_at}  # fmt: skip
        return {
            "settings": self.settings,
            "generation": self.generation,
            "others": " ".join(str(each) for each in sorted(self.others)),
            **{f"link_{kind.value}": url for kind, url in self.links.items()},
            **{name: moment for name, moment in moments.items() if moment is not None},
        }


def read_state(values: Mapping[str, object]) -> IndexState:
    """The state in a stored row."""
    links = {kind: str(values[name]) for kind in MatchKind if (name := f"link_{kind.value}") in values}
    return IndexState(
        settings=str(values.get("settings", "")),
        generation=int(str(values.get("generation", 0))),
        others=frozenset(int(each) for each in str(values.get("others", "")).split()),
        links=links,
        refreshed_at=_moment(values.get("refreshed_at")),
        trusted_until=_moment(values.get("trusted_until")),
        switched_at=_moment(values.get("switched_at")),
    )


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None


def settings_digest(matching: CustomerMatching, key: NumberKey, environment: str) -> str:
    """A digest of whatever decides about the rows of the index; another one needs another index.

    A new release of `phonenumbers` may read a stored text as another number, so its version belongs to it.
    """
    columns = {kind.value: sorted(names) for kind, names in searched(matching).items()}
    parts = [_LAYOUT, phonenumbers.__version__, environment, matching.default_region, columns, key.fingerprint]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def trusted_until(now: datetime, previous: datetime | None) -> datetime:
    """Until when an index that was refreshed now is believed: three times as long as the last pause between refreshes.

    So three ticks may fail, whatever the schedule is; but ten minutes at most.
    """
    pause = LONGEST_TRUST if previous is None else now - previous
    return now + min(LONGEST_TRUST, max(SHORTEST_TRUST, MISSED_TICKS * pause))
