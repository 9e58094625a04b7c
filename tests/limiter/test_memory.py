"""What the limiter needs of a machine's memory: little, and nothing that grows with requests."""

import gc
import tracemalloc

import pytest
from flygate_limiter import Limiter, MemoryStore, Policy, PolicySet, Request, parse

POLICIES = PolicySet((Policy("burst", parse("10/s burst 20")), Policy("day", parse("1000/d"))))


def ask(limiter: Limiter, clients: int, times: int) -> None:
    """Let each of these clients send a request."""
    for _ in range(times):
        for number in range(clients):
            address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            limiter.check_now(Request(address, "GET", "/", address, lambda _: None))


@pytest.mark.parametrize(("clients", "most"), [(250, 1_000_000), (1_000, 1_000_000)])
def test_clients_take_little_memory(clients: int, most: int) -> None:
    """250 clients of two policies fit into 1 MB ten times over, objects and table together."""
    store = MemoryStore()
    limiter = Limiter(POLICIES, store)
    ask(limiter, 1, 1)
    gc.collect()
    tracemalloc.start()
    try:
        ask(limiter, clients, 3)
        gc.collect()
        objects, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # The table's memory is mapped, and so not traced.
    assert store.memory_bytes + objects < most
