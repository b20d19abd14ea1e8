"""An E.164 number as people write it: the texts by which a CRM is searched for it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, zip_longest

import phonenumbers
from phonenumbers import PhoneNumberFormat

from shared.phone_numbers.reading import INTERNATIONAL_PREFIX, e164, parsed

MOST_SPELLINGS = 72
MOST_BEGINNINGS = 12
MOST_LIKELY = 28

STAND_INS = "GHIJKLMNOPQRSTU"
"""One for each digit behind the country code (E.164: 15 digits in all). No spelling has letters, no percent-encoding
has these, and what a query has around its texts is in small ones."""

type Digits = bytes
"""What `bytes.translate` puts in the place of each stand-in."""


@dataclass(frozen=True, eq=False)
class SpellingPattern:
    """How all the numbers are spelled that are put together alike, with stand-ins for the digits of each.

    Numbers put together alike have the very same pattern, so that what is made of it can be kept.
    """

    whole: str
    """The E.164 number itself."""
    equal: tuple[str, ...]
    begins: tuple[str, ...]
    likely: tuple[str, ...]
    shapes: tuple[str, ...]
    """Of `equal`, text by text, from the start; some of the last may be left over."""

    @cached_property
    def by_shape(self) -> Mapping[str, str]:
        """`equal` by the shape."""
        return dict(zip(self.shapes, self.equal, strict=False))


def spelling_pattern(number: str, region: str | None = None) -> tuple[SpellingPattern, Digits]:
    """How numbers like this one (E.164) are spelled, and the digits of this one."""
    return _spelled(number, region)


def spellings(number: str, region: str | None = None) -> tuple[str, ...]:
    """The common stored spellings of an E.164 number, itself first and at most 72, for a query by exact text.

    The national ones are among them only where `region` has the number's country code: elsewhere they would mean
    another number.
    """
    pattern, digits = _spelled(number, region)
    return _filled(pattern.equal, digits)


def beginnings(number: str, region: str | None = None) -> tuple[str, ...]:
    """The likeliest spellings before an extension, whose digits nobody knows: at most 12, for a query by beginning."""
    pattern, digits = _spelled(number, region)
    return _filled(pattern.begins, digits)


def likely_spellings(number: str, region: str | None = None) -> tuple[str, ...]:
    """The likeliest of them, as whole texts: at most 28."""
    pattern, digits = _spelled(number, region)
    return _filled(pattern.likely, digits)


def _filled(texts: tuple[str, ...], digits: Digits) -> tuple[str, ...]:
    return tuple(_with_digits(_END.join(texts), digits).split(_END))


def _with_digits(text: str, digits: Digits) -> str:
    return text.encode().translate(digits).decode()


def is_number(text: str, number: str, region: str | None = None) -> bool:
    """Whether this text means the very number (E.164); `region` reads texts without a country code."""
    # Most stored texts are spellings that we know; those that begin so can mean no other number, and need no reading.
    return (text.startswith(_UNMISTAKABLE) and _is_spelling(text, number, region)) or e164(text, region) == number


def _is_spelling(text: str, number: str, region: str | None) -> bool:
    pattern, digits = _spelled(number, region)
    spelled = pattern.by_shape.get(shape(text))
    return spelled is not None and _with_digits(spelled, digits) == text


_UNMISTAKABLE = ("+", "0", "(0")


def shape(text: str) -> str:
    """What two numbers that are spelled alike have in common: the signs, and how many digits are between them."""
    return text.translate(_DIGITS_ALIKE)


_DIGITS_ALIKE = str.maketrans("123456789" + STAND_INS, "0" * (9 + len(STAND_INS)))


@lru_cache(maxsize=1024)
def _spelled(number: str, region: str | None) -> tuple[SpellingPattern, Digits]:
    parts_of = parsed(number)
    code = str(parts_of.country_code)
    digits = number.removeprefix(f"+{code}")
    abroad = phonenumbers.format_number(parts_of, PhoneNumberFormat.INTERNATIONAL).removeprefix(f"+{code}")
    sizes = tuple(len(group) for group in _groups(abroad))
    at_home = _at_home(phonenumbers.format_number(parts_of, PhoneNumberFormat.NATIONAL), digits)
    is_home = region is not None and phonenumbers.country_code_for_region(region) == parts_of.country_code
    pattern = _pattern(code, len(digits), sizes, at_home, is_home)
    return pattern, bytes.maketrans(STAND_INS[: len(digits)].encode(), digits.encode())


def _at_home(national: str, digits: str) -> tuple[str | None, str]:
    """What is dialled before the digits at home, and the national number with stand-ins.

    Some countries dial another number at home than abroad (an Argentine mobile): it has no prefix to speak of, and
    keeps its digits.
    """
    dialled = "".join(_groups(national))
    if not dialled.endswith(digits):
        return None, national
    prefix = dialled.removesuffix(digits)
    pieces = iter((*prefix, *STAND_INS))
    return prefix, "".join([next(pieces) if sign.isdecimal() else sign for sign in national])


@lru_cache(maxsize=1024)
def _pattern(
    code: str, length: int, sizes: tuple[int, ...], at_home: tuple[str | None, str], is_home: bool
) -> SpellingPattern:
    prefix, national = at_home
    layout = _layout(code, sizes, prefix, is_home)
    digits = STAND_INS[:length]
    parts = [digits[start:end] for start, end in layout.slices]
    equal, begins, likely = (
        text.format(*parts).split(_END) if text else [] for text in (layout.equal, layout.begins, layout.likely)
    )
    whole = f"+{code}{digits}"
    own = [national, "".join(sign for sign in national if sign.isalnum())] if is_home else []
    first = list(dict.fromkeys([whole, whole.removeprefix("+"), *own]))
    begins = list(dict.fromkeys([whole, *reversed(own), *begins]))[:MOST_BEGINNINGS]
    # One text of each: what is spelled alike has the same shape, so the shapes stay beside their texts.
    known = set(first)
    shaped = [(text, alike) for text, alike in zip(equal, layout.shapes, strict=True) if text not in known]
    shaped = shaped[: MOST_SPELLINGS - len(first)]
    return SpellingPattern(
        whole,
        (*first, *[text for text, _ in shaped]),
        tuple(begins),
        tuple(dict.fromkeys([*begins, *first[:2], *likely, *equal[:MOST_LIKELY]]))[:MOST_LIKELY],
        (*map(shape, first), *[alike for _, alike in shaped]),
    )


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
    likely: str
    shapes: tuple[str, ...]
    """Of the texts of `equal`."""


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
    equal = list(dict.fromkeys(_in_turn(_international(code, abroad, prefix), _national(at_home, whole))))
    likely = _likely(code, abroad, at_home, prefix, usual)
    samples = ["0" * (end - start) for start, end in slices]
    shapes = tuple(shape(text.format(*samples)) for text in equal)
    return _Layout(tuple(slices), _END.join(equal), _END.join(begins), _END.join(likely), shapes)


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
    yield [f"{INTERNATIONAL_PREFIX}{code} {' '.join(each)}" for each in groupings[:3]]
    yield [f"+{code} {whole}", f"{INTERNATIONAL_PREFIX}{code}{whole}", f"{INTERNATIONAL_PREFIX}{code} {whole}"]
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
    yield [f"{INTERNATIONAL_PREFIX} {code} {' '.join(each)}" for each in groupings[:1]]


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
    yield f"{INTERNATIONAL_PREFIX}{code}{''.join(groups)}"
    if prefix != "" or len(groups) <= _MOST_GROUPS_WITH_AREA_CODE:
        yield from (_area(own, "-") for own in at_home[usual : usual + 1])
        yield f"+{code} ({groups[0]}) {'-'.join(groups[1:])}"
    for position in range(1, len(abroad)):
        yield f"+{code} {' '.join(abroad[position])}"
        yield from (sign.join(own) for own in at_home[position : position + 1] for sign in (" ", "-"))


def _likely(
    code: str, abroad: list[list[str]], at_home: list[list[str]], prefix: str | None, usual: int
) -> Iterator[str]:
    """What is likely beside the spellings before an extension."""
    groups, whole = abroad[usual], "".join(abroad[0])
    for own in at_home[usual : usual + 1]:
        yield _area(own, "-")
        yield f"({own[0]}) {' '.join(own[1:])}"
        yield f"({own[0]}) {''.join(own[1:])}"
        yield f"{own[0]}/{''.join(own[1:])}"
    yield f"+{code} {whole}"
    yield f"{INTERNATIONAL_PREFIX}{code} {' '.join(groups)}"
    if prefix == "0":
        yield f"+{code} (0){groups[0]} {''.join(groups[1:])}"
        yield f"+{code} (0) {' '.join(groups)}"
    yield f"+{code}-{whole}"
    for each in abroad[-2:]:
        yield f"+{code} {' '.join(each)}"
    yield from (" ".join(own) for own in at_home[-2:])
    yield f"+{code} ({groups[0]}) {' '.join(groups[1:])}"
    yield f"+{code} {_area(groups, '-')}"
    yield f"+{code}.{'.'.join(groups)}"


def _area(groups: list[str], sign: str) -> str:
    return f"{groups[0]}{sign}{' '.join(groups[1:])}"


def _in_turn(*kinds: Iterator[list[str]]) -> Iterator[str]:
    """The first of every kind, then the second of every kind, and so on."""
    lists = [each for kind in kinds for each in kind]
    for row in zip_longest(*lists):
        yield from (text for text in row if text is not None)
