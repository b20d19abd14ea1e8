"""Phone numbers as people write them, brought to one form (E.164) and back to the spellings that a CRM may hold.

Enreach sends E.164, but "the leading plus varies" in its exports; Dynamics holds whatever somebody typed. Only this
module knows about it, so callers, calls, callbacks and tickets read a number alike.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

_LONGEST_TEXT = 64
_E164 = re.compile(r"\+[1-9][0-9]{4,14}")
_EXTENSION = re.compile(r"[\s,]*(?:;ext=|extension|ext\.?|x|#)[\s:]*[0-9]{1,7}\Z", re.IGNORECASE)
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")
_INTERNATIONAL_PREFIX = "00"
_SEPARATORS = frozenset("()[]./\t\r\n\u2212")
_SEPARATOR_KINDS = frozenset({"Pd", "Zs", "Cf"})
"""Dashes, spaces, and the invisible marks that come along when a number is copied from a web page."""


def is_region(code: str) -> bool:
    """Whether this is an ISO 3166 code of a region with a numbering plan, such as FI."""
    return code in phonenumbers.SUPPORTED_REGIONS


def e164(text: str, region: str | None = None) -> str | None:
    """The number as `+` and digits, or None for text that is no complete number.

    `region` reads numbers without a country code; without it only international numbers are numbers. An extension
    is dropped: it lies behind the same line.
    """
    if len(text) > _LONGEST_TEXT:
        return None
    main = _without_extension(text)
    compacts = dict.fromkeys(_compact(spelling) for spelling in _trunk_zero_spellings(main))
    possible: PhoneNumber | None = None
    for compact in compacts:
        for reading, is_explicit in _readings(compact, region):
            if phonenumbers.is_valid_number(reading):
                return _plain(reading)
            # A number with its country code may be newer than our numbering plans; bare digits must be valid.
            if is_explicit and possible is None and _has_possible_length(reading):
                possible = reading
    return _plain(possible) if possible else None


def _without_extension(text: str) -> str:
    return _EXTENSION.sub("", text.strip().removeprefix("tel:"))


def _trunk_zero_spellings(text: str) -> tuple[str, str]:
    """ "+358 (0)50 ..." has a zero too many, but in "+39 (0)2 ..." it belongs to the number: both are tried."""
    return _TRUNK_ZERO.sub("", text), text


def _has_possible_length(number: PhoneNumber) -> bool:
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE


def _plain(number: PhoneNumber) -> str | None:
    text = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return text if _E164.fullmatch(text) else None


def _compact(text: str) -> str:
    """Digits in ASCII behind at most one plus; empty when the text holds anything else, such as letters."""
    kept: list[str] = []
    for sign in text:
        digit = unicodedata.decimal(sign, None)
        if digit is not None:
            kept.append(str(digit))
        elif sign in "+＋" and not kept:
            kept.append("+")
        elif sign not in _SEPARATORS and unicodedata.category(sign) not in _SEPARATOR_KINDS:
            return ""
    return "".join(kept)


def _readings(compact: str, region: str | None) -> Iterator[tuple[PhoneNumber, bool]]:
    """What these digits can mean, likeliest first, and whether the country code was marked as such."""
    if compact.startswith("+"):
        yield from _parsed(compact, None, is_explicit=True)
        return
    if compact.startswith(_INTERNATIONAL_PREFIX):
        yield from _parsed("+" + compact.removeprefix(_INTERNATIONAL_PREFIX), None, is_explicit=True)
    national = list(_parsed(compact, region, is_explicit=False)) if region else []
    international = list(_parsed("+" + compact, None, is_explicit=False))
    # Digits that stand as this region writes them (in Finland: with the trunk zero) are national. Otherwise a
    # country code without its plus is likelier than a national number without its zero.
    if (
        national
        and phonenumbers.normalize_digits_only(_formatted(national[0][0], PhoneNumberFormat.NATIONAL)) == compact
    ):
        yield from national + international
    else:
        yield from international + national


def _parsed(text: str, region: str | None, *, is_explicit: bool) -> Iterator[tuple[PhoneNumber, bool]]:
    try:
        yield phonenumbers.parse(text, region), is_explicit
    except NumberParseException:
        return


def _formatted(number: PhoneNumber, form: int) -> str:
    return phonenumbers.format_number(number, form)


def is_rest_of(text: str, number: str, cut: int, region: str | None = None) -> bool:
    """Whether the text is what is left of an E.164 number without its first `cut` signs (the plus is one).

    Before the rest may stand nothing, a trunk zero, or what was cut, with +, 00 or nothing. A text that `region`
    reads as another number of its own is that number.
    """
    rest, gone = number[cut:], number[1:cut]
    if len(text) > _LONGEST_TEXT:
        return False
    starts = ("", "0", gone, f"+{gone}", f"{_INTERNATIONAL_PREFIX}{gone}")
    main = _without_extension(text)
    if not any(_compact(spelling) == start + rest for spelling in _trunk_zero_spellings(main) for start in starts):
        return False
    return region is None or e164(text, region) in (None, number)


# -------------------------------------------------------------------------------------------------- spellings


def spellings(number: str, region: str | None = None) -> tuple[str, ...]:
    """The common stored spellings of an E.164 number, itself first, for a query by exact text.

    The national ones are among them only where `region` has the number's country code: elsewhere they would mean
    another number.
    """
    parsed = phonenumbers.parse(number, None)
    code = str(parsed.country_code)
    groups = _groups(_formatted(parsed, PhoneNumberFormat.INTERNATIONAL).removeprefix(f"+{code}"))
    digits = number.removeprefix("+")
    found = [number, digits, _INTERNATIONAL_PREFIX + digits]
    for grouped in _groupings(groups):
        found += [f"+{code} {' '.join(grouped)}", f"+{code}-{'-'.join(grouped)}", f"+{code} {'-'.join(grouped)}"]
        found += [f"{_INTERNATIONAL_PREFIX}{code} {' '.join(grouped)}", f"{code} {' '.join(grouped)}"]
    national = _formatted(parsed, PhoneNumberFormat.NATIONAL)
    if _groups(national) == ["0" + groups[0], *groups[1:]]:
        found += [f"+{code}(0){''.join(groups)}", f"+{code} (0){''.join(groups)}"]
        for grouped in _groupings(groups):
            found += [f"+{code} (0){' '.join(grouped)}", f"+{code} (0) {' '.join(grouped)}"]
    if region and phonenumbers.country_code_for_region(region) == parsed.country_code:
        found += [national, "".join(_groups(national))]
        for grouped in _groupings(_groups(national)):
            found += [" ".join(grouped), "-".join(grouped), f"{grouped[0]}-{' '.join(grouped[1:])}".rstrip("-")]
            found += [f"({grouped[0]}) {' '.join(grouped[1:])}"] if grouped[1:] else []
    return tuple(dict.fromkeys(found))


def _groups(text: str) -> list[str]:
    return re.findall("[0-9]+", text)


_SPLITS = {6: ((3, 3), (2, 2, 2)), 7: ((3, 4), (4, 3), (3, 2, 2)), 8: ((4, 4), (3, 3, 2), (2, 2, 2, 2))}
"""How people break up a long last group: 4545641 as 454 5641 or 454 56 41."""


def _groupings(groups: list[str]) -> list[list[str]]:
    """The groups as phonenumbers makes them, the first one apart from the rest, and a long rest broken up."""
    first, rest = groups[0], "".join(groups[1:])
    found = [groups]
    if rest:
        found.append([first, rest])
        for split in _SPLITS.get(len(rest), ()):
            ends = [sum(split[: count + 1]) for count in range(len(split))]
            found.append([first, *(rest[end - size : end] for end, size in zip(ends, split, strict=True))])
    return [list(grouped) for grouped in dict.fromkeys(tuple(grouped) for grouped in found)]


# --------------------------------------------------------------------------------------------------- sameness


# Pools and targets are few and asked for with every call; callers' numbers never come here.
@lru_cache(maxsize=1024)
def identities(text: str, region: str | None = None) -> frozenset[str]:
    """What a routing target may be called: two spellings of one number, queue id or name share at least one."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())
    if plain.isdecimal():
        plain = plain.removeprefix(_INTERNATIONAL_PREFIX)
    number = e164(text, region)
    return frozenset(name for name in (plain, number and number.removeprefix("+")) if name)


def is_same_target(one: str, other: str, region: str | None = None) -> bool:
    """Whether both texts lead to the same place, in whatever spelling.

    A national number is also read in the other number's own country, so that no setting is needed to see it.
    """
    regions = {region, _region_of(one, region), _region_of(other, region)}
    return any(identities(one, each) & identities(other, each) for each in regions)


def country_of(number: str) -> str | None:
    """The ISO 3166 code of an E.164 number's country; None for numbers of no country, such as +800 freephone."""
    code = phonenumbers.region_code_for_number(phonenumbers.parse(number, None))
    return code if code and is_region(code) else None


@lru_cache(maxsize=1024)
def _region_of(text: str, region: str | None) -> str | None:
    number = e164(text, region)
    code = phonenumbers.region_code_for_number(phonenumbers.parse(number, None)) if number else None
    return code if code and is_region(code) else None
