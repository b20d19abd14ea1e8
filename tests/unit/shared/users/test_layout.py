"""The map as it is stored."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from shared.storage.entities import batches
from shared.users.layout import PARTITION, STATE_ROW, MapState, changed_shards, ids_of, read_map, read_state, shards

SPACE = UUID(int=7)


def ids(count: int) -> dict[str, str]:
    return {str(uuid5(SPACE, f"enreach {n}")): str(uuid5(SPACE, f"dynamics {n}")) for n in range(count)}


def test_what_is_stored_is_read_again() -> None:
    stored: dict[str, dict[str, object]] = {row: dict(values) for row, values in shards(ids(500)).items()}
    state = MapState(datetime(2027, 3, 1, tzinfo=UTC), 500, 700, 2, 3, "why", datetime(2027, 2, 1, tzinfo=UTC))
    stored[STATE_ROW] = dict(state.values())
    found = read_map(stored)
    assert found.ids == ids(500)
    assert found.state == state


def test_nothing_stored_is_an_empty_map_that_nobody_completed() -> None:
    found = read_map({})
    assert (found.ids, found.state) == ({}, MapState())
    assert read_state(MapState().values()) == MapState()


def test_only_the_rows_that_differ_are_written() -> None:
    before = ids(500)
    one = next(iter(before))
    rows = changed_shards(before, {**before, one: str(SPACE)})
    assert [row for row, _ in rows] == [one[0]]
    assert changed_shards(before, dict(reversed(before.items()))) == []
    assert ids_of(values for _, values in changed_shards({}, before)) == before


def test_a_row_that_loses_its_last_id_is_written_empty() -> None:
    one = {str(SPACE): str(SPACE)}
    assert changed_shards(one, {}) == [("0", {"users": b""})]


def test_twenty_thousand_users_are_one_transaction() -> None:
    """Which storage carries out whole or not at all."""
    rows = [*changed_shards({}, ids(20_000)), (STATE_ROW, MapState().values())]
    assert len(list(batches(PARTITION, rows))) == 1
