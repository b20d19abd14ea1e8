"""Which rows a look-up is about: by texts of their columns or by primary key, as OData and as FetchXML say it.

Made for one caller and put into several questions, so that what is encoded is encoded once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from xml.sax.saxutils import escape

from shared.dataverse.odata.filters import PATTERN_SIGNS, encoded, literal
from shared.dataverse.odata.json_text import json_bytes


@dataclass(frozen=True)
class ByText:
    """Rows with one of these texts in a searched column: the very text, one that begins so, or one that has it
    somewhere. Raises ValueError for a live wildcard (`%`, `_`, `[`) where it would be one."""

    equal: tuple[str, ...]
    begins: tuple[str, ...] = ()
    contains: str | None = None

    def __post_init__(self) -> None:
        if not PATTERN_SIGNS.isdisjoint("".join((*self.begins, self.contains or ""))):
            raise ValueError("a sign of this text would be read as a wildcard")

    def holds(self, text: str) -> bool:
        """Whether this text is one that is asked for. The server may find more: it does not tell cases apart."""
        return (
            text in self.equal or text.startswith(self.begins) or (self.contains is not None and self.contains in text)
        )

    # ---------------------------------------------------------------------------------------------- OData

    @cached_property
    def array(self) -> str:
        """The very texts as a parameter alias of a query function, encoded."""
        return encoded(json_bytes(self.equal).decode())

    def starts(self, columns: tuple[str, ...]) -> str:
        """The conditions on how a column begins, encoded; empty without beginnings."""
        known = self._starts.get(columns)
        if known is None:
            calls = [f"startswith({column},{text})" for column in columns for text in self._literals]
            known = self._starts[columns] = "%20or%20".join(calls)
        return known

    @cached_property
    def _starts(self) -> dict[tuple[str, ...], str]:
        """By columns: several kinds of customers have the same."""
        return {}

    @cached_property
    def _literals(self) -> tuple[str, ...]:
        return tuple([encoded(literal(text)) for text in self.begins])

    # ------------------------------------------------------------------------------------------- FetchXML

    def condition(self, columns: tuple[str, ...], primary_id: str) -> str:
        """The encoded conditions, of which one has to hold."""
        known = self._conditions.get(columns)
        if known is None:
            known = self._conditions[columns] = "".join([self._condition(column) for column in columns])
        return known

    @cached_property
    def _conditions(self) -> dict[tuple[str, ...], str]:
        """By columns: joins of the same table ask for the same."""
        return {}

    @cached_property
    def _values(self) -> str:
        return _values(self.equal)

    @cached_property
    def _patterns(self) -> tuple[tuple[str, str], ...]:
        """Operators and their values."""
        begins = [("begins-with", text) for text in self.begins]
        contains = [] if self.contains is None else [("like", f"%{self.contains}%")]
        return tuple([(operator, encoded_attribute(text)) for operator, text in (*begins, *contains)])

    def _condition(self, column: str) -> str:
        patterns = [f"{_comparing(column, operator)}{value}{_EMPTY_END}" for operator, value in self._patterns]
        return "".join([_in(column), self._values, _CONDITION_END, *patterns])


@dataclass(frozen=True)
class Filled:
    """The texts of a pattern with the signs that stand for something replaced (a table for `bytes.translate`).

    What is encoded was encoded with the stand-ins, once for all that share the pattern. So these are signs that no
    encoding changes, that stand in nothing that is put around the texts, and that are replaced by such signs too:
    capital letters from G on, by digits.
    """

    pattern: ByText
    signs: bytes

    def __post_init__(self) -> None:
        if not self.signs[ord("A") : ord("Z") + 1].isalnum():
            raise ValueError("a stand-in is replaced by a letter or a digit")

    @property
    def begins(self) -> tuple[str, ...]:
        """As `ByText.begins`."""
        return tuple([self._filled(text) for text in self.pattern.begins])

    @property
    def contains(self) -> str | None:
        """As `ByText.contains`."""
        return None if self.pattern.contains is None else self._filled(self.pattern.contains)

    @cached_property
    def equal(self) -> tuple[str, ...]:
        """As `ByText.equal`."""
        return tuple([self._filled(text) for text in self.pattern.equal])

    def holds(self, text: str) -> bool:
        """As `ByText.holds`."""
        contains = self.contains
        return text in self.equal or text.startswith(self.begins) or (contains is not None and contains in text)

    @cached_property
    def array(self) -> str:
        """As `ByText.array`."""
        return self._filled(self.pattern.array)

    def starts(self, columns: tuple[str, ...]) -> str:
        """As `ByText.starts`."""
        return self._filled(self.pattern.starts(columns))

    def condition(self, columns: tuple[str, ...], primary_id: str) -> str:
        """As `ByText.condition`."""
        known = self._conditions.get(columns)
        if known is None:
            known = self._conditions[columns] = self._filled(self.pattern.condition(columns, primary_id))
        return known

    @cached_property
    def _conditions(self) -> dict[tuple[str, ...], str]:
        """By columns: joins of the same table ask for the same."""
        return {}

    def _filled(self, text: str) -> str:
        # Bytes are replaced ten times as fast as characters.
        return text.encode().translate(self.signs).decode()


@dataclass(frozen=True)
class ById:
    """Rows with one of these primary keys."""

    ids: tuple[str, ...]

    @cached_property
    def array(self) -> str:
        """The keys as a parameter alias of a query function, encoded."""
        return encoded(json_bytes(self.ids).decode())

    def condition(self, columns: tuple[str, ...], primary_id: str) -> str:
        """The encoded condition of FetchXML."""
        return f"{_in(primary_id)}{_values(self.ids)}{_CONDITION_END}"


type Texts = ByText | Filled
type Choice = Texts | ById


@lru_cache(maxsize=4096)
def encoded_attribute(text: str) -> str:
    """The text as it stands in an attribute of FetchXML in a URL."""
    return encoded(escape(text, {'"': "&quot;"}))


def _values(texts: Sequence[str]) -> str:
    # Numbers and keys need no escaping, as a rule, and one look at all of them is quicker than one at each.
    plain = _XML_SIGNS.isdisjoint("".join(texts))
    escaped = texts if plain else [escape(text) for text in texts]
    return encoded(f"<value>{'</value><value>'.join(escaped)}</value>") if texts else ""


_XML_SIGNS = frozenset("&<>")


@lru_cache(maxsize=256)
def _in(column: str) -> str:
    return encoded(f'<condition attribute="{column}" operator="in">')


@lru_cache(maxsize=256)
def _comparing(column: str, operator: str) -> str:
    return encoded(f'<condition attribute="{column}" operator="{operator}" value="')


_CONDITION_END, _EMPTY_END = encoded("</condition>"), encoded('"/>')
