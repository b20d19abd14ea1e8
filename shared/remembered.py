"""What this process has just read or written, for the holder of a lease."""

from collections.abc import Iterable, Mapping


class Remembered[T]:
    """Saves reading each minute anew what the run before read or wrote.

    When it may be trusted: all who write these records hold one and the same lease while they do
    (`shared.storage.leases`), so between two runs under the same fence, or under one and the next, nobody else has
    written: had another instance held the lease, the fence would have grown by more. Under any other fence everything
    is forgotten. Who holds no lease asks storage.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._fence: int | None = None
        self._records: dict[str, T] = {}

    def under(self, fence: int | None) -> "Remembered[T] | None":
        """What may be believed under this fence; None for who holds no lease."""
        if fence is None:
            return None
        if self._fence is None or fence not in (self._fence, self._fence + 1):
            self._records.clear()
        self._fence = fence
        return self

    def get(self, record_id: str) -> T | None:
        return self._records.get(record_id)

    def keep(self, records: Mapping[str, T]) -> None:
        """Remember these, by their ids; the longest untouched ones make room."""
        for record_id, record in records.items():
            self._records.pop(record_id, None)
            self._records[record_id] = record
        while len(self._records) > self._most:
            del self._records[next(iter(self._records))]

    def forget(self, record_ids: Iterable[str]) -> None:
        for record_id in record_ids:
            self._records.pop(record_id, None)
