"""Keys of cases, notes and notifications: the same for the same call and configuration, however they are spelt."""

from collections.abc import Callable
from uuid import UUID, uuid5

import pytest

from shared.tickets.ids import case_id, ticket_note_id, ticket_notification_id

CALL = "0c3f7a10-2b1d-4f6e-8a57-3d1c5e9b7a20"
KEYS: list[Callable[[str, str], UUID]] = [case_id, ticket_note_id, ticket_notification_id]


@pytest.mark.parametrize(
    ("key", "namespace"),
    [(key, f"5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a4{digit}") for digit, key in enumerate(KEYS)],
)
def test_a_key_is_that_of_the_call_and_the_configuration(key: Callable[[str, str], UUID], namespace: str) -> None:
    assert key(CALL, "missed call") == uuid5(UUID(namespace), f"{CALL}|missed call")
    for call, configuration in [(CALL.upper(), "Missed Call"), (f"{{{CALL}}}", "MISSED CALL")]:
        assert key(call, configuration) == key(CALL, "missed call")


@pytest.mark.parametrize("key", KEYS)
def test_another_call_or_configuration_has_another_key(key: Callable[[str, str], UUID]) -> None:
    assert len({key(CALL, "a"), key(CALL, "b"), key("another call", "a")}) == 3
    with pytest.raises(ValueError, match="blank"):
        key(" ", "a")


def test_the_keys_never_change() -> None:
    """They are in customers' data."""
    assert [str(key(CALL, "Missed call")) for key in KEYS] == [
        "2a552379-2332-5bea-95ec-74a4afe8e0b2",
        "af3d439a-0a27-5fb0-b0c8-4723ec7f861c",
        "69c13c30-c7fa-5022-9e24-a39d24ba8b2f",
    ]
