"""A layout's columns under the names that a site's files have."""

import re
from collections.abc import Mapping
from typing import Any

from functions.schedule_import.profile.layout import Fields

_COLUMN_KEYS = frozenset(
    {
        "column",
        "required",
        "other_columns",
        "after",
        "length",
        "key",
        "value",
        "primary_key",
        "first",
        "last",
        "day_columns",
        "without",
    }
    | Fields.model_fields.keys()
)
_NOT_COLUMNS = frozenset({"code", "values", "identity", "times", "skip_codes", "default_activity", "activity_part"})

type Steps = tuple[str, ...]


class Renaming:
    """Names of a layout's columns and what they are called at a site.

    A column is renamed as a whole, in any of the names of its path, or by the end of its path from the document on:
    `startTime`, `scheduledJobs/startTime`. In documents a path may be written with dots and brackets
    (`scheduledJobs[].startTime`), in XML an attribute without its `@`.
    """

    def __init__(self, columns: Mapping[str, str], kind: str) -> None:
        self.used: set[str] = set()
        """Those that the layout has, as the site writes them."""
        self._is_document = kind in ("json", "xml")
        self._new = {old: (old, new) for old, new in columns.items()}
        if self._is_document:
            self._new |= {_with_slashes(old): (old, _with_slashes(new)) for old, new in columns.items()}
        if kind == "xml":
            self._new = {
                old: (key, _as_attribute(new) if old[0] == "@" else new) for old, (key, new) in self._new.items()
            }
            self._new |= {
                _as_attribute(old): (key, _as_attribute(new)) for old, (key, new) in self._new.items() if "@" not in old
            }
        self._paths = {tuple(old.split("/")): old for old in self._new if "/" in old and not old.startswith("..")}

    def over(self, part: Any, *, key: str = "", base: Steps = ()) -> Any:
        """A part of a profile's document with every column in it renamed. `base` is the path of the rows around it."""
        if isinstance(part, dict):
            path = part.get("path")
            inner = _below(base, path) if isinstance(path, str) else base
            return {
                name: value
                if name in _NOT_COLUMNS
                else self._path(value, base)
                if name == "path"
                else self.over(value, key=name, base=inner)
                for name, value in part.items()
            }
        if isinstance(part, list | tuple):
            return [self.over(item, key=key, base=base) for item in part]
        if isinstance(part, str) and key in _COLUMN_KEYS:
            return self._column(part, base)
        return part

    def _new_name(self, old: str) -> str:
        written, new = self._new[old]
        self.used.add(written)
        return new

    def _column(self, column: str, base: Steps) -> str:
        if column in self._new:
            return self._new_name(column)
        if self._is_document:
            ups, down = _taken_apart(column)
            full = () if column.startswith("/") else base[: max(0, len(base) - ups)]
            old = self._end_of((*full, *down))
            if old and len(old) > len(down):
                # Its own names are the last ones; what is before them is renamed where it stands.
                new = self._new_name("/".join(old)).split("/")[-len(down) :]
                return "/".join([*[".."] * ups, *new])
        whole = next((old for old in self._new if "/" in old and column.endswith(f"/{old}")), "")
        steps = column.removesuffix(whole).split("/")
        return "/".join(self._new_name(step) if step in self._new else step for step in steps) + (
            whole and self._new_name(whole)
        )

    def _path(self, path: str, base: Steps) -> str:
        """A path of rows: each of its lists may have another name."""
        if not self._is_document or path in self._new:
            return self._column(path, base)
        written = []
        full: Steps = () if path.startswith("/") else base
        for step in path.split("/"):
            if step in ("", "*", "..", "."):
                written.append(step)
                continue
            full = (*full, step)
            old = self._end_of(full)
            if step in self._new:
                step = self._new_name(step)
            elif old:
                step = self._new_name("/".join(old)).rpartition("/")[2]
            written.append(step)
        return "/".join(written)

    def _end_of(self, full: Steps) -> Steps | None:
        """The longest of the site's paths that this one ends with."""
        found = [path for path in self._paths if len(path) <= len(full) and full[-len(path) :] == path]
        return max(found, key=len, default=None)


def _taken_apart(column: str) -> tuple[int, Steps]:
    steps = [step for step in column.split("/") if step and step != "."]
    ups = next((index for index, step in enumerate(steps) if step != ".."), len(steps))
    return ups, tuple(steps[ups:])


def _below(base: Steps, path: str) -> Steps:
    steps = tuple(step for step in path.split("/") if step not in ("", "*", "."))
    return steps if path.startswith("/") else (*base, *steps)


def _as_attribute(path: str) -> str:
    """An attribute with its `@`, which a site may leave out."""
    before, slash, name = path.rpartition("/")
    return path if name.startswith("@") else f"{before}{slash}@{name}"


def _with_slashes(path: str) -> str:
    if path.startswith(("@", "..")):
        return path
    path = re.sub(r"\[\*?\]", "", path)
    return "/".join(
        step for step in (path if "/" in path else path.replace(".", "/")).split("/") if step not in ("", "*")
    )
