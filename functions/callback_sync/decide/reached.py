"""Which outgoing calls reached whom."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from shared.enreach.models import CallEvent, Direction, Privacy
from shared.phone_numbers import e164


def reached_numbers(events: Iterable[CallEvent], region: str | None) -> dict[str, datetime]:
    """The numbers (E.164) that somebody answered an outgoing call to, and when the last such call began. Private calls
    are not ours to know."""
    found: dict[str, datetime] = {}
    for event in events:
        if event.direction is not Direction.OUT or not event.answered or event.privacy is Privacy.PRIVATE:
            continue
        number = e164(event.called, region) if event.called else None
        if number is not None:
            found[number] = max(found.get(number, event.started), event.started)
    return found


def was_reached(number: str | None, since: datetime, reached: Mapping[str, datetime], region: str | None) -> bool:
    """Whether somebody reached this number after this moment."""
    key = e164(number, region) if number else None
    return key is not None and key in reached and reached[key] > since
