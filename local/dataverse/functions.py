"""The pre-pass that turns Dataverse's own filter syntax into what the OData grammar takes.

Parameter aliases (`@p1`) and JSON arrays (`["a","b"]`) are no part of the grammar. String literals are never
read as syntax, and the grammar sees their numbers only, so that filters with other texts look the same to it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from local.dataverse.conditions import ODATA_FUNCTIONS
from local.dataverse.errors import bad_query, not_built
from local.dataverse.periods import takes_count

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
STRING = re.compile(r"'(?:[^']|'')*'")
QUOTED_ITEM = re.compile(r"'((?:[^']|'')*)'")
QUOTED_ARRAY = re.compile(r"\[\s*'(?:[^']|'')*'(?:\s*,\s*'(?:[^']|'')*')*\s*\]")
ALIAS = re.compile(r"@\w+")
END_OF_ARGUMENT = re.compile(r"\s*([,)])")
ARGUMENT = re.compile(r"\s*(\w+)\s*=\s*")


@dataclass(frozen=True)
class Call:
    """One query function. It names a column by its logical name."""

    function: str
    column: str
    values: list[str]


@dataclass
class Prepared:
    """A filter text for the grammar, and what it refers to by number: calls of query functions, string literals."""

    text: str = ""
    calls: list[Call] = field(default_factory=list)
    literals: list[str] = field(default_factory=list)

    def number_of(self, literal: str) -> str:
        """Returns the string literal that stands for this one."""
        self.literals.append(literal[1:-1].replace("''", "'"))
        return f"'{len(self.literals) - 1}'"


def prepare(text: str, aliases: Mapping[str, str]) -> Prepared:
    """Returns the filter with aliases filled in; a number in the place of each query function and string literal."""
    prepared = Prepared()
    parts: list[str] = []
    position = 0
    while position < len(text):
        literal = STRING.search(text, position)
        end = len(text) if literal is None else literal.start()
        match = None if is_plain(text[position:end]) else TOKEN.search(text, position)
        if match is None:  # by far the commonest: nothing to do up to the next string literal
            parts.append(text[position:end])
            position = end
            if literal is not None:
                parts.append(prepared.number_of(literal[0]))
                position = literal.end()
            continue
        parts.append(text[position : match.start()])
        position = match.end()
        if match["call"]:
            position = _take_call(text, match, prepared, aliases, parts)
        else:
            parts.append(_replacement(match, aliases, prepared))
    prepared.text = "".join(parts).strip()
    return prepared


@lru_cache(maxsize=4096)
def is_plain(text: str) -> bool:
    """Tells whether a piece of a filter that lies outside its string literals is words only."""
    return all(match["word"] for match in TOKEN.finditer(text))


def _replacement(match: re.Match[str], aliases: Mapping[str, str], prepared: Prepared) -> str:
    if match["string"]:
        return prepared.number_of(match[0])
    if match["unterminated"]:
        raise bad_query(f"There is an unterminated literal at position {match.start()} in '{match.string}'.")
    if match["alias"]:
        if match["alias"] not in aliases:
            raise bad_query(f"The parameter alias '{match['alias']}' has no value.")
        return STRING.sub(lambda literal: prepared.number_of(literal[0]), aliases[match["alias"]])
    if match["in"]:
        raise bad_query("The operator 'in' is not supported. Use Microsoft.Dynamics.CRM.In.")
    if match["not"]:
        return "not ("
    if match["keywordlike"]:
        return ESCAPED_WORD + match["keywordlike"]
    return match[0]


def _take_call(
    text: str, match: re.Match[str], prepared: Prepared, aliases: Mapping[str, str], parts: list[str]
) -> int:
    function = match["function"]
    if function not in ODATA_FUNCTIONS:
        raise not_built(f"the filter function {NAMESPACE}{function}")
    arguments: dict[str, Any] = {}
    position = match.end()
    while True:
        name = ARGUMENT.match(text, position)
        if name is None:
            raise bad_query(f"The call of {NAMESPACE}{function} at position {match.start()} cannot be read.")
        arguments[name[1]], position = _argument(text, name.end(), aliases)
        rest = END_OF_ARGUMENT.match(text, position)
        if rest is None:
            raise bad_query(f"The call of {NAMESPACE}{function} at position {match.start()} is not closed.")
        position = rest.end()
        if rest[1] == ")":
            break
    prepared.calls.append(_call(function, arguments))
    parts.append(f"{NAMESPACE}{function}({len(prepared.calls) - 1})")
    return position


def _argument(text: str, position: int, aliases: Mapping[str, str]) -> tuple[Any, int]:
    alias = ALIAS.match(text, position)
    if alias is not None:
        if alias[0] not in aliases:
            raise bad_query(f"The parameter alias '{alias[0]}' has no value.")
        return _argument(aliases[alias[0]], 0, {})[0], alias.end()
    if text[position : position + 1] == "[":
        quoted = QUOTED_ARRAY.match(text, position)
        if quoted is not None:  # ['a','b'] is taken as well as ["a","b"]
            return [item.replace("''", "'") for item in QUOTED_ITEM.findall(quoted[0])], quoted.end()
        try:
            return json.JSONDecoder().raw_decode(text, position)
        except ValueError as error:
            raise bad_query(f"The array at position {position} is not JSON: {error}.") from error
    literal = QUOTED_ITEM.match(text, position)
    if literal is not None:
        return literal[1].replace("''", "'"), literal.end()
    number = re.compile(r"-?\d+").match(text, position)
    if number is None:
        raise bad_query(f"There is no literal at position {position} in '{text}'.")
    return int(number[0]), number.end()


def _call(function: str, arguments: Mapping[str, Any]) -> Call:
    """Checks the parameters that the function declares: a name, and one value, several, or none."""
    name, one, many = (arguments.get(key) for key in ("PropertyName", "PropertyValue", "PropertyValues"))
    declared = {"PropertyName"}
    if function in TAKES_VALUES:
        declared.add("PropertyValues")
    elif takes_value(function):
        declared.add("PropertyValue")
    if not isinstance(name, str) or set(arguments) != declared:
        raise bad_query(f"{NAMESPACE}{function} takes {' and '.join(sorted(declared))}.")
    if function in TAKES_VALUES:
        if not isinstance(many, list) or not all(isinstance(value, str) for value in many):
            raise bad_query(
                f"The PropertyValues of {NAMESPACE}{function} are JSON strings, whatever the type of the column."
            )
        return Call(function, name, many)
    if one is not None and not isinstance(one, str | int):
        raise bad_query(f"The PropertyValue of {NAMESPACE}{function} is one value.")
    return Call(function, name, [] if one is None else [str(one)])


def takes_value(function: str) -> bool:
    """Tells whether the function has a PropertyValue."""
    return function.startswith("On") or takes_count(ODATA_FUNCTIONS[function])
