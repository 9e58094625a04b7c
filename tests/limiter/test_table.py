"""The table: it grows a little at a time, and loses nothing."""

from random import Random

import pytest
from flygate_limiter.table import ABSENT, WAYS, Table

NOW = 1_000
LIVE = NOW + 1


class CountingTable(Table):
    """Counts the entries that are moved."""

    moved = 0

    def _move(self, source: int, target: int) -> None:
        type(self).moved += 1
        super()._move(source, target)


def fingerprints(count: int, seed: int = 1) -> list[int]:
    """Numbers as a hash gives them."""
    random = Random(seed)
    return [random.getrandbits(64) - 2**63 for _ in range(count)]


def fill(table: Table, keys: list[int]) -> list[int]:
    """Give each key a slot that is in use; those that got none are returned."""
    lost = []
    for fingerprint in keys:
        slot = table.claim(fingerprint, NOW)
        if slot == ABSENT:
            lost.append(fingerprint)
        else:
            table.tats[slot] = LIVE
    return lost


def test_no_call_moves_more_than_a_few() -> None:
    """From small to full no single claim moves more than two sets' entries: there is no pause."""
    table, most = CountingTable(80_000), 0
    small = table.size
    for fingerprint in fingerprints(60_000):
        before = CountingTable.moved
        fill(table, [fingerprint])
        most = max(most, CountingTable.moved - before)

    assert table.size == table.max_slots > 60 * small
    assert 0 < most <= 2 * WAYS + 2


def test_keeps_its_place() -> None:
    """What is bound to the table's numbers stays valid while it grows, and memory follows use."""
    table = Table(80_000)
    before = table.fingerprints, table.tats, table.memory_bytes
    fill(table, fingerprints(60_000))

    assert (table.fingerprints, table.tats) == before[:2]
    assert before[2] < 20_000
    assert table.memory_bytes == 17 * table.size


def test_finds_all_at_three_quarters() -> None:
    """At a load of 0.75, all entries live, none is lost and each is found where it was put."""
    table = Table(1 << 16)
    keys = fingerprints(table.max_slots * 3 // 4)

    assert fill(table, keys) == []
    assert all(table.fingerprints[table.find(key)] == key for key in keys)
    assert table.find(12345) == ABSENT


def test_no_live_entry_is_overwritten() -> None:
    """A table that is full gives no slot, and keeps the keys that it has."""
    table = Table(4_096)
    keys = fingerprints(20_000)
    lost = set(fill(table, keys))

    assert len(keys) - len(lost) > 0.98 * table.max_slots
    assert all(table.find(key) != ABSENT for key in keys if key not in lost)


@pytest.mark.parametrize("seed", range(3))
def test_room_is_found_after_a_flood(seed: int) -> None:
    """When its entries are idle a full table takes new ones as an empty one does."""
    table = Table(4_096)
    fill(table, fingerprints(20_000, seed))
    newcomers = fingerprints(table.max_slots // 2, seed + 100)
    later = LIVE + 1

    slots = []
    for fingerprint in newcomers:
        slot = table.claim(fingerprint, later)
        table.tats[slot] = later + 1
        slots.append(slot)

    assert ABSENT not in slots
    assert all(table.find(key) != ABSENT for key in newcomers)
