"""ASP.NET route templates: `items/{id:int?}`, `{*rest}`, `{name=default}`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from local.host.bindings import Function
from local.host.errors import StartError

_PARAMETER = re.compile(
    r"\{(?P<stars>\**)(?P<name>\w+)(?P<constraints>[^?=}]*)(?:=(?P<default>[^}]*))?(?P<optional>\?)?\}"
)
_CONSTRAINTS = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "decimal": r"-?\d+(?:\.\d+)?",
    "double": r"-?\d+(?:\.\d+)?",
    "float": r"-?\d+(?:\.\d+)?",
    "bool": r"true|false",
    "alpha": r"[A-Za-z]+",
    "guid": r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}",
}


@dataclass(frozen=True)
class Route:
    """One HTTP function under its template. `precedence` sorts as ASP.NET does: literals before parameters."""

    function: Function
    template: str
    methods: frozenset[str]
    pattern: re.Pattern[str]
    defaults: Mapping[str, str]
    precedence: tuple[int, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """The route values of this path, or None when it is not of this route."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        # A slash that the caller encoded stays encoded, as in ASP.NET.
        given = {
            name: unquote(re.sub("%2f", "%252F", value, flags=re.I))
            for name, value in found.groupdict().items()
            if value
        }
        return {**self.defaults, **given}


class RouteTable:
    def __init__(self, functions: Iterable[Function], prefix: str) -> None:
        routes = [route_of(function, prefix) for function in functions if function.kind == "httpTrigger"]
        self.routes = sorted(routes, key=lambda route: route.precedence)

    def find(self, method: str, raw_path: str) -> tuple[Function, dict[str, str]] | None:
        """The function that answers and its route values. A known path with another method is unknown (404, not 405:
        https://github.com/Azure/azure-functions-host/issues/10098), HEAD included."""
        path = raw_path.strip("/")
        for route in self.routes:
            values = route.match(path) if method in route.methods or not route.methods else None
            if values is not None:
                return route.function, values
        return None


def route_of(function: Function, prefix: str) -> Route:
    """The compiled route; raises StartError for a template that cannot be read."""
    template = "/".join(part for part in (prefix, str(function.trigger["route"]).strip("/")) if part)
    pattern, precedence, defaults = "", [], {}
    for segment in template.split("/") if template else []:
        parameter = _PARAMETER.fullmatch(segment)
        if parameter and parameter["default"] is not None:
            defaults[parameter["name"]] = parameter["default"]
        slash = "/" if pattern else ""
        try:
            pattern += _segment_pattern(segment, parameter, slash)
        except KeyError as error:
            raise StartError(
                f"Function {function.name}: route constraint {error} of '{template}' is not supported."
            ) from None
        precedence.append(_segment_precedence(segment, parameter))
    methods = frozenset(str(method).upper() for method in function.trigger["methods"])
    return Route(function, template, methods, re.compile(pattern, re.IGNORECASE), defaults, tuple(precedence))


def _segment_pattern(segment: str, parameter: re.Match[str] | None, slash: str) -> str:
    if parameter is None:
        # Literal text with parameters inside, such as `report-{id}.json`; every parameter takes at least one character.
        parts = re.split(r"\{(\w+)\}", segment)
        return slash + "".join(f"(?P<{part}>[^/]+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    name = parameter["name"]
    if parameter["stars"]:
        return f"(?:{slash}(?P<{name}>.*))?"
    constraint = parameter["constraints"].removeprefix(":").lower()
    value = _CONSTRAINTS[constraint] if constraint else "[^/]+"
    optional = parameter["optional"] or parameter["default"] is not None
    return f"(?:{slash}(?P<{name}>{value}))?" if optional else f"{slash}(?P<{name}>{value})"


def _segment_precedence(segment: str, parameter: re.Match[str] | None) -> int:
    """1 literal, 2 mixed, 3 constrained, 4 parameter, 5 and 6 catch-all (ASP.NET's RoutePrecedence.ComputeInbound)."""
    if parameter is None:
        return 2 if "{" in segment else 1
    plain = 6 if parameter["stars"] else 4
    return plain - 1 if parameter["constraints"] else plain
