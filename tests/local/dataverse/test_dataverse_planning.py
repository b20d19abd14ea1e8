"""Indexes and plans change what a query costs and never what it answers: planned = scanned, on random stores."""

import random
from typing import Any
from uuid import UUID
from xml.sax.saxutils import escape, quoteattr

import pytest

from local.dataverse import row_tests
from local.dataverse.candidates import SCAN_SHARE
from local.dataverse.environment import Environment
from local.dataverse.fetch_planning import root_rows
from local.dataverse.fetch_plans import Fetch
from local.dataverse.fetch_reading import chosen_rows
from local.dataverse.fetchxml import read_fetch
from local.dataverse.filters import compile_filter
from local.dataverse.messages import Request
from local.dataverse.simulator import Simulator
from local.dataverse.store import ID_SLOT, Table

TEXTS = ["", "1", "12", "123", "1 2", "A", "a", "Ab", "aB", "straße", "STRASSE", "1%", "_2", "[1]", "z\U0010ffffz"]
PATTERNS = [*TEXTS, "1%", "%2", "a_", "[1a]%", "1%3", "%"]
COLUMNS = {
    "contact": ("telephone1", "mobilephone", "importsequencenumber", "statecode", "parentcustomerid", "contactid"),
    "account": ("telephone1", "name", "numberofemployees", "customertypecode", "primarycontactid", "accountid"),
    "incident": ("title", "statecode", "customerid", "primarycontactid", "incidentid"),
}
# Child table, its column, the parent's column.
JOINS = {
    "contact": [("account", "primarycontactid", "contactid"), ("incident", "customerid", "contactid"),
                ("account", "accountid", "parentcustomerid")],
    "account": [("contact", "contactid", "primarycontactid"), ("contact", "parentcustomerid", "accountid"),
                ("contact", "telephone1", "telephone1")],
    "incident": [("contact", "contactid", "customerid"), ("account", "accountid", "customerid")],
}  # fmt: skip
SETS = {"contact": "contacts", "account": "accounts", "incident": "incidents"}


def row_id(table: str, number: int) -> str:
    return str(UUID(int=(1 + list(SETS).index(table) << 64) + number))


class World:
    """A store that changes at random and is asked at random."""

    def __init__(self, simulator: Simulator, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - repeatable dice, not a secret
        self.simulator = simulator
        self.simulator.reset(frozenset())
        for _ in range(3):
            self.change(20)

    def table(self, name: str) -> Table:
        return self.simulator.store.by_name[name]

    def change(self, rows: int) -> None:
        """Plants new rows, changes old ones and deletes some."""
        for name, entity_set in SETS.items():
            bodies = [self._row(name, self.dice.randrange(40)) for _ in range(rows)]
            self.simulator.plant({entity_set: bodies})
            table = self.table(name)
            with self.simulator.store.transaction():
                for gone in self.dice.sample(sorted(table.rows), rows // 3):
                    self.simulator.store.delete(table, gone)

    def _row(self, table: str, number: int) -> dict[str, Any]:
        pick = self.dice.choice
        text, whole = [*TEXTS, None], [None, 0, 1, 2]
        customer = pick([None, *(("contact", n) for n in range(40)), *(("account", n) for n in range(40))])
        row: dict[str, Any] = {f"{table}id": row_id(table, number)}
        if table == "contact":
            row |= {"telephone1": pick(text), "mobilephone": pick(text), "importsequencenumber": pick(whole)}
            if customer is not None and customer[0] == "account":
                row["_parentcustomerid_value"] = row_id(*customer)
        elif table == "account":
            row |= {"telephone1": pick(text), "name": pick(text), "numberofemployees": pick(whole)}
            row |= {"customertypecode": pick([None, 1, 3])}
            row |= {"_primarycontactid_value": pick([None, row_id("contact", self.dice.randrange(40))])}
        else:
            row |= {"title": pick(text), "statecode": pick([0, 1])}
            row |= {"_primarycontactid_value": pick([None, row_id("contact", self.dice.randrange(40))])}
            if customer is not None:
                row["_customerid_value"] = row_id(*customer)
        return row

    # ------------------------------------------------------------------------------------------- FetchXML

    def fetch_text(self) -> tuple[str, str]:
        root = self.dice.choice(list(SETS))
        attributes = self.dice.choice(["", "", ' top="3"', ' distinct="true"', ' count="4" page="2"'])
        attributes += self.dice.choice(["", ' returntotalrecordcount="true"']) if "top" not in attributes else ""
        self.aliases: list[tuple[str, str]] = []
        return root, f"<fetch{attributes}><entity name={quoteattr(root)}>{self._inside(root, 2)}</entity></fetch>"

    def _inside(self, table: str, links: int) -> str:
        inside = f'<attribute name="{self.dice.choice(COLUMNS[table])}"/>'
        if self.dice.random() < 0.3:
            descending = self.dice.choice(["true", "false"])
            inside += f'<order attribute="{self.dice.choice(COLUMNS[table])}" descending="{descending}"/>'
        for child, own, parent in self.dice.sample(JOINS[table], self.dice.choice([0, 1, 1, 2]) if links else 0):
            kind = self.dice.choice(["inner", "inner", "outer"])
            alias = f"l{len(self.aliases)}"
            self.aliases.append((alias, child))
            inside += (
                f'<link-entity name="{child}" from="{own}" to="{parent}" link-type="{kind}" alias="{alias}">'
                f"{self._inside(child, links - 1)}</link-entity>"
            )
        if self.dice.random() < 0.6:
            inside += self._filter(table, 2, self.aliases if links == 2 else [])
        return inside

    def _filter(self, table: str, depth: int, aliases: list[tuple[str, str]]) -> str:
        """Filters of the root, after which the links stand, may name the aliases of links."""
        parts = [
            self._filter(table, depth - 1, aliases)
            if depth and self.dice.random() < 0.3
            else self._condition(*self.dice.choice([("", table), ("", table), *aliases]))
            for _ in range(self.dice.choice([0, 1, 2, 2, 3]))
        ]
        return f'<filter type="{self.dice.choice(["and", "or"])}">{"".join(parts)}</filter>'

    def _condition(self, alias: str, table: str) -> str:
        name = self.dice.choice(COLUMNS[table])
        column = self.table(table).definition.columns[name]
        is_text = column.edm_type == "Edm.String"
        operator = self.dice.choice(["eq", "in", "in", "ne", "null", *(["begins-with", "like"] * 2 if is_text else [])])
        values = [] if operator == "null" else [self._value(table, name) for _ in range(3 if operator == "in" else 1)]
        if operator in {"begins-with", "like"}:
            values = [self.dice.choice(PATTERNS)]
        inside = "".join(f"<value>{escape(value)}</value>" for value in values)
        of_link = f' entityname="{alias}"' if alias else ""
        return f'<condition{of_link} attribute="{name}" operator="{operator}">{inside}</condition>'

    def _value(self, table: str, name: str) -> str:
        column = self.table(table).definition.columns[name]
        if column.edm_type == "Edm.String":
            return self.dice.choice(TEXTS)
        if column.edm_type == "Edm.Guid":
            targets = [target for target in column.targets if target in SETS] or [table]
            return row_id(self.dice.choice(targets), self.dice.randrange(40)).upper()
        return str(self.dice.randrange(4))

    # ---------------------------------------------------------------------------------------------- OData

    def filter_text(self, table: str, depth: int = 3) -> str:
        if depth and self.dice.random() < 0.6:
            parts = [self.filter_text(table, depth - 1) for _ in range(self.dice.choice([2, 3]))]
            return f"({self.dice.choice([' and ', ' or ']).join(parts)})"
        definition = self.table(table).definition
        column = definition.columns[self.dice.choice(COLUMNS[table])]
        values = [self._value(table, column.name).replace("'", "''") for _ in range(3)]
        kinds = ["in", "eq", "ne", "not"] + ["startswith"] * (2 if column.edm_type == "Edm.String" else 0)
        kind = self.dice.choice(kinds)
        if kind == "in":
            listed = ",".join(f'"{value}"' for value in values)
            return f"Microsoft.Dynamics.CRM.In(PropertyName='{column.name}',PropertyValues=[{listed}])"
        if kind == "startswith":
            return f"startswith({column.property},'{self.dice.choice(PATTERNS)}')"
        literal = f"'{values[0]}'" if column.edm_type == "Edm.String" else values[0]
        if kind == "not":
            return f"not ({column.property} eq {literal})"
        return f"{column.property} {kind} {literal}"


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator()


def read(simulator: Simulator, root: str, text: str) -> Fetch:
    request = Request("GET", "", "", {}, b"")
    return read_fetch(simulator.store, Environment(), simulator.store.by_name[root], text, request)


def ids(fetch: Fetch, rows: Any) -> list[dict[str, str | None]]:
    return [
        {alias: None if row is None else row[ID_SLOT] for alias, row in joined.items()}
        for joined in chosen_rows(fetch, rows)
    ]


@pytest.mark.parametrize("seed", range(12))
def test_a_planned_fetch_answers_as_a_scan_does(simulator: Simulator, seed: int) -> None:
    world = World(simulator, seed)
    planned = answered = 0
    for _ in range(250):
        root, text = world.fetch_text()
        fetch = read(simulator, root, text)
        table = fetch.root.table
        offered = list(root_rows(fetch, scan_share=1))
        scanned = ids(fetch, table.rows.values())
        assert ids(fetch, offered) == scanned, text
        planned += len(offered) < len(table.rows)
        answered += bool(scanned) and len(offered) < len(table.rows)
        if world.dice.random() < 0.3:
            world.change(3)
    assert planned > 25
    assert answered > 5


@pytest.mark.parametrize("seed", range(12))
def test_an_indexed_filter_answers_as_a_scan_does(
    simulator: Simulator, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_tests, "SCAN_SHARE", 1)
    world = World(simulator, seed)
    indexed = answered = 0
    for _ in range(150):
        name = world.dice.choice(list(SETS))
        table = world.table(name)
        text = world.filter_text(name)
        compiled = compile_filter(simulator.store, table, text, {})
        scanned = [row for row in table.rows.values() if compiled.test(row)]
        assert compiled.rows(table) == scanned, text
        indexed += compiled.offer is not None
        answered += compiled.offer is not None and bool(scanned)
        if world.dice.random() < 0.3:
            world.change(3)
    assert indexed > 40
    assert answered > 15


LINK_TO_CALLER = (
    '<link-entity name="contact" from="contactid" to="{}" alias="c" link-type="inner"><filter><filter type="or">'
    '<condition attribute="telephone1" operator="in"><value>+358 40 77</value><value>040 77</value></condition>'
    '<condition attribute="telephone1" operator="begins-with" value="+3584077"/>'
    '<condition attribute="mobilephone" operator="begins-with" value="+3584077"/></filter></filter></link-entity>'
)
QUERIES = {
    "incident": f'<filter><condition attribute="statecode" operator="eq" value="0"/></filter>'
                f'{LINK_TO_CALLER.format("customerid")}<order attribute="createdon" descending="true"/>',
    "account": LINK_TO_CALLER.format("primarycontactid"),
    "phonecall": '<link-entity name="activityparty" from="activityid" to="activityid" alias="p" link-type="inner">'
                 f'{LINK_TO_CALLER.format("partyid")}</link-entity>',
}  # fmt: skip


@pytest.mark.parametrize("root", QUERIES)
def test_a_caller_is_found_through_the_links_and_nobody_else_is_looked_at(root: str) -> None:
    simulator = Simulator()
    contacts = [
        {"contactid": row_id("contact", n), "telephone1": f"+35840{n}", "mobilephone": f"+35850{n}"} for n in range(900)
    ]
    contacts[77]["telephone1"] = "+3584077;ext=1"
    contacts[88]["telephone1"] = "040 77"
    party = "_partyid_value@Microsoft.Dynamics.CRM.lookuplogicalname"
    rows: dict[str, list[dict[str, Any]]] = {
        "contacts": contacts,
        "accounts": [{"name": f"A{n}", "_primarycontactid_value": row_id("contact", n)} for n in range(900)],
        "incidents": [{"title": f"C{n}", "_customerid_value": row_id("contact", n)} for n in range(900)],
        "phonecalls": [
            {"phonecall_activity_parties": [{"_partyid_value": row_id("contact", n), party: "contact"}]}
            for n in range(900)
        ],
    }
    simulator.plant(rows)
    fetch = read(simulator, root, f'<fetch top="5"><entity name="{root}">{QUERIES[root]}</entity></fetch>')
    offered = list(root_rows(fetch))
    assert len(offered) == 12  # 77 with its extension, 770 to 779, and 88, who has 77 in the local form
    assert ids(fetch, offered) == ids(fetch, fetch.root.table.rows.values())


def test_a_way_that_leads_to_a_large_share_of_a_table_is_not_taken(simulator: Simulator) -> None:
    simulator.reset(frozenset())
    rows = [{"lastname": "Same" if n % SCAN_SHARE < 3 else f"N{n}"} for n in range(200)]
    simulator.plant({"contacts": rows})
    table = simulator.store.by_name["contact"]
    text = '<fetch><entity name="contact"><filter><condition attribute="lastname" operator="eq" value="{}"/></filter>'
    for name, most in (("Same", len(table.rows)), ("N3", 1)):
        fetch = read(simulator, "contact", f"{text.format(name)}</entity></fetch>")
        assert len(list(root_rows(fetch))) == most
