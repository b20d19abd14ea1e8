"""Many lines of delimited text taken apart at once, in loops of C: by far most lines of a schedule are ordinary.

Lines are ordinary if each is a row of exactly the header's cells, and quotes do nothing but enclose whole cells of one
line. All others are the csv module's: see `delimited_rows`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from operator import itemgetter

type Cells = list[str]

_HIDDEN = "\0"
"""Stands for a delimiter within quotes. No file that is text holds it (`text_encoding`)."""
_FEW_QUOTES = 8
"""So many quotes in the first line are a few cells in quotes; of more it takes each for one."""
_first, _last = itemgetter(0), itemgetter(-1)


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that each take one line, from line `first` on, with one cell for each name of the header.

    They lie one after the other in `flat`: a column is a slice, and no row needs a list of its own.
    """

    first: int
    width: int
    flat: Cells
    step: int
    """From a cell to the one below it: the width, or one more where line ends lie between the rows."""
    hidden: str = ""
    """The delimiter, where some of them are hidden."""

    @property
    def count(self) -> int:
        """How many rows."""
        return len(self.flat) // self.step

    @property
    def cells(self) -> Iterator[Cells]:
        """Row by row."""
        flat = self.flat
        if self.hidden:
            flat = flat.copy()
            for place in range(self.width):
                flat[place :: self.step] = self.column(place)
        return (flat[start : start + self.width] for start in range(0, len(flat), self.step))

    def column(self, place: int) -> Cells:
        """The cells of a column."""
        cells = self.flat[place :: self.step]
        if self.hidden and _HIDDEN in "".join(cells):
            return [cell.replace(_HIDDEN, self.hidden) for cell in cells]
        return cells

    def row(self, index: int) -> Cells:
        """The cells of one row."""
        cells = self.flat[index * self.step : index * self.step + self.width]
        return [cell.replace(_HIDDEN, self.hidden) for cell in cells] if self.hidden else cells


def block_of_lines(text: str, first: int, width: int, delimiter: str, *, quoted: bool) -> Block | None:
    """Whole lines taken apart, the last one with or without its end; None where one of them is not ordinary."""
    if text.endswith("\n"):
        text = text[:-1]
    elif "\r" in text:
        text += "\r"  # all lines end alike
    if not quoted or '"' not in text:
        return _block(text, first, width, delimiter)
    if text.count('"', 0, text.find("\n")) > _FEW_QUOTES:
        return _block_of_quoted(text, first, width, delimiter)
    hidden = _with_hidden_delimiters(text, delimiter)
    found = None if hidden is None else _block(hidden, first, width, delimiter)
    return None if found is None else replace(found, hidden=delimiter)


def block_of_rows(rows: Sequence[Cells], first: int, width: int) -> Block:
    """Rows that all have the header's cells."""
    return Block(first, width, list(chain.from_iterable(rows)), width)


def _block(text: str, first: int, width: int, delimiter: str, around: str = "") -> Block | None:
    """Lines without quotes, or with the same `around` every cell but before the first and behind the last one.

    A line's end becomes a cell of its own: if each is one that follows `width` others, no row has more or fewer.
    """
    between = f"{around}{delimiter}{around}"
    flat = text.replace(f"{around}\n{around}", f"{between}\n{between}").split(between)
    flat.append("\n")
    step = width + 1
    count, left = divmod(len(flat), step)
    if left or count != text.count("\n") + 1 or flat[width::step].count("\n") != count:
        return None
    if "\r" in text:
        last = flat[width - 1 :: step]
        if text.count("\r") != count or not all(map(str.endswith, last, repeat("\r"))):
            return None
        flat[width - 1 :: step] = [cell[:-1] for cell in last]
    return Block(first, width, flat, step)


def _block_of_quoted(text: str, first: int, width: int, delimiter: str) -> Block | None:
    """Lines of which every cell is in quotes."""
    text = text.removesuffix("\r").replace("\r\n", "\n")
    if not text.startswith('"') or not text.endswith('"'):
        return None
    found = _block(text[1:-1], first, width, delimiter, '"')
    return found if found is not None and text.count('"') == 2 * width * found.count else None


def _with_hidden_delimiters(text: str, delimiter: str) -> str | None:
    """Without its quotes, and with none of the delimiters that they enclosed; None where one is not around a cell."""
    pieces = text.split('"')
    outside, inside = pieces[::2], '"'.join(pieces[1::2])
    if len(pieces) % 2 == 0 or "\n" in inside:
        return None
    around = {delimiter, "\n", "\r"}
    try:
        # An empty piece between two others was a doubled quote; at an end of the text it is none.
        before = set(map(_last, outside[:-1] if outside[0] else outside[1:-1]))
        after = set(map(_first, outside[1:] if outside[-1] else outside[1:-1]))
    except IndexError:
        return None
    if not (before <= around and after <= around):
        return None
    pieces[1::2] = inside.replace(delimiter, _HIDDEN).split('"')
    return "".join(pieces)
