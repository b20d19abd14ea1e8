"""Records that this process has just read or written, for the holder of the lease."""

from collections.abc import Iterable

from shared.calls.records import CallRecord


class Remembered:
    """Saves reading the calls of the overlap anew each minute.

    When it may be trusted: all who write calls hold one and the same lease while they do (`shared.storage.leases`), so
    between two runs under the same fence, or under one and the next, nobody else has written: had another instance
    held the lease, the fence would have grown by more. Under any other fence everything is forgotten. Who holds no
    lease asks storage.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._fence: int | None = None
        self._records: dict[str, CallRecord] = {}

    def under(self, fence: int | None) -> "Remembered | None":
        """What may be believed under this fence; None for who holds no lease."""
        if fence is None:
            return None
        if self._fence is None or fence not in (self._fence, self._fence + 1):
            self._records.clear()
        self._fence = fence
        return self

    def get(self, call_id: str) -> CallRecord | None:
        return self._records.get(call_id)

    def keep(self, records: Iterable[CallRecord]) -> None:
        """Remember these; the longest untouched ones make room."""
        for record in records:
            self._records.pop(record.call_id, None)
            self._records[record.call_id] = record
        while len(self._records) > self._most:
            del self._records[next(iter(self._records))]

    def forget(self, call_ids: Iterable[str]) -> None:
        for call_id in call_ids:
            self._records.pop(call_id, None)
