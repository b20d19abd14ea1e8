"""The pre-pass that turns Dataverse's own filter syntax into what the OData grammar takes.

Parameter aliases (`@p1`) and JSON arrays (`["a","b"]`) are no part of the grammar. String literals are never
read as syntax, and the grammar sees their numbers only, so that filters with other texts look the same to it. Such
filters are taken apart once: an `Outline` is what they share.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from local.dataverse.conditions import ODATA_FUNCTIONS
from local.dataverse.errors import DataverseError, bad_query, not_built
from local.dataverse.periods import takes_count
from local.dataverse.shapes import Shapes

NAMESPACE = "Microsoft.Dynamics.CRM."
ESCAPED_WORD = "x__"
TAKES_VALUES = frozenset({"In", "NotIn", "Between", "NotBetween", "ContainValues", "DoesNotContainValues"})
TOKEN = re.compile(
    r"(?P<string>'(?:[^']|'')*')"
    r"|(?P<unterminated>')"
    r"|(?P<alias>@\w+)"
    r"|(?P<call>Microsoft\.Dynamics\.CRM\.(?P<function>\w+)\s*\()"
    r"|(?P<in>\s+in\s*\()"
    r"|(?P<not>\bnot\()"
    # The grammar of odata-query 0.10 reads a column such as `allowemailcredentials` as the keyword `all`.
    r"|(?P<keywordlike>(?<![\w.'])(?:any|all|null|true|false)\w+)"
    r"|(?P<word>\w+)",
    re.ASCII,
)
STRING = re.compile(r"'([^']*(?:''[^']*)*)'")
QUOTED_ARRAY = re.compile(r"\[\s*'(?:[^']|'')*'(?:\s*,\s*'(?:[^']|'')*')*\s*\]")
ALIAS = re.compile(r"@\w+")
NUMBER = re.compile(r"-?\d+")
END_OF_ARGUMENT = re.compile(r"\s*([,)])")
ARGUMENT = re.compile(r"\s*(\w+)\s*=\s*")


@dataclass(frozen=True)
class Call:
    """One query function. It names a column by its logical name."""

    function: str
    column: str
    values: Sequence[str]


class Literal(NamedTuple):
    """The string literal of this number."""

    number: int


class Literals(NamedTuple):
    """An array of the string literals of these numbers."""

    numbers: tuple[int, ...]


class Alias(NamedTuple):
    """A parameter alias such as `@p1`."""

    name: str


type Argument = Literal | Literals | Alias | list[Any] | int


@dataclass
class Outline:
    """What a filter is without its values.

    `pieces` make up the text for the grammar, aliases as they are; `calls` have arguments by name.
    """

    pieces: list[str | Alias] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Argument]]] = field(default_factory=list)
    literals: list[str] = field(default_factory=list)

    def number_of(self, literal: str) -> int:
        """Adds what stands between the quotes of a string literal."""
        self.literals.append(unescaped(literal))
        return len(self.literals) - 1

    def finish(self) -> None:
        """Joins the pieces where no alias is among them."""
        if all(isinstance(piece, str) for piece in self.pieces):
            self.pieces = ["".join(map(str, self.pieces)).strip()]


class Prepared(NamedTuple):
    """A filter text for the grammar, and what it refers to by number: calls of query functions, string literals."""

    text: str
    calls: list[Call]
    literals: list[str]


_OUTLINES: Shapes[Outline] = Shapes()


def prepare(text: str, aliases: Mapping[str, str]) -> Prepared:
    """Returns the filter with aliases filled in; a number in the place of each query function and string literal."""
    return fill(*_outlined(text, aliases), aliases)


def fill(outline: Outline, literals: list[str], aliases: Mapping[str, str]) -> Prepared:
    """Returns the filter that an outline becomes with these values, or refuses them."""
    calls = [_filled(call, literals, aliases) for call in outline.calls]
    if len(outline.pieces) == 1 and isinstance(outline.pieces[0], str):
        return Prepared(outline.pieces[0], calls, literals)
    pieces = [
        piece if isinstance(piece, str) else _numbered(_value_of(piece, aliases), literals) for piece in outline.pieces
    ]
    return Prepared("".join(pieces).strip(), calls, literals)


def _outlined(text: str, aliases: Mapping[str, str]) -> tuple[Outline, list[str]]:
    """Returns outline and string literals of a filter, by the outline of its shape where that is possible."""
    if '"' in text:  # the texts of JSON arrays are no string literals, and may hold a single quote
        return read_alone(text, aliases)
    pieces = STRING.split(text)
    shape, literals = "''".join(pieces[::2]), pieces[1::2]
    outline = _OUTLINES.get(shape)
    if outline is None:
        try:
            outline = read_outline(shape, None)
        except DataverseError:
            return read_alone(text, aliases)
        _OUTLINES.keep(outline, shape)
    return outline, [unescaped(literal) for literal in literals] if "''" in text else literals


def read_alone(text: str, aliases: Mapping[str, str]) -> tuple[Outline, list[str]]:
    """Returns outline and string literals of a filter, or refuses it."""
    outline = read_outline(text, aliases)
    return outline, outline.literals


def read_outline(text: str, aliases: Mapping[str, str] | None) -> Outline:
    """Returns the outline of a filter, or refuses it; with aliases their values, too, in the order of the text."""
    outline = Outline()
    position = 0
    while (match := TOKEN.search(text, position)) is not None:
        outline.pieces.append(text[position : match.start()])
        if match["call"]:
            position = _take_call(text, match, aliases, outline)
        else:
            outline.pieces.append(_replacement(match, aliases, outline))
            position = match.end()
    outline.pieces.append(text[position:])
    outline.finish()
    return outline


def _replacement(match: re.Match[str], aliases: Mapping[str, str] | None, outline: Outline) -> str | Alias:
    if match["string"]:
        return f"'{outline.number_of(match[0][1:-1])}'"
    if match["unterminated"]:
        raise bad_query(f"There is an unterminated literal at position {match.start()} in '{match.string}'.")
    if match["alias"]:
        if aliases is not None:
            _value_of(Alias(match["alias"]), aliases)
        return Alias(match["alias"])
    if match["in"]:
        raise bad_query("The operator 'in' is not supported. Use Microsoft.Dynamics.CRM.In.")
    if match["not"]:
        return "not ("
    if match["keywordlike"]:
        return ESCAPED_WORD + match["keywordlike"]
    return match[0]


def _value_of(alias: Alias, aliases: Mapping[str, str]) -> str:
    if alias.name not in aliases:
        raise bad_query(f"The parameter alias '{alias.name}' has no value.")
    return aliases[alias.name]


def _numbered(text: str, literals: list[str]) -> str:
    """Returns the value of an alias as a part of the filter; its string literals are added to the others."""

    def number(match: re.Match[str]) -> str:
        literals.append(unescaped(match[1]))
        return f"'{len(literals) - 1}'"

    return STRING.sub(number, text)


def unescaped(literal: str) -> str:
    """Returns the text that the inside of a string literal stands for."""
    return literal.replace("''", "'")


def _take_call(text: str, match: re.Match[str], aliases: Mapping[str, str] | None, outline: Outline) -> int:
    function = match["function"]
    if function not in ODATA_FUNCTIONS:
        raise not_built(f"the filter function {NAMESPACE}{function}")
    arguments: dict[str, Argument] = {}
    position = match.end()
    while True:
        name = ARGUMENT.match(text, position)
        if name is None:
            raise bad_query(f"The call of {NAMESPACE}{function} at position {match.start()} cannot be read.")
        argument, position = _argument(text, name.end(), outline)
        if aliases is not None:
            _known(argument, outline.literals, aliases)
        arguments[name[1]] = argument
        rest = END_OF_ARGUMENT.match(text, position)
        if rest is None:
            raise bad_query(f"The call of {NAMESPACE}{function} at position {match.start()} is not closed.")
        position = rest.end()
        if rest[1] == ")":
            break
    outline.calls.append((function, arguments))
    outline.pieces.append(f"{NAMESPACE}{function}({len(outline.calls) - 1})")
    if aliases is not None:
        _filled(outline.calls[-1], outline.literals, aliases)
    return position


def _argument(text: str, position: int, outline: Outline) -> tuple[Argument, int]:
    alias = ALIAS.match(text, position)
    if alias is not None:
        return Alias(alias[0]), alias.end()
    if text[position : position + 1] == "[":
        quoted = QUOTED_ARRAY.match(text, position)
        if quoted is not None:  # ['a','b'] is taken as well as ["a","b"]
            numbers = tuple(outline.number_of(item) for item in STRING.findall(quoted[0]))
            return Literals(numbers), quoted.end()
        try:
            return json.JSONDecoder().raw_decode(text, position)
        except ValueError as error:
            raise bad_query(f"The array at position {position} is not JSON: {error}.") from error
    literal = STRING.match(text, position)
    if literal is not None:
        return Literal(outline.number_of(literal[1])), literal.end()
    number = NUMBER.match(text, position)
    if number is None:
        raise bad_query(f"There is no literal at position {position} in '{text}'.")
    return int(number[0]), number.end()


def _filled(call: tuple[str, dict[str, Argument]], literals: list[str], aliases: Mapping[str, str]) -> Call:
    function, arguments = call
    return _call(function, {name: _known(argument, literals, aliases) for name, argument in arguments.items()})


def _known(argument: Argument, literals: list[str], aliases: Mapping[str, str]) -> str | int | tuple[Any, ...]:
    """Returns what an argument stands for; arrays come as tuples."""
    if isinstance(argument, Alias):
        return _value_of_text(_value_of(argument, aliases))
    if isinstance(argument, Literal):
        return literals[argument.number]
    if isinstance(argument, Literals):
        return tuple(literals[number] for number in argument.numbers)
    return tuple(argument) if isinstance(argument, list) else argument


@lru_cache(maxsize=128)
def _value_of_text(text: str) -> str | int | tuple[Any, ...]:
    """Returns what the text of an alias stands for; a query often names the same alias in several functions."""
    outline = Outline()
    argument, _ = _argument(text, 0, outline)
    return _known(argument, outline.literals, {})


def _call(function: str, arguments: Mapping[str, str | int | tuple[Any, ...]]) -> Call:
    """Checks the parameters that the function declares: a name, and one value, several, or none."""
    name, one, many = (arguments.get(key) for key in ("PropertyName", "PropertyValue", "PropertyValues"))
    if not isinstance(name, str) or arguments.keys() != _declared(function):
        raise bad_query(f"{NAMESPACE}{function} takes {' and '.join(sorted(_declared(function)))}.")
    if function in TAKES_VALUES:
        if not isinstance(many, tuple) or not set(map(type, many)) <= {str}:
            raise bad_query(
                f"The PropertyValues of {NAMESPACE}{function} are JSON strings, whatever the type of the column."
            )
        return Call(function, name, many)
    if one is not None and not isinstance(one, str | int):
        raise bad_query(f"The PropertyValue of {NAMESPACE}{function} is one value.")
    return Call(function, name, () if one is None else (str(one),))


@lru_cache(maxsize=128)
def _declared(function: str) -> frozenset[str]:
    if function in TAKES_VALUES:
        return frozenset({"PropertyName", "PropertyValues"})
    return frozenset({"PropertyName", "PropertyValue"} if takes_value(function) else {"PropertyName"})


def takes_value(function: str) -> bool:
    """Tells whether the function has a PropertyValue."""
    return function.startswith("On") or takes_count(ODATA_FUNCTIONS[function])
