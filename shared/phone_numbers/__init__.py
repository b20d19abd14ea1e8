"""Phone numbers as people write them, brought to one form (E.164) and back to the spellings that a CRM may hold.

Enreach sends E.164, but "the leading plus varies" in its exports; Dynamics holds whatever somebody typed. Only this
package knows about it, so callers, calls, callbacks and tickets read a number alike.
"""

from shared.phone_numbers.reading import country_of, e164, is_region, is_rest_of
from shared.phone_numbers.sameness import identities, is_same_target
from shared.phone_numbers.spelling import (
    Digits,
    SpellingPattern,
    beginnings,
    is_number,
    likely_spellings,
    shape,
    spelling_pattern,
    spellings,
)

__all__ = [
    "Digits",
    "SpellingPattern",
    "beginnings",
    "country_of",
    "e164",
    "identities",
    "is_number",
    "is_region",
    "is_rest_of",
    "is_same_target",
    "likely_spellings",
    "shape",
    "spelling_pattern",
    "spellings",
]
