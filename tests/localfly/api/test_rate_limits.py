"""How often each action may be asked for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localfly.api.rate_limits import RateLimits
from localfly.daemon.local_fly import LocalFly
from localfly.daemon.options import Options

from tests.support.localfly import clients

MACHINE = "/v1/apps/x/machines/148e"


class Clock:
    """Time that a test moves on."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("method", "path", "burst", "per_second"),
    [
        ("POST", "/v1/apps/x/machines", 3, 1),
        ("POST", MACHINE, 3, 1),
        ("POST", f"{MACHINE}/start", 3, 1),
        ("GET", f"{MACHINE}/wait", 3, 1),
        ("GET", MACHINE, 10, 5),
        ("DELETE", "/v1/apps/x", 100, 100 / 60),
    ],
)
def test_each_action_has_its_rate_and_burst(
    method: str, path: str, burst: int, per_second: float
) -> None:
    """As Fly documents them."""
    clock = Clock()
    limits = RateLimits(clock)
    passed = [limits.take(method, path) for _ in range(burst + 2)]
    assert passed == [True] * burst + [False] * 2
    clock.now += 1 / per_second + 0.001
    assert [limits.take(method, path) for _ in range(2)] == [True, False]


def test_actions_and_machines_do_not_share_a_limit() -> None:
    """The limit is per action and per machine or app; other paths have none."""
    limits = RateLimits(Clock())
    for _ in range(3):
        assert limits.take("POST", f"{MACHINE}/start")
    assert not limits.take("POST", f"{MACHINE}/start")
    assert limits.take("POST", f"{MACHINE}/stop")
    assert limits.take("POST", "/v1/apps/x/machines/148f/start")
    assert all(limits.take("POST", "/graphql") for _ in range(50))


@given(st.lists(st.floats(0, 3), max_size=60))
def test_no_window_lets_more_through_than_burst_and_rate(pauses: list[float]) -> None:
    """However requests are spread, n seconds admit at most n + burst of them."""
    clock = Clock()
    limits, passed = RateLimits(clock), list[float]()
    for pause in pauses:
        clock.now += pause
        if limits.take("POST", MACHINE):
            passed.append(clock.now)
    for first, begin in enumerate(passed):
        for count, end in enumerate(passed[first:], 1):
            assert count <= (end - begin) + 3 + 1e-6


@pytest.mark.integration
async def test_the_fourth_request_at_once_is_429(tmp_path: Path) -> None:
    """In Fly's form of an error; without the option there is no limit."""
    for options, last in ((Options(rate_limits=True), 429), (Options(), 404)):
        async with (
            LocalFly(tmp_path, options=options) as fly,
            clients(fly.api_url, fly.proxy_url) as (api, _),
        ):
            answers = [await api.post(f"{MACHINE}/start") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [404, 404, 404, last]
        assert set(answers[-1].json()) == {"error", "status"}
        assert answers[-1].headers["fly-request-id"]
