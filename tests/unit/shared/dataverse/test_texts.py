"""Texts as Dynamics counts them."""

import pytest

from shared.dataverse.texts import cut, units


@pytest.mark.parametrize(("text", "count"), [("", 0), ("abc", 3), ("äö", 2), ("😀", 2), ("\ud800", 1)])
def test_units(text: str, count: int) -> None:
    assert units(text) == count


@pytest.mark.parametrize(
    ("text", "longest", "left"),
    [("abc", 3, "abc"), ("abcd", 3, "abc"), ("äöå", 2, "äö"), ("a😀b", 2, "a"), ("a😀b", 3, "a😀"), ("", 0, "")],
)
def test_cut(text: str, longest: int, left: str) -> None:
    assert cut(text, longest) == left
