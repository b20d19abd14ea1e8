"""What several parts of the document have in common."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

from functions.ticket_creation.rules.templates import check_template


def clean(text: str) -> str:
    """The text as it is. Raises ValueError for one that nobody can have meant so."""
    if text != text.strip() or any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in text):
        raise ValueError("must not begin or end with a space or hold a control character")
    return text


def as_tuple(value: object) -> object:
    """A list as a tuple."""
    # Strict: a list of JSON is no tuple once the document has been looked through.
    return tuple(value) if isinstance(value, list) else value


type Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(clean)]
type Line = Annotated[
    str, StringConstraints(min_length=1, max_length=500), AfterValidator(clean), AfterValidator(check_template)
]
"""A template of one line."""
type Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(check_template)]


class Model(BaseModel):
    """A part of the document."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )
