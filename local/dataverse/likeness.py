"""Text comparison as the SQL collation below Dataverse does it: any case, with LIKE wildcards."""

import re
from collections.abc import Callable
from functools import lru_cache

WILDCARDS = frozenset("%_[")
FIRST_WILDCARD = re.compile(r"[%_[]")


def has_wildcard(text: str) -> bool:
    """Tells whether a literal is a pattern: `%`, `_`, `[x]` and `[^x]` are live ("Filter rows")."""
    return not WILDCARDS.isdisjoint(text)


def fixed_start(pattern: str) -> str:
    """Returns the case-folded text that everything like the pattern begins with."""
    wildcard = FIRST_WILDCARD.search(pattern)
    return (pattern if wildcard is None else pattern[: wildcard.start()]).casefold()


def like(pattern: str) -> Callable[[str], bool]:
    """Returns the test whether a case-folded text is like the pattern as a whole."""
    folded = pattern.casefold()
    start = folded.removesuffix("%")
    if start != folded and not has_wildcard(start):  # the commonest pattern; building an expression costs far more
        return lambda text: text.startswith(start)
    expression = _expression(folded)
    return lambda text: expression.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _expression(folded: str) -> re.Pattern[str]:
    return re.compile(_regular_expression(folded), re.DOTALL)


def _regular_expression(pattern: str) -> str:
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        end = pattern.find("]", position + 2) if character == "[" else -1
        if character == "%":
            parts.append(".*")
        elif character == "_":
            parts.append(".")
        elif end > 0:
            parts.append(_character_class(pattern[position + 1 : end]))
            position = end
        else:
            parts.append(re.escape(character))
        position += 1
    return "".join(parts)


def _character_class(inner: str) -> str:
    negated = inner.startswith("^") and len(inner) > 1
    characters = inner[1:] if negated else inner
    escaped = characters.replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
    return f"[{'^' if negated else ''}{escaped}]"
