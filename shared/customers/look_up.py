"""Whose number it is, asked of Dataverse: in one `$batch`, as a rule."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from shared.customers.document import CustomerMatching
from shared.customers.matching import (
    NOBODY,
    TABLES,
    CustomerColumns,
    Match,
    deciding_rows,
    matched,
    searched,
    searched_texts,
)
from shared.customers.questions import Ids, caller_number, customer_questions
from shared.customers.stored_spellings import StoredSpellings
from shared.dataverse.odata import BoundFetch, ByText, Question, Texts
from shared.dataverse.tables import JsonRow


class RowReader(Protocol):
    """What a look-up needs of Dataverse; `shared.dataverse.client.DataverseClient` has it."""

    async def query_many(self, queries: Sequence[Question], *, within: float | None = None) -> list[list[JsonRow]]: ...


async def find_customer(
    rows: RowReader,
    caller: str | None,
    matching: CustomerMatching,
    wanted: CustomerColumns,
    *,
    own: frozenset[str] = frozenset(),
    spellings: StoredSpellings | None = None,
    within: float | None = None,
) -> Match:
    """Whose number this is. Costs one request, or none for text that is no number and for our own numbers; two where
    something hangs on a customer whose stored number is spelled in a way that is rare and was not met yet.

    `own` are lines of ours (E.164) beside those of the document. Raises DataverseError, with `within` in so many
    seconds at the latest.
    """
    number = caller_number(caller, matching, own)
    if number is None:
        return NOBODY

    def questions(ids: Ids | None, joined: Texts) -> dict[str, Question]:
        return customer_questions(number, matching, wanted, ids=ids, joined=joined)

    met = spellings or StoredSpellings()
    return matched(number, matching, await ask_of_caller(rows, number, matching, questions, met, within=within))


async def ask_of_caller(
    rows: RowReader,
    number: str,
    matching: CustomerMatching,
    questions: Callable[[Ids | None, Texts], Mapping[str, Question]],
    spellings: StoredSpellings,
    ids: Ids | None = None,
    *,
    within: float | None = None,
) -> dict[str, list[JsonRow]]:
    """The answers to `questions`, which are made by the number (E.164) or, with `ids`, by primary key.

    Joins are asked with the spellings that are likely or known. When they were asked in vain, because the customer's
    number is stored in another one, all is asked again by the primary keys that are known by then. Raises
    DataverseError, with `within` in so many seconds at the latest.
    """
    end = None if within is None else time.monotonic() + within
    if ids is not None:
        return await _answered(rows, questions(ids, _NO_TEXTS), within)
    joined = spellings.texts(number, matching.default_region)
    asked = questions(None, joined)
    answers = await _answered(rows, asked, within)
    missed = missed_by_joins(number, matching, joined, asked.values(), answers)
    if missed:
        for kind in missed:
            for row in answers[kind]:
                for text in searched_texts(row, searched(matching)[kind]):
                    spellings.learn(text, number, matching.default_region)
        left = None if end is None else max(0.0, end - time.monotonic())
        answers = await _answered(rows, questions(missed, joined), left)
    return answers


_NO_TEXTS = ByText(())


async def _answered(rows: RowReader, asked: Mapping[str, Question], within: float | None) -> dict[str, list[JsonRow]]:
    if not asked:
        return {}
    return dict(zip(asked, await rows.query_many(list(asked.values()), within=within), strict=True))


def missed_by_joins(
    number: str,
    matching: CustomerMatching,
    joined: Texts,
    asked: Iterable[Question],
    answers: Mapping[str, Sequence[JsonRow]],
) -> Ids:
    """The rows that decide about this number (E.164), where one is stored in none of the spellings of the joins.

    Empty where none is, and where no question joined anything to rows of their kind.
    """
    kind, found = deciding_rows(number, matching, answers)
    if not any(isinstance(question, BoundFetch) and kind in question.values for question in asked):
        return {}
    columns = searched(matching)[kind]
    if all(any(joined.holds(text) for text in searched_texts(row, columns)) for row in found):
        return {}
    return {kind: tuple(str(row[TABLES[kind].primary_id]) for row in found)}
