"""In which spellings this environment stores numbers, learned from the customers that were found.

A join finds customers by whole texts, each of which travels once for each column of each join. So joins ask for the
likeliest spellings and for those that have been met here, of more than eighty that people use.
"""

from shared.dataverse.odata import ByText, Filled
from shared.phone_numbers import SpellingPattern, beginnings, shape, spelling_pattern, spellings

MOST_LEARNED = 24
_MOST_PATTERNS = 1000
_EXTENSION = "…"


class StoredSpellings:
    """What one process has met; of too many it forgets what it learned first."""

    def __init__(self) -> None:
        self._met: dict[str, None] = {}
        self._patterns: dict[SpellingPattern, ByText] = {}

    def texts(self, number: str, region: str | None) -> Filled:
        """By which texts joins find the customers with this number (E.164)."""
        pattern, digits = spelling_pattern(number, region)
        texts = self._patterns.get(pattern)
        if texts is None:
            if len(self._patterns) >= _MOST_PATTERNS:
                self._patterns.clear()
            texts = self._patterns[pattern] = self._of(pattern)
        return Filled(texts, digits)

    def _of(self, pattern: SpellingPattern) -> ByText:
        spelled = pattern.by_shape
        further = [text for met in self._met if (text := spelled.get(met)) is not None and text not in pattern.likely]
        begins = [text for text in pattern.begins if f"{shape(text)}{_EXTENSION}" in self._met]
        return ByText((*pattern.likely, *further), tuple(begins))

    def learn(self, stored: str, number: str, region: str | None) -> None:
        """Somebody with this number (E.164) stores it so. What no query by text finds teaches nothing."""
        met = _spelling_of(stored, number, region)
        if met is not None and met not in self._met:
            self._met[met] = None
            self._patterns.clear()
            if len(self._met) > MOST_LEARNED:
                del self._met[next(iter(self._met))]


def _spelling_of(stored: str, number: str, region: str | None) -> str | None:
    if stored in spellings(number, region):
        return shape(stored)
    starts = [text for text in beginnings(number, region) if stored.startswith(text)]
    return f"{shape(max(starts, key=len))}{_EXTENSION}" if starts else None
