"""Numbers of twenty countries as people store them, written by hand: how they group digits is a custom, no rule.

Nothing here knows how the app spells numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Country:
    """`numbers`: national numbers without the trunk digit, each in the groups that are common there."""

    region: str
    code: str
    trunk: str
    numbers: tuple[tuple[str, ...], ...]


COUNTRIES = (
    Country("FI", "358", "0", (("50 454 5641", "50 4545641"), ("9 1234 5678", "9 12345678"))),
    Country("SE", "46", "0", (("70 123 45 67", "70 1234567"), ("8 123 456 78", "8 12345678"))),
    Country("NO", "47", "", (("412 34 567", "41 23 45 67", "41234567"), ("22 12 34 56", "22123456"))),
    Country("DK", "45", "", (("32 12 34 56", "32123456", "3212 3456"), ("20 12 34 56", "2012 3456"))),
    Country("EE", "372", "", (("5123 4567", "51234567"), ("322 1234", "3221234"))),
    Country("DE", "49", "0", (("30 12345678", "30 1234 5678"), ("1512 3456789", "1512 345 6789"))),
    Country("FR", "33", "0", (("6 12 34 56 78", "6 12345678"), ("1 23 45 67 89", "1 23456789"))),
    Country("GB", "44", "0", (("20 7946 0958", "20 79460958"), ("7911 123456", "7911 123 456"))),
    Country("IE", "353", "0", (("85 123 4567", "85 1234567"), ("1 234 5678", "1 2345678"))),
    Country("ES", "34", "", (("612 34 56 78", "612 345 678", "612345678"), ("912 34 56 78", "912 345 678"))),
    Country("IT", "39", "", (("312 345 6789", "312 3456789"), ("06 1234 5678", "06 12345678"))),
    Country("NL", "31", "0", (("6 12345678", "6 1234 5678", "6 12 34 56 78"), ("20 123 4567", "20 1234567"))),
    Country("BE", "32", "0", (("470 12 34 56", "470 123456", "470 123 456"), ("2 501 02 00", "2 5010200"))),
    Country("PL", "48", "", (("512 345 678", "512345678"), ("22 123 45 67", "221234567"))),
    Country("PT", "351", "", (("912 345 678", "912345678"), ("21 234 5678", "212 345 678"))),
    Country("AT", "43", "0", (("664 1234567", "664 123 4567"), ("1 2345678", "1 234 5678"))),
    Country("CH", "41", "0", (("78 123 45 67", "78 1234567"), ("44 123 45 67", "44 1234567"))),
    Country("US", "1", "", (("415 555 2671", "415 5552671"), ("212 736 5000", "212 7365000"))),
    Country("AU", "61", "0", (("412 345 678", "412345678"), ("2 1234 5678", "2 12345678"))),
    Country("IN", "91", "0", (("81234 56789", "8123456789"), ("11 2345 6789", "11 23456789"))),
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A text in a column, and the number (E.164) that it means in its country."""

    region: str
    text: str
    number: str


def stored_numbers() -> list[Stored]:
    """Every spelling once: spaces, dashes, dots, slashes, parentheses, (0), 00, local forms and extensions."""
    found: dict[tuple[str, str], Stored] = {}
    for country in COUNTRIES:
        for groupings in country.numbers:
            number = f"+{country.code}{groupings[0].replace(' ', '')}"
            for text in (text for grouping in groupings for text in _spelled(country, grouping.split())):
                found[country.region, text] = Stored(country.region, text, number)
            for text in _extended(country, groupings[0].split()):
                found[country.region, text] = Stored(country.region, text, number)
    return list(found.values())


def _spelled(country: Country, groups: list[str]) -> Iterator[str]:
    code, trunk = country.code, country.trunk
    digits, spaced, dashed = "".join(groups), " ".join(groups), "-".join(groups)
    yield from (f"+{code}{digits}", f"{code}{digits}", f"00{code}{digits}", f"+{code} {digits}")
    yield from (f"+{code} {spaced}", f"00{code} {spaced}", f"+{code}-{dashed}", f"+{code} {dashed}")
    yield from (f"{trunk}{digits}", f"{trunk}{spaced}", f"{trunk}{dashed}")
    if groups[1:]:
        first, rest = groups[0], " ".join(groups[1:])
        yield from (f"+{code} ({first}) {rest}", f"({trunk}{first}) {rest}", f"{trunk}{first}-{rest}")
        yield f"+{code}.{'.'.join(groups)}"
        yield from (f"{trunk}{first}/{rest}", f"{trunk}{'.'.join(groups)}")
    if trunk:
        yield from (f"+{code} (0){spaced}", f"+{code} (0) {spaced}", f"+{code}(0){digits}", f"+{code} (0){digits}")


def _extended(country: Country, groups: list[str]) -> Iterator[str]:
    spaced = f"+{country.code} {' '.join(groups)}"
    yield from (f"{spaced} ext. 12", f"{spaced} x12", f"{spaced} ext 1234", f"{spaced} #12")
    yield f"+{country.code}{''.join(groups)};ext=12"
    yield from (f"{country.trunk}{' '.join(groups)} x7", f"{country.trunk}{''.join(groups)} ext. 345")
    yield f"{country.trunk}{'-'.join(groups)} ext. 12"


def other_numbers(*, national_forms: bool = True) -> list[Stored]:
    """Texts that look like a caller's number and mean another one; `number` is the caller.

    `national_forms` are the caller's own, read in a country where they are somebody else's or nobody's.
    """
    found: list[Stored] = []
    for position, country in enumerate(COUNTRIES):
        abroad = COUNTRIES[(position + 7) % len(COUNTRIES)]
        for grouping in (each[0] for each in country.numbers):
            digits, trunk = grouping.replace(" ", ""), country.trunk
            number = f"+{country.code}{digits}"
            other_last, other_middle = _changed(digits, len(digits) - 1), _changed(digits, len(digits) // 2)
            texts = [
                f"+{country.code} {other_last}",
                f"{trunk}{other_last}",
                f"{trunk}{other_middle} ext. 12",
                digits[-6:],
                digits[-7:-1],
                f"+{abroad.code} {digits}",
                f"00{abroad.code}{digits}",
                f"{number}99999",
                f"1{number.removeprefix('+')}0",
            ]
            found += [Stored(country.region, text, number) for text in texts]
            if national_forms and abroad.trunk:
                found.append(Stored(abroad.region, f"{abroad.trunk}{digits}", number))
    return found


def _changed(digits: str, position: int) -> str:
    return f"{digits[:position]}{(int(digits[position]) + 1) % 10}{digits[position + 1 :]}"
