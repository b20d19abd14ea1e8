"""Where the simulator is, and what landed in it, seen through its control surface and not through a client."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from local.dataverse.environment import Environment

type Row = dict[str, Any]

# A key, custom columns and a custom choice that no environment has out of the box.
TABLES: dict[str, Any] = {
    "account": {"keys": {"new_number": ["accountnumber"]}},
    "contact": {
        "attributes": {
            "new_voiceid": {"type": "String", "max_length": 12},
            "new_tier": {
                "type": "Picklist",
                "options": [{"value": 100_000_000, "label": "Gold"}, {"value": 100_000_001, "label": "Silver"}],
            },
        }
    },
}


@dataclass(frozen=True)
class Origins:
    """Where the simulator listens, and the file that holds its certificate."""

    plain: str
    tls: str
    certificate: Path


@dataclass(frozen=True)
class Counts:
    """What the simulator counted: requests and batch parts as `METHOD table`, messages, records by kind and table."""

    requests: dict[str, int]
    parts: dict[str, int]
    messages: dict[str, int]
    created: dict[str, int]
    updated: dict[str, int]
    deleted: dict[str, int]
    throttled: int
    tokens: int


class Control:
    """The control surface of one simulator."""

    def __init__(self, origin: str) -> None:
        self._http = httpx.Client(base_url=f"{origin}/__sim/", trust_env=False, timeout=30)

    def close(self) -> None:
        """Closes the connection."""
        self._http.close()

    def reset(self) -> None:
        """Returns to the seed, the default environment and no faults, with the custom columns and the key added."""
        self.environment(**{**Environment().as_json(), "strict_tokens": True})
        self._post("reset", {})
        self._post("columns", TABLES)

    def environment(self, **settings: Any) -> None:
        """Changes settings of the environment."""
        self._post("environment", settings)

    def plant(self, entity_set: str, rows: list[Row]) -> list[str]:
        """Puts rows there that no client wrote, and returns their ids."""
        planted: dict[str, list[str]] = self._post("rows", {entity_set: rows})
        return planted[entity_set]

    def watch(self, **match: str) -> None:
        """Counts the requests that match (`method`, `pathRegex`, `body`) from now on; they are answered as ever."""
        self._post("faults", [{"match": match, "action": {"delayMs": 0}}])

    def watched(self) -> list[int]:
        """Returns the count of each watch, in order."""
        return [rule["hits"] for rule in self._http.get("faults").json()]

    def rows(self, entity_set: str) -> dict[str, Row]:
        """Returns every stored row by its id."""
        rows = self._http.get("rows", params={"table": entity_set}).raise_for_status().json()
        return {next(iter(row.values())): row for row in rows}

    def counts(self) -> Counts:
        """Returns what was counted since the reset."""
        stats = self._http.get("stats").raise_for_status().json()
        requests, parts = dict(stats["requests"]), dict(stats["parts"])
        del requests["total"], parts["total"]
        return Counts(
            requests=requests,
            parts=parts,
            # a cast in a path (of the definitions that the official client reads) looks like a message
            messages={name: count for name, count in stats["messages"].items() if not name.endswith("Metadata")},
            **stats["recordsWritten"],
            throttled=stats["throttled"],
            tokens=stats["tokens"],
        )

    def _post(self, path: str, body: Any) -> Any:
        response = self._http.post(path, json=body)
        assert response.status_code == 200, response.text
        return response.json()


class Landed:
    """The rows of one table since the start of a test."""

    def __init__(self, control: Control, entity_set: str) -> None:
        self._control = control
        self._entity_set = entity_set
        self._before = control.rows(entity_set)

    def changes(self) -> tuple[dict[str, Row], dict[str, Row], set[str]]:
        """Returns the rows that came, the rows that changed, and the ids that went."""
        after = self._control.rows(self._entity_set)
        came = {key: row for key, row in after.items() if key not in self._before}
        changed = {key: row for key, row in after.items() if key in self._before and row != self._before[key]}
        return came, changed, self._before.keys() - after.keys()

    def before(self, row_id: str) -> Row:
        """Returns the row as it was."""
        return self._before[row_id]


def held(row: Row, expected: Row) -> Row:
    """Returns what the row holds in the columns of `expected`, to be compared with it."""
    return {name: row[name] for name in expected}
