"""One read of one table for the texts of several numbers at once: what any of them finds comes in one answer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from shared.dataverse.odata.filters import encoded, literal
from shared.dataverse.odata.search import Search
from shared.dataverse.odata.table import Table

_OR = "%20or%20"
_ARRAY_START, _ARRAY_END = encoded("["), encoded("]")


class TextChoice(Protocol):
    """The texts of one number, as `shared.dataverse.odata.ByText` has them."""

    @property
    def begins(self) -> tuple[str, ...]: ...
    @property
    def contains(self) -> str | None: ...
    @property
    def array(self) -> str: ...
    def starts(self, columns: tuple[str, ...]) -> str: ...


@dataclass(frozen=True, slots=True)
class GatheredSearch:
    """A `Search` for several numbers: what a client sends.

    `choices` is called when the path is made, so that thousands of numbers are not spelled out all at a time.
    """

    search: Search
    choices: Callable[[], Iterable[TextChoice]]

    @property
    def table(self) -> Table:
        """The table whose rows come back."""
        return self.search.table

    def path(self) -> str:
        """The URL below `/api/data/v9.2/`, encoded. Raises UnknownNameError.

        The array of all exact texts stands there once, whatever the number of columns: "parameter aliases allow for
        the same value to be used multiple times in a request" (Query data using the Web API).
        """
        ready, columns = self.search.ready, self.search.columns
        arrays: list[str] = []
        conditions = [f"({ready.equal})"]
        for choice in self.choices():
            inner = choice.array.removeprefix(_ARRAY_START).removesuffix(_ARRAY_END)
            if inner:
                arrays.append(inner)
            if choice.begins:
                conditions.append(choice.starts(columns))
            if choice.contains is not None:
                text = encoded(literal(choice.contains))
                conditions += [f"contains({column},{text})" for column in columns]
        array = f"{_ARRAY_START}{','.join(arrays)}{_ARRAY_END}"
        return f"{ready.head}{_OR.join(conditions)})&@p1={array}{ready.names}{ready.tail}"
