"""Whose numbers these are, for thousands at once: the answers of `find_customer`, in few requests.

What one number asks for alone is what decides about it here too: a row counts for the numbers whose own search finds
it, however many others were asked beside them. docs/customer-matching.md has the request counts.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import batched
from math import inf
from typing import Protocol

from shared.customers.document import CustomerMatching, MatchKind
from shared.customers.matching import (
    NOBODY,
    TABLES,
    CustomerColumns,
    Match,
    candidate_rows,
    is_ambiguous,
    match_of,
    matched,
    searched,
    searched_texts,
)
from shared.customers.questions import (
    MOST_CANDIDATES,
    Ids,
    caller_number,
    customer_questions,
    rows_search,
    search_texts,
)
from shared.dataverse.odata import BoundFetch, BoundSearch, ById, ByText, Query, Question
from shared.dataverse.odata.gathered import GatheredSearch
from shared.dataverse.packed import PathQuestion
from shared.dataverse.tables import ACTIVE, JsonRow
from shared.long_work import aside

MOST_PARAMETERS = 2000
"""Texts times columns of one query. Dataverse names no limit, but it writes SQL, and SQL Server takes 2,100 parameters
a statement ("Maximum capacity specifications for SQL Server"). Conditions then stay below the 500 of a FetchXML query,
too. More would save no request: those are as many as the bytes need."""
_TEXTS = 84
_TEXTS_WITH_REST = 157
"""Texts of a number at most: 72 spellings and 12 beginnings; with `NumbersToCut` 72 spellings more, and the rest."""
ALL_KINDS_AT_ONCE = 300
"""Numbers up to which all kinds are asked at once: they fit one request, as a rule. Of more numbers accounts and leads
are asked for those alone that no contact has."""
CUT_NUMBERS_READ_ALL = 200
"""Numbers above which `NumbersToCut` reads the numbers of all customers, 5,000 a page, instead of searching for parts.
Each part that is searched for makes the server look through the whole table, so that thousands take many minutes."""
_TAIL = 6
"""Last digits of a number by which it is looked for in the digits of a stored text."""
_IDS_A_QUERY = 500
_IDS_TOGETHER = 10
"""Customers whose cases and activities are asked for in one query. Where they have more than one query gives (500),
each number is asked for by itself."""


class PackedRowReader(Protocol):
    """What a look-up of many numbers needs of Dataverse; `shared.dataverse.client.DataverseClient` has it."""

    async def query_packed(self, questions: Sequence[PathQuestion]) -> list[list[JsonRow]]: ...
    def pages(self, queries: Iterable[Query]) -> AsyncGenerator[list[JsonRow]]: ...


class ManyNumbersFinder(Protocol):
    """What it needs of the number index; `shared.number_index.index.NumberIndex` has it."""

    async def find_many(self, numbers: Collection[str], matching: CustomerMatching) -> Mapping[str, Ids]: ...


async def find_customers(
    rows: PackedRowReader,
    numbers: Iterable[str],
    matching: CustomerMatching,
    wanted: CustomerColumns | None = None,
    *,
    own: frozenset[str] = frozenset(),
    index: ManyNumbersFinder | None = None,
) -> dict[str, Match]:
    """Whose numbers these are, by number as it was asked for (E.164, or any text that `find_customer` takes).

    What is no number and our own lines are nobody's, and cost nothing. `index` is asked first, where there is one, and
    Dataverse by texts for the numbers of which it knows nothing. Several thousand numbers take some ten requests and a
    second or two of processor time, in a thread aside. Raises DataverseError; then nothing is known of any number.
    """
    asked = await aside(_callers, tuple(numbers), matching, own)
    callers = sorted({number for number in asked.values() if number is not None})
    look_up = _LookUp(rows, callers, matching, wanted or CustomerColumns())
    known = await index.find_many(callers, matching) if index is not None and callers else {}
    if matching.numbers_to_cut and len(callers) > CUT_NUMBERS_READ_ALL:
        known = await look_up.found_among_all(callers)
    await look_up.read_by_ids(known)
    await look_up.read_by_texts([number for number in callers if number not in known])
    found = await look_up.verdicts()
    return {text: NOBODY if number is None else found[number] for text, number in asked.items()}


def _callers(texts: Iterable[str], matching: CustomerMatching, own: frozenset[str]) -> dict[str, str | None]:
    return {text: caller_number(text, matching, own) for text in texts}


type _Answers = dict[str, list[JsonRow]]
type _Aged = tuple[str, str]
"""When a row was made, and its id."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Numbers that share a query about one kind."""

    kind: MatchKind
    numbers: tuple[str, ...]


class _LookUp:
    """One call of `find_customers`."""

    def __init__(
        self, rows: PackedRowReader, numbers: Iterable[str], matching: CustomerMatching, wanted: CustomerColumns
    ) -> None:
        self._rows = rows
        self._matching = matching
        self._wanted = wanted
        self._columns = searched(matching)
        self._found: dict[str, _Answers] = {number: {} for number in numbers}
        """The rows of each number by kind, as many as `find_customer` looks at."""

    # ---------------------------------------------------------------------------------------------- by texts

    async def read_by_texts(self, numbers: Sequence[str]) -> None:
        """The rows in which these numbers stand in a spelling that is searched for."""
        all_kinds = tuple(self._columns)
        # A whole number in a later kind goes before the rest of one in an earlier kind: then all have to be known.
        at_once = len(numbers) <= ALL_KINDS_AT_ONCE or self._matching.numbers_to_cut > 0
        for position, kinds in enumerate([all_kinds] if at_once else [(kind,) for kind in all_kinds]):
            if position:
                numbers = await aside(self._unknown, numbers)
            groups = [group for kind in kinds for group in self._groups(kind, numbers)]
            crowded = await self._read_groups(groups)
            await self._read_groups([_Group(group.kind, (number,)) for group in crowded for number in group.numbers])

    def _groups(self, kind: MatchKind, numbers: Sequence[str]) -> Iterator[_Group]:
        return (_Group(kind, group) for group in batched(numbers, self._share(kind), strict=False))

    def _share(self, kind: MatchKind) -> int:
        """How many numbers share a query about this kind."""
        texts = _TEXTS_WITH_REST if self._matching.numbers_to_cut else _TEXTS
        return max(1, MOST_PARAMETERS // (texts * len(self._columns[kind])))

    async def _read_groups(self, groups: Sequence[_Group]) -> list[_Group]:
        """Ask for these and take what came; the groups of which more may be there than came.

        A number with thousands of rows must not keep others from theirs: such a group's numbers are asked one by one.
        """
        answers = await self._rows.query_packed([self._question(group) for group in groups])
        return await aside(self._take_groups, groups, answers)

    def _question(self, group: _Group) -> GatheredSearch:
        search = rows_search(group.kind, self._columns[group.kind], self._wanted, self._most(group))
        return GatheredSearch(search, lambda: (search_texts(number, self._matching) for number in group.numbers))

    def _most(self, group: _Group) -> int:
        """Rows that are asked for: for one number those that are looked at, for several the room of a full group."""
        return MOST_CANDIDATES * (1 if len(group.numbers) == 1 else self._share(group.kind))

    def _take_groups(self, groups: Sequence[_Group], answers: Sequence[Sequence[JsonRow]]) -> list[_Group]:
        crowded: list[_Group] = []
        for group, rows in zip(groups, answers, strict=True):
            if len(group.numbers) > 1 and len(rows) >= self._most(group):
                crowded.append(group)
            else:
                self._take(group, rows)
        return crowded

    def _take(self, group: _Group, rows: Sequence[JsonRow]) -> None:
        """Give each number the rows that its own search finds, the first ones in the order of the answer."""
        texts = {number: search_texts(number, self._matching) for number in group.numbers} if rows else {}
        for row in rows:
            stored = list(searched_texts(row, self._columns[group.kind]))
            holders = [number for number, each in texts.items() if any(map(each.holds, stored))]
            # The server compares less strictly than we do (blanks at the end, for one); a row that nobody claims is
            # read again for each number that it may have been found for.
            for number in holders or group.numbers:
                known = self._found[number].setdefault(group.kind, [])
                if len(known) < MOST_CANDIDATES:
                    known.append(row)

    def _unknown(self, numbers: Iterable[str]) -> list[str]:
        """Those of the numbers that no row read so far has."""
        return [number for number in numbers if not candidate_rows(number, self._matching, self._found[number])[1]]

    # --------------------------------------------------------------------------------------------- among all

    async def found_among_all(self, numbers: Sequence[str]) -> dict[str, Ids]:
        """The ids of the active rows that a search for each of these numbers would give: the oldest ones."""
        by_tail: dict[str, list[str]] = {}
        for number in numbers:
            by_tail.setdefault(number[-_TAIL:], []).append(number)
        found: dict[str, dict[MatchKind, list[_Aged]]] = {number: {} for number in numbers}
        async with aclosing(self._rows.pages(map(self._all_of, self._columns))) as pages:
            async for rows in pages:
                await aside(self._note, rows, by_tail, found)
        return {
            number: {kind: [row_id for _, row_id in sorted(rows)[:MOST_CANDIDATES]] for kind, rows in kinds.items()}
            for number, kinds in found.items()
        }

    def _all_of(self, kind: MatchKind) -> Query:
        table, columns = TABLES[kind], self._columns[kind]
        table = table.with_columns(columns)
        select = (table.primary_id, "createdon", *columns)
        return Query(table=table, select=select, where=table.eq("statecode", ACTIVE))

    def _note(
        self,
        rows: Sequence[JsonRow],
        by_tail: Mapping[str, Sequence[str]],
        found: Mapping[str, dict[MatchKind, list[_Aged]]],
    ) -> None:
        kind = next((kind for kind in self._columns if rows and TABLES[kind].primary_id in rows[0]), None)
        if kind is None:
            return
        for row in rows:
            holders = {
                number: None
                for text in searched_texts(row, self._columns[kind])
                for number in _with_tail_in(text, by_tail)
                if search_texts(number, self._matching).holds(text)
            }
            for number in holders:
                aged = str(row.get("createdon") or "~"), str(row[TABLES[kind].primary_id])
                found[number].setdefault(kind, []).append(aged)

    # ------------------------------------------------------------------------------------------------ by ids

    async def read_by_ids(self, known: Mapping[str, Ids]) -> None:
        """The rows with these primary keys, those of a number in whatever format it stands there."""
        questions, takers = await aside(self._questions_by_ids, known)
        answers = await self._rows.query_packed(questions)
        await aside(_hand_over, takers, answers)

    def _questions_by_ids(
        self, known: Mapping[str, Ids]
    ) -> tuple[list[BoundSearch], list[Callable[[Sequence[JsonRow]], None]]]:
        """What is asked, and who takes each answer."""
        questions: list[BoundSearch] = []
        takers: list[Callable[[Sequence[JsonRow]], None]] = []
        for kind, columns in self._columns.items():
            numbers_of: dict[str, list[str]] = {}
            for number, ids in known.items():
                of_kind = tuple(dict.fromkeys(ids.get(kind, ())))
                if len(of_kind) > MOST_CANDIDATES:
                    questions.append(rows_search(kind, columns, self._wanted, MOST_CANDIDATES).ask(ById(of_kind)))
                    takers.append(self._taker(kind, {row_id: (number,) for row_id in of_kind}))
                    continue
                for row_id in of_kind:
                    numbers_of.setdefault(row_id, []).append(number)
            for few in batched(sorted(numbers_of), _IDS_A_QUERY, strict=False):
                questions.append(rows_search(kind, columns, self._wanted, _IDS_A_QUERY).ask(ById(few)))
                takers.append(self._taker(kind, numbers_of))
        return questions, takers

    def _taker(self, kind: MatchKind, numbers_of: Mapping[str, Sequence[str]]) -> Callable[[Sequence[JsonRow]], None]:
        def take(rows: Sequence[JsonRow]) -> None:
            for row in rows:
                for number in numbers_of.get(row[TABLES[kind].primary_id], ()):
                    self._found[number].setdefault(kind, []).append(row)

        return take

    # ---------------------------------------------------------------------------------------------- verdicts

    async def verdicts(self) -> dict[str, Match]:
        """Whose numbers these are. Asks for what picks the first of several, and for what else is wanted."""
        found, open_questions = await aside(self._first_verdicts)
        if open_questions:
            found |= await self._verdicts_by_ids(open_questions)
        return found

    def _first_verdicts(self) -> tuple[dict[str, Match], dict[str, Ids]]:
        """The verdicts that the rows alone give; the candidates of the numbers of which more has to be known."""
        found: dict[str, Match] = {}
        further: dict[str, Ids] = {}
        for number, answers in self._found.items():
            kind, rows = candidate_rows(number, self._matching, answers)
            if self._needs_more(kind, rows):
                further[number] = {kind: [str(row[TABLES[kind].primary_id]) for row in rows]}
            else:
                found[number] = match_of(kind, rows, self._matching, answers)
        return found, further

    def _needs_more(self, kind: MatchKind, rows: Sequence[JsonRow]) -> bool:
        if not rows or is_ambiguous(kind, rows, self._matching):
            return False
        return len(rows) > 1 or (kind is MatchKind.CONTACT and self._wanted.primary_contact)

    async def _verdicts_by_ids(self, candidates: Mapping[str, Ids]) -> dict[str, Match]:
        """The verdicts on these candidates, with all that `find_customer` asks for beside the rows."""
        shared = await self._answers_by_ids(_in_groups(candidates), candidates)
        crowded = [(number,) for numbers, answers in shared.items() if answers is None for number in numbers]
        alone = await self._answers_by_ids(crowded, candidates)
        return await aside(self._last_verdicts, shared | alone, candidates)

    async def _answers_by_ids(
        self, groups: Sequence[tuple[str, ...]], candidates: Mapping[str, Ids]
    ) -> dict[tuple[str, ...], _Answers | None]:
        """What is known of the candidates of each group; None where there may be more than came for all of them."""
        asked = await aside(self._questions_of, groups, candidates)
        rows = iter(
            await self._rows.query_packed([each for questions in asked.values() for each in questions.values()])
        )
        found: dict[tuple[str, ...], _Answers | None] = {}
        for numbers, questions in asked.items():
            answers = {key: next(rows) for key in questions}
            is_full = any(len(answers[key]) >= _top(question) for key, question in questions.items())
            found[numbers] = None if is_full and len(numbers) > 1 else answers
        return found

    def _questions_of(
        self, groups: Sequence[tuple[str, ...]], candidates: Mapping[str, Ids]
    ) -> dict[tuple[str, ...], dict[str, Question]]:
        found: dict[tuple[str, ...], dict[str, Question]] = {}
        for numbers in groups:
            together: dict[MatchKind, dict[str, None]] = {}
            for number in numbers:
                for kind, ids in candidates[number].items():
                    together.setdefault(kind, {}).update(dict.fromkeys(ids))
            ids_together = {kind: tuple(ids) for kind, ids in together.items()}
            found[numbers] = customer_questions(
                numbers[0], self._matching, self._wanted, ids=ids_together, joined=ByText(())
            )
        return found

    def _last_verdicts(
        self, groups: Mapping[tuple[str, ...], _Answers | None], candidates: Mapping[str, Ids]
    ) -> dict[str, Match]:
        found: dict[str, Match] = {}
        for numbers, answers in groups.items():
            if answers is None:
                continue
            for number in numbers:
                own: _Answers = {kind: [] for kind in TABLES}
                for kind, ids in candidates[number].items():
                    own[kind] = [row for row in answers.get(kind, ()) if row[TABLES[kind].primary_id] in ids]
                found[number] = matched(number, self._matching, answers | own)
        return found


def _with_tail_in(text: str, by_tail: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The numbers whose last digits stand one after the other in this text, whatever is between them."""
    digits = "".join(filter(str.isdecimal, text))
    for start in range(len(digits) - _TAIL + 1):
        yield from by_tail.get(digits[start : start + _TAIL], ())


def _hand_over(takers: Iterable[Callable[[Sequence[JsonRow]], None]], answers: Iterable[Sequence[JsonRow]]) -> None:
    for take, rows in zip(takers, answers, strict=True):
        take(rows)


def _in_groups(candidates: Mapping[str, Ids]) -> list[tuple[str, ...]]:
    """The numbers, as many together as have few candidates between them."""
    groups: list[list[str]] = []
    size = 0
    for number, ids in candidates.items():
        count = sum(map(len, ids.values()))
        if not groups or size + count > _IDS_TOGETHER:
            groups.append([])
            size = 0
        groups[-1].append(number)
        size += count
    return [tuple(group) for group in groups]


def _top(question: Question) -> float:
    """Rows that this question gives at most."""
    match question:
        case BoundSearch(search=search):
            top = search.top
        case BoundFetch(fetch=fetch):
            top = fetch.top
        case _:
            top = question.top
    return inf if top is None else top
