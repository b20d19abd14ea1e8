"""Phone numbers as people write them, brought to one form (E.164) and back to the spellings that a CRM may hold.

Enreach sends E.164, but "the leading plus varies" in its exports; Dynamics holds whatever somebody typed. Only this
module knows about it, so callers, calls, callbacks and tickets read a number alike.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, zip_longest

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


MOST_SPELLINGS = 72
MOST_BEGINNINGS = 12


def spellings(number: str, region: str | None = None) -> tuple[str, ...]:
    """The common stored spellings of an E.164 number, itself first and at most 72, for a query by exact text.

    The national ones are among them only where `region` has the number's country code: elsewhere they would mean
    another number.
    """
    return _spelled(number, region)[0]


def beginnings(number: str, region: str | None = None) -> tuple[str, ...]:
    """The likeliest spellings before an extension, whose digits nobody knows: at most 12, for a query by beginning."""
    return _spelled(number, region)[1]


@lru_cache(maxsize=64)
def _spelled(number: str, region: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    parsed = phonenumbers.parse(number, None)
    code = str(parsed.country_code)
    digits = number.removeprefix(f"+{code}")
    groups = _groups(_formatted(parsed, PhoneNumberFormat.INTERNATIONAL).removeprefix(f"+{code}"))
    national = _formatted(parsed, PhoneNumberFormat.NATIONAL)
    national_digits = "".join(_groups(national))
    # Some countries dial another number at home than abroad (an Argentine mobile): it has no prefix to speak of.
    prefix = national_digits.removesuffix(digits) if national_digits.endswith(digits) else None
    is_home = region is not None and phonenumbers.country_code_for_region(region) == parsed.country_code
    layout = _layout(code, tuple(len(group) for group in groups), prefix, is_home)
    parts = [digits[start:end] for start, end in layout.slices]
    equal, begins = (text.format(*parts).split(_END) if text else [] for text in (layout.equal, layout.begins))
    own = [national, national_digits] if is_home else []
    equal = [number, number.removeprefix("+"), *own, *equal]
    begins = [number, *reversed(own), *begins]
    return tuple(dict.fromkeys(equal))[:MOST_SPELLINGS], tuple(dict.fromkeys(begins))[:MOST_BEGINNINGS]


def _groups(text: str) -> list[str]:
    return re.findall("[0-9]+", text)


_END = "\n"
_SPLITS: dict[int, tuple[tuple[int, ...], ...]] = {
    5: ((3, 2), (2, 3)),
    6: ((3, 3), (2, 2, 2)),
    7: ((3, 4), (3, 2, 2), (4, 3)),
    8: ((4, 4), (2, 2, 2, 2), (3, 5), (3, 3, 2)),
}
"""How people break up the digits behind an area code: 4545641 as 454 5641 or 454 56 41."""
_WHOLE_SPLITS: dict[int, tuple[tuple[int, ...], ...]] = {
    8: ((2, 2, 2, 2), (3, 2, 3), (4, 4)),
    9: ((3, 3, 3), (3, 2, 2, 2)),
}
"""How they break up a number where there are no area codes."""
_LONG_GROUP = 7
_MOST_GROUPS_WITH_AREA_CODE = 3


@dataclass(frozen=True, slots=True)
class _Layout:
    """The spellings of all numbers of one shape, as templates whose places are `slices` of the digits."""

    slices: tuple[tuple[int, int], ...]
    equal: str
    begins: str


@lru_cache(maxsize=1024)
def _layout(code: str, sizes: tuple[int, ...], prefix: str | None, is_home: bool) -> _Layout:
    slices: dict[tuple[int, int], int] = {}

    def placed(grouping: tuple[int, ...]) -> list[str]:
        places = zip(accumulate(grouping, initial=0), accumulate(grouping), strict=False)
        return [f"{{{slices.setdefault(place, len(slices))}}}" for place in places]

    groupings = _groupings(sizes, has_area_code=prefix != "")
    abroad = [placed(grouping) for grouping in groupings]
    at_home = [[f"{prefix}{first}", *rest] for first, *rest in abroad] if is_home and prefix is not None else []
    whole = "".join(abroad[0])
    usual = next((position for position, grouping in enumerate(groupings) if max(grouping) < _LONG_GROUP), 0)
    begins = _before_an_extension(code, abroad, at_home, prefix, usual)
    equal = list(_in_turn(_international(code, abroad, prefix), _national(at_home, whole)))
    return _Layout(tuple(slices), _END.join(equal), _END.join(begins))


def _groupings(sizes: tuple[int, ...], *, has_area_code: bool) -> list[tuple[int, ...]]:
    """The groups as phonenumbers makes them, the first one apart from the rest, and a long rest broken up.

    Without an area code or trunk prefix the first group means nothing, and the whole number is broken up too.
    """
    first, rest = sizes[0], sum(sizes[1:])
    found = [sizes, *(() if has_area_code else _WHOLE_SPLITS.get(sum(sizes), ()))]
    if rest:
        found += [(first, rest), *((first, *split) for split in _SPLITS.get(rest, ())[:3])]
    return list(dict.fromkeys(found))


def _international(code: str, groupings: list[list[str]], prefix: str | None) -> Iterator[list[str]]:
    """Kinds of spelling, each with its likeliest first; rarer kinds by their likeliest groups alone."""
    whole = "".join(groupings[0])
    parted = [each for each in groupings if each[1:]]
    yield [f"+{code} {' '.join(each)}" for each in groupings]
    yield [f"{_INTERNATIONAL_PREFIX}{code} {' '.join(each)}" for each in groupings[:3]]
    yield [f"+{code} {whole}", f"{_INTERNATIONAL_PREFIX}{code}{whole}", f"{_INTERNATIONAL_PREFIX}{code} {whole}"]
    yield [f"+{code}-{whole}"]
    yield [f"+{code} {'-'.join(each)}" for each in groupings[:4]]
    yield [f"+{code}-{'-'.join(each)}" for each in groupings[:4]]
    if prefix == "0":
        yield [f"+{code} (0){' '.join(each)}" for each in groupings[:4]]
        yield [f"+{code} (0) {' '.join(each)}" for each in groupings[:3]]
        yield [f"+{code}(0){whole}", f"+{code} (0){whole}", f"+{code} (0) {whole}"]
        yield [f"+{code} (0){_area(each, '-')}" for each in parted[:2]]
    yield [f"+{code} ({each[0]}) {' '.join(each[1:])}" for each in parted[:3]]
    yield [f"+{code} ({each[0]}) {'-'.join(each[1:])}" for each in parted[:3] if each[2:]][:1]
    yield [f"+{code}.{'.'.join(each)}" for each in groupings[:3]]
    yield [f"+{code} {_area(each, '/')}" for each in parted[:3]]
    yield [f"{code} {' '.join(each)}" for each in groupings[:2]]
    yield [f"+{code} {_area(each, '-')}" for each in parted[:4] if each[2:]]
    yield [f"(+{code}) {' '.join(each)}" for each in groupings[:1]]
    yield [f"{_INTERNATIONAL_PREFIX} {code} {' '.join(each)}" for each in groupings[:1]]


def _national(groupings: list[list[str]], whole: str) -> Iterator[list[str]]:
    if not groupings:
        return
    parted = [each for each in groupings if each[1:]]
    yield [" ".join(each) for each in groupings]
    yield [whole]
    yield ["-".join(each) for each in groupings[:4]]
    yield [_area(each, "-") for each in parted[:4]]
    yield [f"({each[0]}) {' '.join(each[1:])}" for each in parted[:4]]
    yield [".".join(each) for each in groupings[:3]]
    yield [_area(each, "/") for each in parted[:4]]
    yield [f"({each[0]}) {'-'.join(each[1:])}" for each in parted[:3] if each[2:]][:1]


def _before_an_extension(
    code: str, abroad: list[list[str]], at_home: list[list[str]], prefix: str | None, usual: int
) -> Iterator[str]:
    """Likeliest first. Who gives an extension breaks up long groups: `usual` is the first grouping without any."""
    groups = abroad[usual]
    for position in dict.fromkeys((0, usual)):
        yield f"+{code} {' '.join(abroad[position])}"
        for own in at_home[position : position + 1]:
            yield " ".join(own)
            yield "-".join(own)
    yield f"+{code}-{'-'.join(groups)}"
    yield f"+{code} {'-'.join(groups)}"
    if prefix == "0":
        yield f"+{code} (0){' '.join(groups)}"
    yield f"{_INTERNATIONAL_PREFIX}{code}{''.join(groups)}"
    if prefix != "" or len(groups) <= _MOST_GROUPS_WITH_AREA_CODE:
        yield from (_area(own, "-") for own in at_home[usual : usual + 1])
        yield f"+{code} ({groups[0]}) {'-'.join(groups[1:])}"
    for position in range(1, len(abroad)):
        yield f"+{code} {' '.join(abroad[position])}"
        yield from (sign.join(own) for own in at_home[position : position + 1] for sign in (" ", "-"))


def _area(groups: list[str], sign: str) -> str:
    return f"{groups[0]}{sign}{' '.join(groups[1:])}"


def _in_turn(*kinds: Iterator[list[str]]) -> Iterator[str]:
    """The first of every kind, then the second of every kind, and so on."""
    lists = [each for kind in kinds for each in kind]
    for row in zip_longest(*lists):
        yield from (text for text in row if text is not None)


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
