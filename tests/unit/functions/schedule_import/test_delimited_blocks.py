"""Lines that are taken apart at once are taken apart as the csv module does it."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.schedule_import.reading.delimited.blocks import block_of_lines, block_of_rows

WIDTH = 3


def by_csv(text: str, delimiter: str, *, quoted: bool) -> list[list[str]] | None:
    """The rows, where each takes one line."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        strict=True,
    )
    try:
        rows = list(reader)
    except csv.Error:
        return None
    return rows if reader.line_num == len(rows) else None


CELLS = st.sampled_from(["", "a", "å b", " ", "a;b", "\r"])
IN_QUOTES = st.sampled_from(
    ['""', '"a"', '"a,b"', '","', '"a""b"', '"a\nb"', '" "', '"å', 'a"', '"a"b', ' "a"', '"a" ']
)
LINE_ENDS = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\n\n"])


@st.composite
def lines(draw: st.DrawFn) -> str:
    """Mostly rows of three cells that are nearly right."""
    end = draw(LINE_ENDS)
    cell = draw(st.sampled_from([CELLS, st.one_of(CELLS, IN_QUOTES), IN_QUOTES, st.just('"a"')]))
    rows = draw(st.lists(st.lists(cell, min_size=WIDTH, max_size=draw(st.sampled_from([WIDTH, WIDTH, 4]))), min_size=1))
    text = end.join(draw(st.sampled_from([",", ",", ",", ";"])).join(row) for row in rows)
    return (text + draw(st.sampled_from(["", end, end, "\n"]))) or "\n"


@settings(max_examples=500, deadline=None)
@given(st.one_of(lines(), st.text(alphabet='a,"\r\n', min_size=1, max_size=30)), st.booleans())
def test_what_is_taken_at_once_is_what_the_csv_module_reads(text: str, quoted: bool) -> None:
    block = block_of_lines(text, 2, WIDTH, ",", quoted=quoted)
    if block is not None:
        assert list(block.cells) == by_csv(text, ",", quoted=quoted)


ROWS = [["a@x", "Chat, or not", "1"], ["å", "", "2"], ["", "Lunch", "3"]]
ORDINARY = {
    "bare": ("a@x,Chat,1", [["a@x", "Chat", "1"]]),
    "some cells in quotes": ('a@x,"Chat, or not",1\nå,"",2\n"",Lunch,"3"\n', ROWS),
    "some cells in quotes, CRLF": ('a@x,"Chat, or not",1\r\nå,"",2\r\n"",Lunch,"3"\r\n', ROWS),
    "some cells in quotes, no end": ('a@x,"Chat, or not",1\r\nå,"",2\r\n"",Lunch,"3"', ROWS),
    "each cell in quotes": ('"a@x","Chat, or not","1"\n"å","","2"\n"","Lunch","3"\n', ROWS),
    "each cell in quotes, CRLF": ('"a@x","Chat, or not","1"\r\n"å","","2"\r\n"","Lunch","3"', ROWS),
}


@pytest.mark.parametrize("case", ORDINARY)
@pytest.mark.parametrize("few", [8, 0])
def test_ordinary_lines_are_taken_at_once(case: str, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text, rows = ORDINARY[case]
    if "each" in case:
        monkeypatch.setattr("functions.schedule_import.reading.delimited.blocks._FEW_QUOTES", few)
    block = block_of_lines(text, 2, WIDTH, ",", quoted=True)
    assert block is not None
    assert (list(block.cells), block.count, block.first) == (rows, len(rows), 2)
    assert [block.column(place) for place in range(WIDTH)] == [list(column) for column in zip(*rows, strict=True)]


def test_each_row_of_a_block() -> None:
    for block in (
        block_of_lines('a,"b,c",1\r\nd,e,2\r\nf,g,3\r\n', 5, WIDTH, ",", quoted=True),
        block_of_rows([["a", "b,c", "1"], ["d", "e", "2"], ["f", "g", "3"]], 5, WIDTH),
    ):
        assert block is not None
        assert [block.row(index) for index in range(3)] == [["a", "b,c", "1"], ["d", "e", "2"], ["f", "g", "3"]]
