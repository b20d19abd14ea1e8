"""A phone number as somebody wrote it, brought to E.164."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

_LONGEST_TEXT = 64
_E164 = re.compile(r"\+[1-9][0-9]{4,14}")
_EXTENSION = re.compile(
    r"[\s,;/-]*(?:;ext=|extension|extn?\.?|int\.?|x|#|poste|durchwahl|dw|alanumero|alanr\.?|ankn\.?|anknytning|toestel)"
    r"[\s.:]*[0-9]{1,7}\Z|\s*,+\s*[0-9]{1,5}\Z",
    re.IGNORECASE,
)
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")
INTERNATIONAL_PREFIX = "00"
_TRUNK_PREFIX = "0"
_SEPARATORS = frozenset("()[]./\t\r\n\u2212")
_SEPARATOR_KINDS = frozenset({"Pd", "Zs", "Cf"})
"""Dashes, spaces, and the invisible marks that come along when a number is copied from a web page."""


def is_region(code: str) -> bool:
    """Whether this is an ISO 3166 code of a region with a numbering plan, such as FI."""
    return code in phonenumbers.SUPPORTED_REGIONS


# A caller's number, and those that Dynamics holds of it, are read several times on the way to one answer.
@lru_cache(maxsize=2048)
def e164(text: str, region: str | None = None) -> str | None:
    """The number as `+` and digits, or None for text that is no complete number.

    `region` reads numbers without a country code; without it only international numbers are numbers. An extension
    is dropped: it lies behind the same line.
    """
    if len(text) > _LONGEST_TEXT:
        return None
    if _E164.fullmatch(text):
        return _e164_read_as_it_stands(text)
    possible: PhoneNumber | None = None
    for compact in _compacts(text):
        for reading, is_explicit in _readings(compact, region):
            if phonenumbers.is_valid_number(reading):
                return _plain(reading)
            # A number with its country code may be newer than our numbering plans; bare digits must be valid.
            if is_explicit and possible is None and _has_possible_length(reading):
                possible = reading
    return _plain(possible) if possible else None


def _e164_read_as_it_stands(text: str) -> str | None:
    """It can mean one number only, so whether our numbering plans have it decides nothing where its length is right."""
    try:
        reading = parsed(text)
    except NumberParseException:
        return None
    return _plain(reading) if _has_possible_length(reading) or phonenumbers.is_valid_number(reading) else None


def _compacts(text: str) -> tuple[str, ...]:
    """The number without its extension, as digits behind at most one plus.

    In "+358 (0)50 ..." is a zero too many, but in "+39 (0)2 ..." it belongs to the number: both come.
    """
    main = _EXTENSION.sub("", text.strip().removeprefix("tel:"))
    without_zero = _TRUNK_ZERO.sub("", main)
    return (_compact(main),) if without_zero == main else (_compact(without_zero), _compact(main))


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
    if compact.startswith(INTERNATIONAL_PREFIX):
        yield from _parsed("+" + compact.removeprefix(INTERNATIONAL_PREFIX), None, is_explicit=True)
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
        yield parsed(text, region), is_explicit
    except NumberParseException:
        return


# A caller's number is taken apart to be read, to be spelled, and to tell its country.
@lru_cache(maxsize=1024)
def parsed(text: str, region: str | None = None) -> PhoneNumber:
    """The number in its parts, for reading only: others get the same. Raises NumberParseException."""
    return phonenumbers.parse(text, region)


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
    starts = ("", _TRUNK_PREFIX, gone, f"+{gone}", f"{INTERNATIONAL_PREFIX}{gone}")
    if not any(compact == start + rest for compact in _compacts(text) for start in starts):
        return False
    return region is None or e164(text, region) in (None, number)


def country_of(number: str) -> str | None:
    """The ISO 3166 code of an E.164 number's country; None for numbers of no country, such as +800 freephone."""
    code = phonenumbers.region_code_for_number(parsed(number))
    return code if code and is_region(code) else None
