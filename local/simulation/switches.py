"""Switches of a simulated environment, by name, each of which can be set while it runs."""

import re
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints


@dataclass
class Switches:
    """Base of a dataclass whose fields are the switches: numbers, texts, true or false, or one of a Literal."""

    # The least value of a whole number, where it is not `least`.
    least: ClassVar[int] = 0
    leasts: ClassVar[dict[str, int]] = {}

    def change(self, changes: Any) -> None:
        """Applies the changes, or raises ValueError and applies none of them."""
        if not isinstance(changes, dict):
            raise ValueError("A JSON object of settings was expected.")
        hints = {name: hint for name, hint in get_type_hints(type(self)).items() if get_origin(hint) is not ClassVar}
        settings = {_snake(name): value for name, value in changes.items()}
        for name, value in settings.items():
            if name not in hints:
                raise ValueError(f"There is no setting '{name}'. Settings: {', '.join(sorted(hints))}.")
            self._check(name, hints[name], value)
        for name, value in settings.items():
            setattr(self, name, value)

    def as_json(self) -> dict[str, Any]:
        """Returns every setting with its value."""
        return asdict(self)

    def _check(self, name: str, hint: Any, value: Any) -> None:
        """Raises ValueError where a switch of this type cannot have the value."""
        if get_origin(hint) is Literal:
            if value not in get_args(hint) or isinstance(value, bool):
                raise ValueError(f"'{name}' is one of {', '.join(map(str, get_args(hint)))}.")
        elif hint in (bool, str):
            if not isinstance(value, hint):
                raise ValueError(f"'{name}' is {'true or false' if hint is bool else 'a text'}.")
        elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise ValueError(f"'{name}' is a number that is not negative.")
        elif hint is int:
            least = self.leasts.get(name, self.least)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"'{name}' is a whole number of at least {least}.")


def _snake(name: str) -> str:
    """`strictTokens` and `strict_tokens` are one setting."""
    return re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)
