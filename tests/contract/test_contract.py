"""Every documented fact about the Dataverse Web API that we rely on, asked of the simulator over HTTP.

The facts are data: see `sections/`, one module a subject, and `cases.py` for how to read a case.
"""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from typing import get_args, get_type_hints

import pytest

import tests.contract.sections
from local.dataverse.environment import Environment
from tests.contract.cases import Case
from tests.contract.checking import check
from tests.contract.simulator import Caller, served_simulator
from tests.contract.sources import SOURCES

SECTIONS: dict[str, list[Case]] = {
    module.name: importlib.import_module(f"tests.contract.sections.{module.name}").CASES
    for module in pkgutil.iter_modules(tests.contract.sections.__path__)
}
# Yes-or-no settings that stand for no doubt: whether tokens are checked, and a cookie that is documented.
NO_SWITCHES = frozenset({"strict_tokens", "affinity_cookie"})
ALL = [case for cases in SECTIONS.values() for case in cases]


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with served_simulator() as origin:
        open_caller = Caller(origin)
        yield open_caller
        open_caller.close()


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=f"{section}: {case}") for section, cases in SECTIONS.items() for case in cases],
)
def test_the_simulator_keeps_to_the_documents(caller: Caller, case: Case) -> None:
    check(case, caller)


def test_the_contract_is_large_enough_and_names_a_source_for_every_fact() -> None:
    assert len(ALL) >= 120
    assert [case.fact for case in ALL if case.source not in SOURCES] == []
    assert [fact for fact, count in Counter(case.fact for case in ALL).items() if count > 1] == []


def test_a_switch_is_shown_in_each_of_its_positions() -> None:
    """What no source states is a switch of the environment; each position has a case that says so."""
    shown = {(name, value) for case in ALL if not case.confirmed for name, value in case.settings.items()}
    switches = {field.name for field in fields(Environment)} - NO_SWITCHES
    hints = {name: hint for name, hint in get_type_hints(Environment).items() if name in switches}
    positions = {(name, value) for name, hint in hints.items() for value in get_args(hint)}
    positions |= {(name, value) for name, hint in hints.items() if hint is bool for value in (True, False)}
    assert positions - shown == set()
