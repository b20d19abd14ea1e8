"""How items are written: spellings, dates and names by the switches. Without switches the stored bytes go out."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from local.enreach.assumed import MOMENTS, NUMBERS, Item, Kind
from local.enreach.environment import Environment
from local.enreach.messages import Request, Response
from local.enreach.moments import iso_plain, iso_z, ms_date, read_moment

DATES: dict[str, Callable[[float], str]] = {"iso-z": iso_z, "iso": iso_plain, "ms-date": ms_date}


def encode(item: Item) -> bytes:
    """Returns an item as it is stored and, without switches, answered."""
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Style:
    """The spellings that one answer uses."""

    environment: Environment
    date: str

    @classmethod
    def of(cls, environment: Environment, request: Request) -> "Style":
        """Returns the style of the answer to a request."""
        date: str = environment.date_style
        if date == "by-header":
            date = "as-given" if request.header("x-json-serializer") == "2" else "ms-date"
        return cls(environment, date)

    def is_plain(self, kind: Kind) -> bool:
        """Tells whether items of the kind go out as they are stored."""
        env = self.environment
        styles = (env.call_id_name, env.start_name, env.id_style, env.direction_style, env.plus_sign, self.date)
        return set(styles) == {"as-given"} and kind not in env.field_names and kind not in env.field_values

    def applied(self, kind: Kind, item: Item) -> Item:
        """Returns the item in this style."""
        env = self.environment
        item = dict(item)
        if kind in MOMENTS:
            self._spell(kind, item)
        values = env.field_values.get(kind, {})
        names = env.field_names.get(kind, {})
        if kind == "calls":
            names = _alias_names(env) | names
        changed = {name: values.get(name, {}).get(_text(value), value) for name, value in item.items()}
        return {names.get(name, name): value for name, value in changed.items()}

    def _spell(self, kind: Kind, item: Item) -> None:
        env = self.environment
        if self.date != "as-given":
            for name in MOMENTS[kind]:
                moment = read_moment(item.get(name))
                if moment is not None:
                    item[name] = DATES[self.date](moment)
        if env.plus_sign == "dropped":
            for name in NUMBERS:
                if isinstance(item.get(name), str):
                    item[name] = item[name].removeprefix("+")
        for name in ("CallId", "CallID"):
            if isinstance(item.get(name), str):
                item[name] = _spelt_id(item[name], env.id_style)
        if "Direction" in item and env.direction_style != "as-given":
            item["Direction"] = (
                bool(item["Direction"]) if env.direction_style == "bool" else int(bool(item["Direction"]))
            )

    def understood(self, kind: Kind, sent: Item) -> Item:
        """Returns an item that a client wrote in this style in the stored names and values."""
        names = {new: old for old, new in self.environment.field_names.get(kind, {}).items()}
        item = {names.get(name, name): value for name, value in sent.items()}
        for name, mapping in self.environment.field_values.get(kind, {}).items():
            if name in item:
                item[name] = next((old for old, new in mapping.items() if new == item[name]), item[name])
        return item


def list_response(kind: Kind, bodies: Iterable[bytes], style: Style) -> Response:
    """Returns a JSON array of stored items."""
    written = list(bodies)
    if not style.is_plain(kind):
        written = [encode(style.applied(kind, json.loads(body))) for body in written]
    return Response(200, b"[" + b",".join(written) + b"]", items=len(written))


def _alias_names(env: Environment) -> dict[str, str]:
    names: dict[str, str] = {}
    if env.call_id_name != "as-given":
        names |= dict.fromkeys(("CallId", "CallID"), env.call_id_name)
    if env.start_name != "as-given":
        names |= dict.fromkeys(("TimeStamp", "StartTime"), env.start_name)
    return names


def _spelt_id(text: str, style: str) -> str:
    if style == "upper":
        return text.upper()
    return f"{{{text.strip('{}')}}}" if style == "braces" else text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
