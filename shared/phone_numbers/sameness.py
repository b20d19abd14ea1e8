"""Whether two texts lead to the same place: phone numbers in any spelling, queue ids, names."""

import unicodedata
from functools import lru_cache

from shared.phone_numbers.reading import INTERNATIONAL_PREFIX, country_of, e164


# Pools and targets are few and asked for with every call; callers' numbers never come here.
@lru_cache(maxsize=1024)
def identities(text: str, region: str | None = None) -> frozenset[str]:
    """What a routing target may be called: two spellings of one number, queue id or name share at least one."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())
    if plain.isdecimal():
        plain = plain.removeprefix(INTERNATIONAL_PREFIX)
    number = e164(text, region)
    return frozenset(name for name in (plain, number and number.removeprefix("+")) if name)


def is_same_target(one: str, other: str, region: str | None = None) -> bool:
    """Whether both texts lead to the same place, in whatever spelling.

    A national number is also read in the other number's own country, so that no setting is needed to see it.
    """
    regions = {region, _region_of(one, region), _region_of(other, region)}
    return any(identities(one, each) & identities(other, each) for each in regions)


@lru_cache(maxsize=1024)
def _region_of(text: str, region: str | None) -> str | None:
    number = e164(text, region)
    return country_of(number) if number else None
