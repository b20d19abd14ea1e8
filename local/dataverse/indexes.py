"""Indexes of one column's values: which rows hold a value, and which hold a text that begins so."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Hashable, Iterable, Iterator

# More new texts than this are sorted in at once, which costs one pass over all; fewer are put in one by one.
MOST_INSERTED = 50


def index_key(value: object) -> Hashable:
    """Returns what equal values have in common: text compares without regard to case."""
    return value.casefold() if type(value) is str else value


class Index:
    """The ids of rows by the key of their value. Keys are those of `index_key`."""

    def __init__(self) -> None:
        self._ids: dict[Hashable, dict[str, None]] = {}
        self._texts: list[str] | None = None  # all text keys in order, from the first question for a beginning on
        self._new_texts: list[str] = []

    def add(self, key: Hashable, row_id: str) -> None:
        """Adds a row."""
        ids = self._ids.get(key)
        if ids is not None:
            ids[row_id] = None
            return
        self._ids[key] = {row_id: None}
        if self._texts is not None and type(key) is str:
            self._new_texts.append(key)

    def drop(self, key: Hashable, row_id: str) -> None:
        """Takes a row out. The key stays, so that the order of texts need not be mended."""
        self._ids[key].pop(row_id, None)

    def equal(self, key: Hashable) -> Iterable[str]:
        """Returns the ids of the rows that hold the key."""
        return self._ids.get(key, ())

    def collect(self, keys: Iterable[Hashable], prefixes: Collection[str], ids: dict[str, None], most: int) -> None:
        """Adds the ids of the rows that hold one of the keys, or a text key that begins with one of the prefixes.

        It stops as soon as there are more than `most` ids.
        """
        known = self._ids
        for key in keys:
            if key in known:
                ids.update(known[key])
                if len(ids) > most:
                    return
        for text in self._texts_beginning(prefixes):
            ids.update(known[text])
            if len(ids) > most:
                return

    def count(self, keys: Iterable[Hashable], prefixes: Collection[str] = ()) -> int:
        """Returns how many rows `collect` finds; one that is found twice counts twice."""
        ids = self._ids
        return sum([len(ids[key]) for key in keys if key in ids]) + sum(
            [len(ids[text]) for text in self._texts_beginning(prefixes)]
        )

    def _texts_beginning(self, prefixes: Collection[str]) -> Iterator[str]:
        texts = self._ordered_texts() if prefixes else []
        end = len(texts)
        for prefix in prefixes:
            first = bisect_left(texts, prefix)
            if first < end and texts[first].startswith(prefix):
                length = len(prefix)
                yield from texts[first : bisect_right(texts, prefix, first, key=lambda text: text[:length])]

    def _ordered_texts(self) -> list[str]:
        if self._texts is None:
            self._texts = sorted(key for key in self._ids if type(key) is str)
        elif len(self._new_texts) > MOST_INSERTED:
            self._texts += self._new_texts
            self._texts.sort()
        else:
            for text in self._new_texts:
                insort(self._texts, text)
        self._new_texts.clear()
        return self._texts
