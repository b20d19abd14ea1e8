"""Indexes of one column's values: which rows hold a value, and which hold a text that begins so."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable, Iterable, Iterator
from itertools import chain

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

    def count_equal(self, keys: Iterable[Hashable]) -> int:
        """Returns how many rows hold one of the keys."""
        ids = self._ids
        return sum(len(ids[key]) for key in keys if key in ids)

    def beginning(self, prefix: str) -> Iterator[str]:
        """Yields the ids of the rows whose text key begins with the prefix."""
        return chain.from_iterable(self._ids[text] for text in self._texts_beginning(prefix))

    def count_beginning(self, prefix: str) -> int:
        """Returns how many rows hold a text key that begins with the prefix."""
        return sum(len(self._ids[text]) for text in self._texts_beginning(prefix))

    def _texts_beginning(self, prefix: str) -> list[str]:
        texts, length = self._ordered_texts(), len(prefix)
        first = bisect_left(texts, prefix)
        if first == len(texts) or not texts[first].startswith(prefix):
            return []
        return texts[first : bisect_right(texts, prefix, first, key=lambda text: text[:length])]

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
