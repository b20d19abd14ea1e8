"""Slots in memory: of many that claim at once, one gets what it wants."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from shared.tickets.layout import TABLE
from shared.tickets.slots import Slots
from tests.memory_storage import MemoryTables
from tests.unit.shared.tickets.tickets import START, a_slot

KEY, OTHER = "a" * 64, "b" * 64


async def test_a_slot_is_claimed_read_and_claimed_over() -> None:
    slots = Slots(MemoryTables())
    assert await slots.read([KEY]) == {}
    first = await slots.claim(KEY, a_slot(1), None)
    assert replace(first, etag="") == a_slot(1)
    assert await slots.read([KEY, KEY, OTHER]) == {KEY: first}
    second = await slots.claim(KEY, replace(first, made=True), first)
    assert second.made
    assert second.etag != first.etag
    assert await slots.read([KEY]) == {KEY: second}


async def test_who_comes_too_late_gets_what_is_there() -> None:
    slots = Slots(MemoryTables())
    first = await slots.claim(KEY, a_slot(1), None)
    assert await slots.claim(KEY, a_slot(2), None) == first
    second = await slots.claim(KEY, a_slot(3), first)
    assert await slots.claim(KEY, a_slot(4), first) == second


async def test_one_of_32_gets_the_slot() -> None:
    slots = Slots(MemoryTables())
    for over in (None, await slots.claim(OTHER, a_slot(99), None)):
        key = KEY if over is None else OTHER
        got = await asyncio.gather(*(slots.claim(key, a_slot(number), over) for number in range(32)))
        assert len(set(got)) == 1
        assert got[0] == (await slots.read([key]))[key]


async def test_a_slot_that_was_swept_meanwhile_is_claimed_anew() -> None:
    slots = Slots(MemoryTables())
    old = await slots.claim(KEY, a_slot(1), None)
    assert await slots.sweep(START + timedelta(days=1)) == 1
    assert replace(await slots.claim(KEY, a_slot(2), old), etag="") == a_slot(2)


async def test_the_sweep_leaves_what_was_touched() -> None:
    tables = MemoryTables()
    slots = Slots(tables)
    for number, key in enumerate([KEY, OTHER]):
        await slots.claim(key, a_slot(number, days=number), None)
    assert await slots.sweep(START + timedelta(days=1)) == 1
    assert [row for _, row in tables.rows(TABLE)] == [OTHER]
