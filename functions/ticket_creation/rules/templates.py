"""What a template of a case may hold. `decide.templates` fills it."""

import re
import string


class TextTemplate(string.Template):
    """`${name}`, `${name|text where there is none}`, and `$$` for a dollar sign. Nothing else stands behind a `$`."""

    # No `$name` without braces, and nothing inside them that could be read in two ways.
    pattern = r"""
        \$(?:
          (?P<escaped>\$) |
          (?P<named>(?!)) |
          \{(?P<braced>[ \t]*[^{}$|\s][^{}$|\n]*(?:\|[^{}$]*)?)\} |
          (?P<invalid>)
        )
    """  # type: ignore[assignment]
    flags = re.VERBOSE


def check_template(text: str) -> str:
    """The template as it is. Raises ValueError for one that cannot be read."""
    for found in TextTemplate(text).pattern.finditer(text):  # type: ignore[attr-defined]
        if found["invalid"] is not None:
            raise ValueError(
                f"cannot be read from character {found.start() + 1} on: write a variable as ${{queue}} or "
                "${queue|text where there is none}, and a dollar sign as $$"
            )
    return text
