"""Our fields in an item whose names are known in several spellings and any case. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_MOST_SHAPES = 64


@dataclass(frozen=True, slots=True)
class _Shape:
    """The keys of an item, and by our field those of them that may hold it."""

    keys: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]


class Finder:
    """Finds our fields in items of one kind. Items of one answer mostly have the same keys, looked through once."""

    def __init__(self, names: Mapping[str, Iterable[str]]) -> None:
        """`names` are the accepted names by our field, the preferred one first."""
        self._names = {field: tuple(name.casefold() for name in accepted) for field, accepted in names.items()}
        self._shapes: dict[tuple[str, ...], _Shape] = {}

    def found(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Our fields with what the item has in the first of their names that holds more than null; None without."""
        fields: dict[str, Any] = {}
        for field, keys in self._shape(tuple(item)).fields.items():
            fields[field] = None
            for key in keys:
                if item[key] is not None:
                    fields[field] = item[key]
                    break
        return fields

    def with_shared_keys(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The item with the key texts of the first item of its shape: in a long answer they would take most room."""
        return dict(zip(self._shape(tuple(item)).keys, item.values(), strict=True))

    def _shape(self, keys: tuple[str, ...]) -> _Shape:
        shape = self._shapes.get(keys)
        if shape is None:
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            folded = [(key.strip().casefold(), key) for key in keys]
            fields = {
                field: tuple(key for name in accepted for fold, key in folded if fold == name)
                for field, accepted in self._names.items()
            }
            shape = self._shapes[keys] = _Shape(keys, fields)
        return shape
