"""The only reader of the clock. Decisions get `now` as an argument."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)
