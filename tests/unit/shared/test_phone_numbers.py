"""Every spelling of a number is that number, and no other number is."""

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from shared.phone_numbers import (
    beginnings,
    country_of,
    e164,
    identities,
    is_number,
    is_region,
    is_rest_of,
    is_same_target,
    likely_spellings,
    shape,
    spelling_pattern,
    spellings,
)
from tests.unit.shared.stored_numbers import COUNTRIES, other_numbers, stored_numbers

REGIONS = (
    *("FI", "SE", "NO", "DK", "EE", "DE", "AT", "CH", "FR", "ES"),
    *("IT", "GB", "IE", "NL", "BE", "PL", "PT", "US", "BR", "IN"),
)


def _example(region: str, kind: int) -> str:
    number = phonenumbers.example_number_for_type(region, kind)
    assert number is not None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


EXAMPLES = [
    (region, _example(region, kind))
    for region in REGIONS
    for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
]
EACH_EXAMPLE = pytest.mark.parametrize(
    ("region", "number"), [pytest.param(*each, id=" ".join(each)) for each in EXAMPLES]
)


def test_there_are_spellings_enough() -> None:
    assert sum(len(spellings(number, region)) for region, number in EXAMPLES) >= 1000


@EACH_EXAMPLE
def test_a_spelling_reads_as_its_number(region: str, number: str) -> None:
    code = f"+{phonenumbers.country_code_for_region(region)}"
    # Without its trunk zero a number may also be one of another country without its plus: then it means that one.
    other = {text: e164(text, region) for text in spellings(number, region) if e164(text, region) != number}
    assert other.keys() <= {number.removeprefix(code)}


@EACH_EXAMPLE
def test_numbers_that_are_put_together_alike_share_one_pattern(region: str, number: str) -> None:
    pattern, digits = spelling_pattern(number, region)
    assert pattern.whole.encode().translate(digits).decode() == number
    written_out = [text.encode().translate(digits).decode() for text in pattern.likely]
    assert written_out == list(likely_spellings(number, region))
    assert [shape(text) for text in spellings(number, region)] == list(pattern.shapes[: len(pattern.equal)])
    assert spelling_pattern(_changed_last_digit(number), region)[0] is pattern


def _changed_last_digit(number: str) -> str:
    return number[:-1] + str((int(number[-1]) + 1) % 10)


@EACH_EXAMPLE
def test_spellings_are_few(region: str, number: str) -> None:
    assert len(spellings(number, region)) <= 72
    assert len(beginnings(number, region)) <= 12
    assert spellings(number, region)[0] == beginnings(number, region)[0] == number


@EACH_EXAMPLE
def test_a_spelling_before_an_extension_reads_as_its_number(region: str, number: str) -> None:
    for start in beginnings(number, region):
        assert {e164(start + end, region) for end in (" ext. 12", "x7", ";ext=1234", " #12", ", 12")} == {number}


@EACH_EXAMPLE
def test_a_number_with_one_digit_changed_is_another_number(region: str, number: str) -> None:
    for position in range(len(number) - 4, len(number)):
        changed = f"{number[:position]}{(int(number[position]) + 1) % 10}{number[position + 1 :]}"
        assert not {e164(text, region) for text in spellings(number, region)} & {e164(changed, region)}


@EACH_EXAMPLE
def test_national_spellings_are_left_out_abroad(region: str, number: str) -> None:
    home = phonenumbers.country_code_for_region(region)
    abroad = next(other for other in REGIONS if phonenumbers.country_code_for_region(other) != home)
    assert {e164(text) for text in spellings(number, abroad)} == {number}
    assert spellings(number, abroad) == spellings(number, None)


STORED = stored_numbers()
OTHER = other_numbers()


def test_there_are_stored_numbers_enough() -> None:
    assert len({country.region for country in COUNTRIES}) == 20
    assert len(STORED) >= 1000
    assert len(OTHER) >= 200


@pytest.mark.parametrize("region", [country.region for country in COUNTRIES])
def test_a_number_as_people_store_it_is_read(region: str) -> None:
    assert [each for each in STORED if each.region == region and e164(each.text, region) != each.number] == []
    assert [each for each in OTHER if each.region == region and e164(each.text, region) == each.number] == []


READINGS = [
    pytest.param("+358504545641", "FI", "+358504545641", id="E.164"),
    pytest.param("358504545641", "FI", "+358504545641", id="the plus is missing, as in Enreach exports"),
    pytest.param("358504545641", None, "+358504545641", id="the plus is missing and no region is known"),
    pytest.param("46701234567", "FI", "+46701234567", id="the plus of a foreign number is missing"),
    pytest.param("00358504545641", "FI", "+358504545641", id="00 in place of the plus"),
    pytest.param("00358504545641", "US", "+358504545641", id="00 where 011 is the prefix"),
    pytest.param("011358504545641", "US", "+358504545641", id="the region's own international prefix"),
    pytest.param("050 4545641", "FI", "+358504545641", id="national"),
    pytest.param("050 4545641", None, None, id="national without a region"),
    pytest.param("050 4545641", "SE", "+46504545641", id="the same digits in another country"),
    pytest.param("504545641", "FI", "+358504545641", id="national without its zero"),
    pytest.param("+358 (0)50 454 5641", "FI", "+358504545641", id="a trunk zero in parentheses"),
    pytest.param("+47 (0)22 12 34 56", "NO", "+4722123456", id="a trunk zero that the country does not have"),
    pytest.param("+39 (0)2 1234 5678", "FI", "+390212345678", id="an Italian zero, which belongs to the number"),
    pytest.param("(+358) 50 4545641", "FI", "+358504545641", id="the country code in parentheses"),
    pytest.param("(201) 555-0123", "US", "+12015550123", id="an American area code"),
    pytest.param("1-201-555-0123", "US", "+12015550123", id="an American number with its 1"),
    pytest.param("+1.201.555.0123", None, "+12015550123", id="dots"),
    pytest.param("030/123456", "DE", "+4930123456", id="a slash"),
    pytest.param("050–454–5641", "FI", "+358504545641", id="long dashes"),
    pytest.param("050\u00a0454\u202f5641", "FI", "+358504545641", id="narrow and hard spaces"),
    pytest.param("\u202d+358504545641\u202c", "FI", "+358504545641", id="invisible marks from a web page"),
    pytest.param("+358504545641\n", "FI", "+358504545641", id="a newline at the end"),
    pytest.param("  +358504545641\t", "FI", "+358504545641", id="blanks around"),
    pytest.param("+358504545641 ext. 12", "FI", "+358504545641", id="an extension"),
    pytest.param("050 4545641 x12", "FI", "+358504545641", id="an extension by x"),
    pytest.param("09 1234 5678 alanumero 12", "FI", "+358912345678", id="a Finnish extension"),
    pytest.param("08-123 456 78 ankn. 12", "SE", "+46812345678", id="a Swedish extension"),
    pytest.param("030 12345678 Durchwahl 12", "DE", "+493012345678", id="a German extension"),
    pytest.param("01 23 45 67 89 poste 12", "FR", "+33123456789", id="a French extension"),
    pytest.param("+358504545641,,12", "FI", "+358504545641", id="digits dialled after a pause"),
    pytest.param("050 4545641 x12345678", "FI", None, id="too many digits for an extension"),
    pytest.param("tel:+358504545641;ext=12", "FI", "+358504545641", id="a tel URI"),
    pytest.param("٠٥٠٤٥٤٥٦٤١", "FI", "+358504545641", id="Arabic digits"),
    pytest.param("＋３５８５０４５４５６４１", "FI", "+358504545641", id="full-width digits"),
    pytest.param("+35850454564²", "FI", None, id="a superscript is no digit"),
    pytest.param("1-800-FLOWERS", "US", None, id="letters"),
    pytest.param("anonymous", "FI", None, id="a word"),
    pytest.param("", "FI", None, id="nothing"),
    pytest.param("+", "FI", None, id="a plus alone"),
    pytest.param("++358504545641", "FI", None, id="two pluses"),
    pytest.param("358+504545641", "FI", None, id="a plus inside"),
    pytest.param("+999123456789", "FI", None, id="a country code that nobody has"),
    pytest.param("+3585", "FI", None, id="too short"),
    pytest.param("+358504545641504545641", "FI", None, id="too long"),
    pytest.param("050 4545641 / 040 6756499", "FI", None, id="two numbers in one field"),
    pytest.param("112", "FI", None, id="an emergency number"),
    pytest.param("1234", "FI", None, id="an internal number"),
    pytest.param("5550123", "US", None, id="a local number without its area code"),
    pytest.param("0" * 65, "FI", None, id="longer than any number"),
    pytest.param("+358504545641\x00", "FI", None, id="a control character"),
    pytest.param("+358504545641' or 1 eq 1", "FI", None, id="an injection"),
]


@pytest.mark.parametrize(("text", "region", "expected"), READINGS)
def test_reading(text: str, region: str | None, expected: str | None) -> None:
    assert e164(text, region) == expected


SAME = [
    pytest.param("+35840675644", "+35840675644", None, True, id="equal"),
    pytest.param("+35840675644", "35840675644", None, True, id="without plus"),
    pytest.param("+35840675644", "0035840675644", None, True, id="00"),
    pytest.param("+35840675644", "+358 40 675 644", None, True, id="spaces"),
    pytest.param("+35840675644", "+358 (0)40 675644", None, True, id="a zero in parentheses"),
    pytest.param("+35840675644", "040 675644", "FI", True, id="national"),
    pytest.param("+35840675644", "040675644", None, True, id="national, read in the other number's country"),
    pytest.param("+35840675644", "040675644", "SE", True, id="national, with another default region"),
    pytest.param("040-675644", "(040) 675 644", None, True, id="both national, no region known"),
    pytest.param("+999 123 4567", "9991234567", None, True, id="numbers outside of any plan, by their digits"),
    pytest.param("SIP:Queue@Example.test", "sip:queue@example.TEST", None, True, id="text in another case"),
    pytest.param("{1A89FC22-0000-4000-8000-000000000001}", "1a89fc22-0000-4000-8000-000000000001", None, True, id="id"),
    pytest.param("+35840675644", "+35840675645", "FI", False, id="the last digit differs"),
    pytest.param("+35840675644", "675644", "FI", False, id="only the end"),
    pytest.param("+35840675644", "+46840675644", "FI", False, id="another country"),
    pytest.param("", "", None, False, id="nothing is nowhere"),
    pytest.param("DISCONNECT:", "+35840675644", "FI", False, id="a command"),
]


@pytest.mark.parametrize(("one", "other", "region", "expected"), SAME)
def test_same_target(one: str, other: str, region: str | None, expected: bool) -> None:
    assert is_same_target(one, other, region) is expected
    assert is_same_target(other, one, region) is expected


def test_two_spellings_share_an_identity() -> None:
    assert identities("040 675644", "FI") & identities("+35840675644") == {"35840675644"}


def test_regions() -> None:
    assert is_region("FI")
    assert not is_region("fi")
    assert not is_region("XX")


RESTS = [
    pytest.param("504545641", 4, None, True, id="the rest alone"),
    pytest.param("0504545641", 4, None, True, id="a trunk zero before it"),
    pytest.param("050-454 56 41", 4, None, True, id="separators"),
    pytest.param("(0)504545641", 4, None, True, id="a trunk zero in parentheses"),
    pytest.param("0504545641 ext. 12", 4, None, True, id="an extension"),
    pytest.param("358504545641", 4, None, True, id="what was cut before it"),
    pytest.param("+358 504545641", 4, None, True, id="what was cut with its plus"),
    pytest.param("00358504545641", 4, None, True, id="what was cut with 00"),
    pytest.param("0504545641", 4, "FI", True, id="a number of the default region"),
    pytest.param("8504545641", 3, None, True, id="fewer signs are cut"),
    pytest.param("0504545641", 3, None, False, id="another digit than the one that is left"),
    pytest.param("0504545641", 4, "SE", False, id="a number of a default region elsewhere"),
    pytest.param("+46504545641", 4, None, False, id="another country code"),
    pytest.param("0046504545641", 4, None, False, id="another country code with 00"),
    pytest.param("46504545641", 4, None, False, id="another country code without plus"),
    pytest.param("1504545641", 4, None, False, id="a longer number that ends so"),
    pytest.param("5045456419", 4, None, False, id="a longer number that begins so"),
    pytest.param("0504545642", 4, None, False, id="another number"),
    pytest.param("04545641", 4, None, False, id="less than the rest"),
    pytest.param("504545641 / 040 6756499", 4, None, False, id="two numbers"),
    pytest.param("0504545641 Matti", 4, None, False, id="letters"),
    pytest.param("0" * 56 + "504545641", 4, None, False, id="longer than any number"),
]


@pytest.mark.parametrize(("text", "cut", "region", "expected"), RESTS)
def test_what_is_left_of_a_number(text: str, cut: int, region: str | None, expected: bool) -> None:
    assert is_rest_of(text, "+358504545641", cut, region) is expected


def test_the_country_of_a_number() -> None:
    assert country_of("+358504545641") == "FI"
    assert country_of("+80012345678") is None


@EACH_EXAMPLE
def test_a_known_spelling_is_the_number_as_reading_it_says(region: str, number: str) -> None:
    for home in (region, "US", "FI", None):
        for text in (*spellings(number, home), *beginnings(number, home), *likely_spellings(number, home)):
            assert is_number(text, number, home) is (e164(text, home) == number), text


def test_likely_spellings_are_spellings_and_few() -> None:
    for region, number in EXAMPLES:
        likely = likely_spellings(number, region)
        assert len(likely) <= 28
        assert {text for text in likely if e164(text, region) != number} <= {number[3:], number[2:], number[1:]}
