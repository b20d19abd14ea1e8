"""What traffic is asked for."""

from dataclasses import dataclass
from datetime import date
from typing import Any

KEYS = frozenset({"agents", "day", "seed", "callsPerAgent", "numbers"})
MOST_AGENTS = 20_000
MOST_CALLS = 400


@dataclass(frozen=True)
class Order:
    """So many agents on a day; `numbers` are those of the customers, invented where it is empty."""

    agents: int
    day: date
    seed: int = 0
    calls_per_agent: int = 30
    numbers: tuple[str, ...] = ()


def read_order(raw: Any) -> Order:
    """Returns the order of `{"agents", "day", "seed"?, "callsPerAgent"?, "numbers"?}`, or raises ValueError."""
    if not isinstance(raw, dict) or not raw.keys() <= KEYS or not {"agents", "day"} <= raw.keys():
        raise ValueError(f"Traffic needs 'agents' and 'day', and takes {', '.join(sorted(KEYS))}.")
    numbers = raw.get("numbers", [])
    if not isinstance(numbers, list) or not all(isinstance(number, str) and number for number in numbers):
        raise ValueError("'numbers' is a list of texts that are not empty.")
    if not isinstance(raw["day"], str):
        raise ValueError("'day' is a date such as 2026-03-02.")
    return Order(
        _whole(raw, "agents", 1, MOST_AGENTS),
        date.fromisoformat(raw["day"]),
        _whole({"seed": 0} | raw, "seed", 0, 10**9),
        _whole({"callsPerAgent": 30} | raw, "callsPerAgent", 1, MOST_CALLS),
        tuple(numbers),
    )


def _whole(raw: dict[str, Any], name: str, least: int, most: int) -> int:
    value = raw[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"'{name}' is a whole number from {least} to {most}.")
    return value
