"""The way of a request through the limiter, as the map in `limiter.py` has it."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import flygate_limiter
from flygate_limiter import (
    FakeClock,
    Limiter,
    MemoryStore,
    Policy,
    PolicySet,
    Request,
    Route,
    parse,
)

HOME = Path(flygate_limiter.__file__).parent


def files_of(call: Callable[[], object]) -> list[str]:
    """The library's files that a call passes, each at its first function."""
    found: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(HOME):
            name = str(path.relative_to(HOME))
            if name not in found:
                found.append(name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
    return found


def test_a_request_passes_the_files_of_the_map() -> None:
    """Which policies, which bucket, the decision: in this order, at the first request and later."""
    policy = Policy("search", parse("5/m"), routes=(Route.parse("GET /search"),))
    store = MemoryStore(clock=FakeClock())
    limits = Limiter(PolicySet((policy,)), store)
    request = Request("192.0.2.1", path="/search")

    first = files_of(lambda: limits.check_now(request))
    later = files_of(lambda: limits.check_now(request))

    on_the_map = ["limiter.py", "policies/policy_set.py", "store/memory.py", "bucket.py"]
    assert [name for name in first if name in on_the_map] == on_the_map
    assert [name for name in later if name in on_the_map] == [
        "limiter.py",
        "policies/policy_set.py",
        "bucket.py",
    ]


def test_several_policies_are_charged_by_the_store() -> None:
    """With two policies the store asks the same file for each decision."""
    policies = (Policy("minute", parse("5/m")), Policy("hour", parse("50/h")))
    limits = Limiter(PolicySet(policies), MemoryStore(clock=FakeClock()))

    passed = files_of(lambda: limits.check_now(Request("192.0.2.1")))

    on_the_map = ["limiter.py", "policies/policy_set.py", "store/memory.py", "bucket.py"]
    assert [name for name in passed if name in on_the_map] == on_the_map
